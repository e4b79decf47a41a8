using System.Net.Http.Headers;
using Microsoft.AspNetCore.Http;

namespace Ote.Cluster.Reports;

/// <summary>
/// For whom a process beside the controller asks: the user's name and groups, each percent-encoded (RFC 3986), groups in one line with commas between: names may have commas themselves, and encoded one group
/// cannot be taken for two.
/// </summary>
internal static class FollowCaller
{
    private const string User = "Ote-User";
    private const string Groups = "Ote-Groups";

    /// <summary>Writes it.</summary>
    public static void Write(HttpRequestHeaders headers, string user, IEnumerable<string> groups)
    {
        headers.Remove(User);
        headers.Remove(Groups);
        headers.TryAddWithoutValidation(User, Uri.EscapeDataString(user));
        headers.TryAddWithoutValidation(Groups, string.Join(',', groups.Select(Uri.EscapeDataString)));
    }

    /// <summary>Reads it, and takes it out of what goes on; null when nobody is named.</summary>
    public static (string User, IReadOnlyList<string> Groups)? Take(IHeaderDictionary headers)
    {
        var (user, groups) = (headers[User].ToString(), headers[Groups].ToString());
        headers.Remove(User);
        headers.Remove(Groups);
        return user.Length == 0 ? null : (Uri.UnescapeDataString(user), [.. groups.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Uri.UnescapeDataString)]);
    }
}
