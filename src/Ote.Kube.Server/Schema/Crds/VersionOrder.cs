namespace Ote.Kube.Server.Schema.Crds;

/// <summary>
/// The order in which API versions are preferred: stable before beta before alpha, higher numbers first, anything else after, by name.
/// </summary>
internal sealed class VersionOrder : IComparer<string>
{
    public static VersionOrder Instance { get; } = new();

    public int Compare(string? x, string? y)
    {
        (int rankX, int majorX, int minorX) = Parse(x ?? "");
        (int rankY, int majorY, int minorY) = Parse(y ?? "");
        int byRank = rankY.CompareTo(rankX);
        if (byRank != 0)
            return byRank;
        if (rankX == 0)
            return string.CompareOrdinal(x, y);
        int byMajor = majorY.CompareTo(majorX);
        return byMajor != 0 ? byMajor : minorY.CompareTo(minorX);
    }

    /// <summary>Rank 3 stable, 2 beta, 1 alpha, 0 not of the Kubernetes form.</summary>
    private static (int Rank, int Major, int Minor) Parse(string version)
    {
        ReadOnlySpan<char> rest = version;
        if (rest.Length < 2 || rest[0] != 'v' || !Number(ref rest, skip: 1, out int major))
            return (0, 0, 0);
        if (rest.Length == 0)
            return (3, major, 0);
        int rank = rest.StartsWith("beta") ? 2 : rest.StartsWith("alpha") ? 1 : 0;
        if (rank == 0 || !Number(ref rest, rank == 2 ? 4 : 5, out int minor) || rest.Length > 0)
            return (0, 0, 0);
        return (rank, major, minor);
    }

    private static bool Number(ref ReadOnlySpan<char> text, int skip, out int value)
    {
        text = text[skip..];
        int end = text.IndexOfAnyExceptInRange('0', '9');
        ReadOnlySpan<char> digits = end < 0 ? text : text[..end];
        text = text[digits.Length..];
        return int.TryParse(digits, out value);
    }
}
