using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Server.Aggregation;

/// <summary>
/// Whom a server behind another API server believes, and by which headers: what that one publishes as ConfigMap <c>extension-apiserver-authentication</c> of <c>kube-system</c> (Kubernetes, "Configure the
/// Aggregation Layer"). Immutable but for what it remembers of connections; thread-safe.
/// </summary>
internal sealed class FrontProxyTrust
{
    /// <summary>The ConfigMap.</summary>
    public const string Namespace = "kube-system", Name = "extension-apiserver-authentication";

    private static readonly Oid ClientAuth = new("1.3.6.1.5.5.7.3.2");

    private readonly X509Certificate2Collection _authorities;
    private readonly IReadOnlyList<string> _names;

    // A connection keeps its certificate object, so its chain is built once per connection.
    private readonly ConditionalWeakTable<X509Certificate2, Verdict> _seen = [];

    private FrontProxyTrust(X509Certificate2Collection authorities, IReadOnlyList<string> names) => (_authorities, _names) = (authorities, names);

    /// <summary>Headers with the user's name; the first that there is counts.</summary>
    public required IReadOnlyList<string> UserHeaders { get; init; }

    /// <summary>Headers with its groups, a line each.</summary>
    public required IReadOnlyList<string> GroupHeaders { get; init; }

    /// <summary>Headers with its uid; none before Kubernetes 1.33.</summary>
    public required IReadOnlyList<string> UidHeaders { get; init; }

    /// <summary>What headers with more of it begin with.</summary>
    public required IReadOnlyList<string> ExtraPrefixes { get; init; }

    /// <summary>Reads the ConfigMap.</summary>
    /// <param name="map">The ConfigMap; null: there is none.</param>
    /// <param name="fault">Why it does not say whom to believe; null when it does.</param>
    public static FrontProxyTrust? Parse(JsonObject? map, out string? fault)
    {
        var pem = map?.Text("data", "requestheader-client-ca-file");
        if (string.IsNullOrWhiteSpace(pem))
        {
            fault = map is null ? "it is not there" : "it has no requestheader-client-ca-file: start that API server with --requestheader-client-ca-file and --proxy-client-cert-file";
            return null;
        }

        try
        {
            var authorities = new X509Certificate2Collection();
            authorities.ImportFromPem(pem);
            var users = Texts(map!, "requestheader-username-headers");
            if (authorities.Count == 0 || users.Count == 0)
            {
                fault = authorities.Count == 0 ? "its requestheader-client-ca-file has no certificate" : "it names no requestheader-username-headers";
                return null;
            }

            fault = null;
            return new FrontProxyTrust(authorities, Texts(map!, "requestheader-allowed-names"))
            {
                UserHeaders = users,
                GroupHeaders = Texts(map!, "requestheader-group-headers"),
                UidHeaders = Texts(map!, "requestheader-uid-headers"),
                ExtraPrefixes = Texts(map!, "requestheader-extra-headers-prefix"),
            };
        }
        catch (Exception unreadable) when (unreadable is CryptographicException or JsonException or InvalidOperationException)
        {
            fault = $"it cannot be read: {unreadable.Message}";
            return null;
        }
    }

    /// <summary>Whether a connection's certificate is the API server's: issued for clients by one of its authorities, to one of the names it allows where it names any, and valid now.</summary>
    public bool Believes(X509Certificate2 certificate, DateTimeOffset now) =>
        now >= certificate.NotBefore && now <= certificate.NotAfter && _seen.GetValue(certificate, key => new Verdict(IsIssued(key, now))).Believed;

    private bool IsIssued(X509Certificate2 certificate, DateTimeOffset now)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(_authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        chain.ChainPolicy.ApplicationPolicy.Add(ClientAuth);
        return chain.Build(certificate) && (_names.Count == 0 || _names.Contains(certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false), StringComparer.Ordinal));
    }

    private static IReadOnlyList<string> Texts(JsonObject map, string key) =>
        map.Text("data", key) is { Length: > 0 } text && JsonNode.Parse(text) is JsonArray array ? [.. array.Select(v => v!.GetValue<string>()).Where(v => v.Length > 0)] : [];

    private sealed record Verdict(bool Believed);
}
