namespace Ote.Cli;

/// <summary>Finds the names somebody may have meant.</summary>
public static class Nearest
{
    private const int MaxSuggestions = 3;
    private const int MaxLength = 64;

    /// <summary>At most three names, nearest first: few edits away, or beginning with what was typed.</summary>
    public static IReadOnlyList<string> To(string typed, IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(typed);
        ArgumentNullException.ThrowIfNull(names);
        var allowed = Math.Max(1, (typed.Length + 1) / 3);
        return [.. names
            .Select(name => (Name: name, Edits: name.StartsWith(typed, StringComparison.OrdinalIgnoreCase) ? 0 : Edits(typed, name)))
            .Where(candidate => candidate.Edits <= allowed)
            .OrderBy(candidate => candidate.Edits)
            .ThenBy(candidate => candidate.Name, StringComparer.Ordinal)
            .Take(MaxSuggestions)
            .Select(candidate => candidate.Name)];
    }

    /// <summary><c> (did you mean a, b?)</c>, or nothing.</summary>
    public static string Hint(string typed, IEnumerable<string> names) =>
        To(typed, names) is { Count: > 0 } near ? $" (did you mean {string.Join(", ", near)}?)" : "";

    private static int Edits(string a, string b)
    {
        if (a.Length > MaxLength || b.Length > MaxLength)
        {
            return int.MaxValue;
        }

        var previous = Enumerable.Range(0, b.Length + 1).ToArray();
        var current = new int[b.Length + 1];
        for (var i = 1; i <= a.Length; i++)
        {
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var change = char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1;
                current[j] = Math.Min(previous[j - 1] + change, Math.Min(previous[j], current[j - 1]) + 1);
            }

            (previous, current) = (current, previous);
        }

        return previous[b.Length];
    }
}
