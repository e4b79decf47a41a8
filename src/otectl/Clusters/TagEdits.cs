namespace Ote.Ctl.Clusters;

/// <summary>What <c>key</c>, <c>key=value</c> and <c>key-</c> do to a cluster's tags.</summary>
internal static class TagEdits
{
    internal const int MaxTags = 64;
    private const int MaxPart = 63;

    /// <summary>The tags after the edits, ordered. A key has one value: setting it again replaces it.</summary>
    /// <exception cref="FormatException">An edit is no tag, removes what is not there, or there are too many tags.</exception>
    internal static IReadOnlyList<string> Apply(IEnumerable<string> tags, IEnumerable<string> edits)
    {
        var byKey = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var tag in tags)
        {
            byKey[Key(tag)] = tag;
        }

        foreach (var edit in edits)
        {
            if (edit.EndsWith('-') && !edit.Contains('=', StringComparison.Ordinal))
            {
                if (!byKey.Remove(edit[..^1]))
                {
                    throw new FormatException($"tag '{edit[..^1]}' cannot be removed: the cluster does not have it");
                }

                continue;
            }

            Check(edit);
            byKey[Key(edit)] = edit;
        }

        return byKey.Count <= MaxTags ? [.. byKey.Values] : throw new FormatException($"{byKey.Count} tags are too many; a cluster has at most {MaxTags}");
    }

    private static string Key(string tag) => tag.Split('=', 2)[0];

    private static void Check(string tag)
    {
        var parts = tag.Split('=', 2);
        var name = parts[0];
        var slash = name.LastIndexOf('/');
        var prefixed = slash >= 0 && IsPrefix(name[..slash]);
        if (!IsWord(name[(slash + 1)..]) || (slash >= 0 && !prefixed) || (parts.Length == 2 && !IsWord(parts[1])))
        {
            throw new FormatException(
                $"'{tag}' is no tag; write key, key=value or key- with letters, digits, '-', '_' and '.', at most {MaxPart} characters each");
        }
    }

    private static bool IsWord(string text) =>
        text.Length is > 0 and <= MaxPart
        && char.IsAsciiLetterOrDigit(text[0])
        && char.IsAsciiLetterOrDigit(text[^1])
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    private static bool IsPrefix(string text) =>
        text.Length is > 0 and <= 253
        && text.Split('.').All(label => label.Length > 0 && label[0] != '-' && label[^1] != '-' && label.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'));
}
