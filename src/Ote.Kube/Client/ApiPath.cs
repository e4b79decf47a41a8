using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Ote.Kube.Client;

/// <summary>
/// A request's URL, checked and taken apart. Only forms with exactly one reading pass, so that what an allow-list or a policy sees is
/// what the API server sees: no <c>..</c>, no empty segment, no encoded slash, no host.
/// </summary>
public sealed record ApiPath
{
    private const int MaxLength = 8 * 1024;

    private static readonly SearchValues<char> s_path = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@%/");
    private static readonly SearchValues<char> s_query = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@%/?[]");

    private ApiPath(string path, string query, string[] segments) => (Path, Query, Segments) = (path, query, segments);

    /// <summary>As given, without the query.</summary>
    public string Path { get; }

    /// <summary>As given, without the question mark; empty when there is none.</summary>
    public string Query { get; }

    /// <summary>The path's segments, decoded.</summary>
    public IReadOnlyList<string> Segments { get; }

    /// <summary>API group, empty for the core; null when the path is no resource's.</summary>
    public string? Group { get; private init; }

    /// <summary>Null for a cluster-scoped resource, and for one of all namespaces.</summary>
    public string? Namespace { get; private init; }

    /// <summary>Plural name of the resource; null when the path is no resource's.</summary>
    public string? Resource { get; private init; }

    /// <summary>Null for a collection.</summary>
    public string? Name { get; private init; }

    /// <summary>What follows the name, such as <c>status</c>; null when nothing does.</summary>
    public string? Subresource { get; private init; }

    /// <summary>Checks and takes apart; <paramref name="error"/> says what is wrong with it.</summary>
    public static bool TryParse(string url, [NotNullWhen(true)] out ApiPath? parsed, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(url);
        parsed = null;
        error = Check(url, out string path, out string query, out string[] segments);
        if (error is null)
            parsed = Classify(new ApiPath(path, query, segments));
        return parsed is not null;
    }

    /// <summary>Values of a query parameter, decoded.</summary>
    public IEnumerable<string> Parameter(string name)
    {
        foreach (string pair in Query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            int at = pair.IndexOf('=', StringComparison.Ordinal);
            if (Decode(at < 0 ? pair : pair[..at]) == name)
                yield return at < 0 ? "" : Decode(pair[(at + 1)..]);
        }
    }

    /// <summary>Whether a parameter is on, read as the API server reads it: present and neither <c>false</c> nor <c>0</c>.</summary>
    public bool IsOn(string name) => Parameter(name).Any(value => value is not "0" && !value.Equals("false", StringComparison.OrdinalIgnoreCase));

    private static string? Check(string url, out string path, out string query, out string[] segments)
    {
        (path, query, segments) = ("", "", []);
        if (!url.StartsWith('/'))
            return "it must start with '/': path and query only, the shim knows the server";
        if (url.Length > MaxLength)
            return $"it is longer than {MaxLength} characters";
        int mark = url.IndexOf('?', StringComparison.Ordinal);
        (path, query) = mark < 0 ? (url, "") : (url[..mark], url[(mark + 1)..]);
        if (path.AsSpan().IndexOfAnyExcept(s_path) is >= 0 and int strange)
            return $"character {strange + 1} of its path must be percent-encoded or does not belong in a path";
        if (query.AsSpan().IndexOfAnyExcept(s_query) is >= 0 and int odd)
            return $"character {odd + 1} of its query must be percent-encoded";

        string[] raw = path[1..].Split('/');
        if (raw.Length > 1 && raw[^1].Length == 0)
            raw = raw[..^1]; // one closing slash is harmless: the server drops it too
        segments = new string[raw.Length];
        for (int i = 0; i < raw.Length; i++)
        {
            string decoded = Uri.UnescapeDataString(raw[i]);
            if (decoded.Length == 0)
                return "it has an empty segment ('//')";
            if (decoded is "." or "..")
                return "it has a segment '.' or '..'";
            if (decoded.AsSpan().IndexOfAny("/\\%?#") >= 0 || decoded.Any(char.IsControl))
                return $"segment {i + 1} holds an encoded separator or a broken escape";
            segments[i] = decoded;
        }
        return null;
    }

    private static ApiPath Classify(ApiPath path)
    {
        IReadOnlyList<string> s = path.Segments;
        // /api/v1/... or /apis/group/version/...
        (string? group, int at) = s[0] switch
        {
            "api" when s.Count > 2 => ("", 2),
            "apis" when s.Count > 3 => (s[1], 3),
            _ => ((string?)null, 0),
        };
        if (group is null)
            return path;
        string? ns = null;
        // namespaces/{name}/{resource}: but status and finalize belong to the Namespace itself.
        if (s[at] == "namespaces" && s.Count > at + 2 && !(group.Length == 0 && s.Count == at + 3 && s[at + 2] is "status" or "finalize"))
            (ns, at) = (s[at + 1], at + 2);
        return path with
        {
            Group = group,
            Namespace = ns,
            Resource = s[at],
            Name = s.Count > at + 1 ? s[at + 1] : null,
            Subresource = s.Count > at + 2 ? string.Join('/', s.Skip(at + 2)) : null,
        };
    }

    /// <summary>A query's plus is a space; a path's is not.</summary>
    private static string Decode(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));
}
