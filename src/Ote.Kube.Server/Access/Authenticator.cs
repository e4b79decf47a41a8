using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Ote.Kube.Server.Access;

/// <summary>
/// Tells who a request comes from: the host's word (<see cref="ApiUserFeature"/>), a client certificate of our CA (CN is the
/// user, O the groups), or a bearer token. Wrong credentials are refused, never taken as anonymous.
/// </summary>
internal sealed class Authenticator(Lazy<ServerPki> pki, BearerTokens tokens, TimeProvider time)
{
    // A connection keeps its certificate object, so its chain is built once per connection.
    private readonly ConditionalWeakTable<X509Certificate2, CertificateVerdict> _seen = [];

    /// <summary>The user; anonymous when no credentials came; null when they are wrong.</summary>
    public ValueTask<UserInfo?> AuthenticateAsync(HttpContext context)
    {
        if (context.Features.Get<ApiUserFeature>() is { } feature)
        {
            return new(feature.User);
        }

        var header = context.Request.Headers.Authorization;
        if (header.Count > 0)
        {
            const string Bearer = "Bearer ";
            var text = header.ToString();
            return text.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) ? tokens.FindAsync(text[Bearer.Length..].Trim(), context.RequestAborted) : default;
        }

        return new(context.Connection.ClientCertificate is { } certificate ? FromCertificate(certificate) : UserInfo.Anonymous);
    }

    private UserInfo? FromCertificate(X509Certificate2 certificate)
    {
        var now = time.GetUtcNow();
        if (now < certificate.NotBefore || now > certificate.NotAfter)
        {
            return null;
        }

        return _seen.GetValue(certificate, key => new CertificateVerdict(pki.Value.Issued(key, now) ? CertificateUser.Of(key) : null)).User;
    }

    private sealed record CertificateVerdict(UserInfo? User);
}

/// <summary>Bearer tokens by the hash of their text, so that looking one up tells nothing by its timing.</summary>
internal sealed class TokenTable
{
    private readonly Dictionary<string, UserInfo> _users = new(StringComparer.Ordinal);

    public TokenTable(IReadOnlyDictionary<string, UserInfo> tokens)
    {
        foreach (var (token, user) in tokens)
        {
            Add(token, user);
        }
    }

    /// <summary>Reads a token file: one <c>token,user,uid,"group,group"</c> a line, as the real server's.</summary>
    /// <exception cref="InvalidDataException">A line has fewer than three columns.</exception>
    public void AddFile(string path)
    {
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            var columns = line.Split(',', 4, StringSplitOptions.TrimEntries);
            if (columns.Length < 3 || columns[0].Length == 0 || columns[1].Length == 0)
            {
                throw new InvalidDataException($"{path}, line {number}: expected token,user,uid[,\"group,group\"]");
            }

            var groups = columns.Length < 4 ? [] : columns[3].Trim('"').Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            Add(columns[0], new UserInfo(columns[1], groups));
        }
    }

    public UserInfo? Find(string token) => _users.GetValueOrDefault(Hash(token));

    private static string Hash(string token) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    private void Add(string token, UserInfo user) =>
        _users[Hash(token)] = user.Groups.Contains(UserInfo.Authenticated) ? user : user with { Groups = [.. user.Groups, UserInfo.Authenticated] };
}
