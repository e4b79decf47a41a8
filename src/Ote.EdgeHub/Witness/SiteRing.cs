namespace Ote.EdgeHub.Witness;

/// <summary>
/// Whom of its site a node looks after: those that follow it in the order of names, round about, until <see cref="Wanted"/> are found that are not known to be silent. So each node is looked after by several whatever the size of the
/// site, and the neighbours of silent ones are looked after by those before them. Pure.
/// </summary>
internal static class SiteRing
{
    /// <summary>As many as are to answer.</summary>
    public const int Wanted = 5;

    /// <summary>As many as are asked at most, when many are silent.</summary>
    public const int Most = 30;

    /// <summary>The names of those to ask.</summary>
    /// <param name="site">All nodes of the site.</param>
    /// <param name="self">The one that asks.</param>
    /// <param name="isSilent">Whether one has been asked and is known not to answer.</param>
    public static IReadOnlyList<string> Asked(IEnumerable<string> site, string self, Func<string, bool> isSilent)
    {
        var names = site.Where(name => name != self).Order(StringComparer.Ordinal).ToArray();
        var first = Array.FindIndex(names, name => string.CompareOrdinal(name, self) > 0);
        var (asked, answering) = (new List<string>(), 0);
        for (var i = 0; i < names.Length && asked.Count < Most && answering < Wanted; i++)
        {
            var name = names[(Math.Max(first, 0) + i) % names.Length];
            asked.Add(name);
            answering += isSilent(name) ? 0 : 1;
        }

        return asked;
    }
}
