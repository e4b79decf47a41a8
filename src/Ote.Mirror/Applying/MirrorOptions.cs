using Ote.Mirror.Reporting;

namespace Ote.Mirror.Applying;

/// <summary>How a mirror is kept.</summary>
public sealed record MirrorOptions
{
    /// <summary>The folder, which must exist and be the owner's alone; null: in memory.</summary>
    public string? Directory { get; init; }

    /// <summary>
    /// Streams that are served from the mirror whether or not somebody reports them; what clusters report besides is served while one does, but for kinds of which the controller has its own (<see cref="ShownStreams"/>).
    /// Default: what clusters report by default, without namespaces and configmaps, of which the controller has its own.
    /// </summary>
    public IReadOnlyList<string> Streams { get; init; } = [.. ReportedKinds.Default.Select(k => k.Stream).Except(["namespaces", "configmaps"])];

    /// <summary>How long former states are kept. Default a day.</summary>
    public TimeSpan HistoryKept { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Most bytes of former states; the oldest go first. Default 1 GiB.</summary>
    public long HistoryBytes { get; init; } = 1024L * 1024 * 1024;

    /// <summary>
    /// Where several processes mirror one tree by turns, each in a folder of its own: the least revision of this turn, greater than any that another has counted. What came before it is told to no watch, which lists anew then, and former states
    /// begin with the turn: while another mirrored, nothing was heard here. 0, the default: there are no others.
    /// </summary>
    public long FirstRevision { get; init; }

    /// <summary>Memory for pages of the file, KiB; each of up to four reads at a time has a quarter of it besides. Default 32 MiB.</summary>
    public int CacheKiB { get; init; } = 32 * 1024;
}
