namespace Ote.Kube.Server.Http;

/// <summary>
/// A path below <c>/api/v1</c> or <c>/apis/group/version</c>, taken apart: names only, whether such a kind is served is not
/// asked here.
/// </summary>
/// <param name="Group">Empty for core.</param>
/// <param name="Version">Version of the group.</param>
/// <param name="Namespace">Null for cluster scope or all namespaces.</param>
/// <param name="Plural">The kind's plural.</param>
/// <param name="Name">Null for the collection.</param>
/// <param name="Subresource">Null for the object itself; may hold further segments after a slash.</param>
internal sealed record ResourcePath(string Group, string Version, string? Namespace, string Plural, string? Name, string? Subresource)
{
    private const int MaxSegments = 16;

    /// <summary>Takes a path apart; null when it names no resource.</summary>
    public static ResourcePath? Parse(string path)
    {
        var segments = path.Split('/', MaxSegments + 1, StringSplitOptions.None);
        // The first is empty (before the leading slash); a trailing slash leaves an empty last one.
        var count = segments.Length > 1 && segments[^1].Length == 0 ? segments.Length - 1 : segments.Length;
        if (count > MaxSegments || segments[0].Length != 0 || Array.IndexOf(segments, "", 1, count - 1) >= 0)
        {
            return null;
        }

        return segments.AsSpan(1, count - 1) switch
        {
            ["api", var version, .. var rest] when rest.Length > 0 => Rest("", version, rest),
            ["apis", var group, var version, .. var rest] when rest.Length > 0 => Rest(group, version, rest),
            _ => null,
        };
    }

    /// <summary>The path of the same thing under another name, and in another version of its group where one is served there.</summary>
    public string Target(string name, string? apiVersion = null)
    {
        string version = Group.Length > 0 && apiVersion is not null && apiVersion.StartsWith(Group + "/", StringComparison.Ordinal) ? apiVersion[(Group.Length + 1)..] : Version;
        string[] parts =
        [
            .. Group.Length == 0 ? ["api", Version] : new[] { "apis", Group, version },
            .. Namespace is null ? [] : new[] { "namespaces", Namespace },
            Plural, name,
            .. Subresource?.Split('/') ?? [],
        ];
        return "/" + string.Join('/', parts.Select(Uri.EscapeDataString));
    }

    private static ResourcePath Rest(string group, string version, ReadOnlySpan<string> rest) => rest switch
    {
        ["namespaces"] => new(group, version, null, "namespaces", null, null),
        ["namespaces", var name] => new(group, version, null, "namespaces", name, null),
        ["namespaces", var name, "status" or "finalize"] => new(group, version, null, "namespaces", name, rest[2]),
        ["namespaces", var ns, var plural] => new(group, version, ns, plural, null, null),
        ["namespaces", var ns, var plural, var name] => new(group, version, ns, plural, name, null),
        ["namespaces", var ns, var plural, var name, .. var sub] => new(group, version, ns, plural, name, Join(sub)),
        [var plural] => new(group, version, null, plural, null, null),
        [var plural, var name] => new(group, version, null, plural, name, null),
        [var plural, var name, .. var sub] => new(group, version, null, plural, name, Join(sub)),
        _ => throw new ArgumentException("an empty rest names nothing", nameof(rest)),
    };

    private static string Join(ReadOnlySpan<string> segments) => string.Join('/', segments);
}
