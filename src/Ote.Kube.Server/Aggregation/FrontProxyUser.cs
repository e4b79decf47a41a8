using Microsoft.AspNetCore.Http;
using Ote.Kube.Server.Access;

namespace Ote.Kube.Server.Aggregation;

/// <summary>Reads from headers whom an API server that is believed speaks for, and takes out of a request all that says who somebody is: it may go on to another cluster.</summary>
internal static class FrontProxyUser
{
    private const string Impersonating = "Impersonate-";

    /// <summary>The user; null when no header names one.</summary>
    public static UserInfo? Take(IHeaderDictionary headers, FrontProxyTrust trust)
    {
        var user = Read(headers, trust);
        string[] told =
        [
            "Authorization", .. trust.UserHeaders, .. trust.GroupHeaders, .. trust.UidHeaders,
            .. headers.Keys.Where(k => k.StartsWith(Impersonating, StringComparison.OrdinalIgnoreCase) || trust.ExtraPrefixes.Any(p => k.StartsWith(p, StringComparison.OrdinalIgnoreCase))),
        ];
        foreach (var name in told)
        {
            headers.Remove(name);
        }

        return user;
    }

    private static UserInfo? Read(IHeaderDictionary headers, FrontProxyTrust trust)
    {
        if (First(headers, trust.UserHeaders) is not { } name)
        {
            return null;
        }

        var extra = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        foreach (var (key, values) in headers)
        {
            if (trust.ExtraPrefixes.FirstOrDefault(p => key.StartsWith(p, StringComparison.OrdinalIgnoreCase)) is { } prefix)
            {
                // Names come in lower case and percent-encoded, as header names must.
                extra[Uri.UnescapeDataString(key[prefix.Length..]).ToLowerInvariant()] = [.. values.OfType<string>()];
            }
        }

        return new UserInfo(name, [.. trust.GroupHeaders.SelectMany(h => headers[h].OfType<string>()).Distinct(StringComparer.Ordinal)])
        {
            Uid = First(headers, trust.UidHeaders),
            Extra = extra,
        };
    }

    private static string? First(IHeaderDictionary headers, IReadOnlyList<string> names) =>
        names.SelectMany(h => headers[h].OfType<string>()).FirstOrDefault(v => v.Length > 0);
}
