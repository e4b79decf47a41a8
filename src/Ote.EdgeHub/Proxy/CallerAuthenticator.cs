using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Http;
using Ote.EdgeHub.Upstream;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;

namespace Ote.EdgeHub.Proxy;

/// <summary>
/// Tells who calls: a component by the client certificate or the token of its own kubeconfig, a pod by the token of its account; anyone else's bearer token goes to the API server to be judged. A certificate that ran out while the node was cut off is still
/// taken as long as it is: a new one cannot be had. Who shows nothing is nobody. Thread-safe.
/// </summary>
/// <param name="identities">The components.</param>
/// <param name="pods">Whose tokens are those of pods.</param>
/// <param name="authorities">Whom their certificates chain to.</param>
/// <param name="isConnected">Whether new certificates can be had.</param>
/// <param name="time">The clock.</param>
internal sealed class CallerAuthenticator(NodeIdentities identities, PodTokens pods, X509Certificate2Collection authorities, Func<bool> isConnected, TimeProvider time)
{
    /// <summary>For so long a connection's certificate is not judged again while it has not run out: building its chain takes longer than all else that a short request needs.</summary>
    private static readonly TimeSpan Trust = TimeSpan.FromMinutes(1);

    private readonly ConditionalWeakTable<X509Certificate2, Judgement> _judged = [];

    /// <summary>The caller; null with the reason why there is none.</summary>
    public async ValueTask<(Caller? Caller, string Reason)> FindAsync(HttpContext context)
    {
        var header = context.Request.Headers.Authorization.ToString();
        const string Bearer = "Bearer ";
        if (header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) && header[Bearer.Length..].Trim() is { Length: > 0 } token) // An empty one is none, as at an API server.
        {
            foreach (var identity in identities.Components)
            {
                if (identity.Token is { } own && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(own), Encoding.UTF8.GetBytes(token)))
                {
                    return (new Caller(identity.Name, identity, token), "");
                }
            }

            var account = await pods.FindAsync(token, context.RequestAborted).ConfigureAwait(false);
            return (new Caller(account?.Name ?? "token", account, token), "");
        }

        if (context.Connection.ClientCertificate is not { } certificate)
        {
            return (null, "no credentials came with the request: show the client certificate or the token of a kubeconfig that the hub was given");
        }

        var (name, isIssued, isSameUser, _) = Judge(certificate);
        if (!isIssued)
        {
            return (null, certificate.NotAfter.ToUniversalTime() < time.GetUtcNow()
                ? $"the certificate of \"{name}\" ran out at {new DateTimeOffset(certificate.NotAfter).ToKubeTime()}: renew it"
                : $"the certificate of \"{name}\" was issued by none of the authorities that the hub has as --client-ca-file, or is not for clients, or not good yet");
        }

        return identities.Component(name) is not { } known ? (null, $"the hub has no credentials of \"{name}\" to pass on its requests with: start it with that component's kubeconfig too")
            : isSameUser ? (new Caller(name, known, null), "")
            : (null, $"the certificate of \"{name}\" is not of the groups (O) that the component of that name is of, whose rights the hub would lend it: show that component's own");
    }

    /// <summary>To an API server a user is its name and its groups, and either may be what its rights hang on.</summary>
    private static bool IsSameUser(X509Certificate2 shown, NodeIdentity component) =>
        component.Certificate is { } own
        && (shown.SubjectName.RawData.AsSpan().SequenceEqual(own.SubjectName.RawData)
            || (CertificateUser.Of(shown) is { } caller && CertificateUser.Of(own) is { } known && caller.Name == known.Name && caller.Groups.ToHashSet(StringComparer.Ordinal).SetEquals(known.Groups)));

    private Judgement Judge(X509Certificate2 certificate)
    {
        var now = time.GetUtcNow();
        if (_judged.TryGetValue(certificate, out var known) && known is { IsIssued: true, IsSameUser: true } && now - known.At < Trust && now <= certificate.NotAfter)
        {
            return known;
        }

        var name = certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
        var judged = new Judgement(name, IsIssued(certificate), identities.Component(name) is { } component && IsSameUser(certificate, component), now);
        _judged.AddOrUpdate(certificate, judged);
        return judged;
    }

    private bool IsIssued(X509Certificate2 certificate) => TrustAnchors.IssuedClient(authorities, certificate, time.GetUtcNow(), asItWas: !isConnected());

    private sealed record Judgement(string Name, bool IsIssued, bool IsSameUser, DateTimeOffset At);
}
