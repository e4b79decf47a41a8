using System.Net.Http.Headers;
using Microsoft.AspNetCore.Http;

namespace Ote.Shim.Live;

/// <summary>
/// Who asks, on the way from a controller to a shim: <c>Impersonate-User</c> and <c>Impersonate-Group</c> with each name percent-encoded (RFC 3986), groups in one line with commas between. HTTP joins
/// lines of one name with commas, and names of groups may have commas themselves: encoded, one group cannot be taken for two.
/// </summary>
internal static class CallerHeaders
{
    /// <summary>What all of these headers begin with.</summary>
    public const string Prefix = "Impersonate-";

    private const string User = Prefix + "User";
    private const string Group = Prefix + "Group";

    /// <summary>Encodes what a request says of who asks.</summary>
    public static void Encode(HttpRequestHeaders headers)
    {
        if (headers.TryGetValues(User, out var users))
        {
            var user = Uri.EscapeDataString(users.Single());
            headers.Remove(User);
            headers.TryAddWithoutValidation(User, user);
        }

        if (headers.TryGetValues(Group, out var groups))
        {
            var all = string.Join(',', groups.Select(Uri.EscapeDataString));
            headers.Remove(Group);
            headers.TryAddWithoutValidation(Group, all);
        }
    }

    /// <summary>Puts who asks, as a request that came says, into the request that goes on, name by name.</summary>
    public static void Decode(IHeaderDictionary came, HttpRequestHeaders goes)
    {
        if (came[User].ToString() is { Length: > 0 } user)
        {
            goes.TryAddWithoutValidation(User, Uri.UnescapeDataString(user));
        }

        foreach (var group in came[Group].ToString().Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            goes.TryAddWithoutValidation(Group, Uri.UnescapeDataString(group));
        }
    }
}
