using Ote.Protocol.Reports;

namespace Ote.Mirror.Applying;

/// <summary>How far the mirror has one stream. Pure: the writer keeps it on disk beside what it says.</summary>
/// <param name="Epoch">Of the revisions.</param>
/// <param name="Revision">All up to it is in the mirror.</param>
/// <param name="Digest">Of what is in the mirror.</param>
/// <param name="Pass">Counts the times that it was told from the beginning.</param>
/// <param name="IsPassing">It is being told from the beginning: what has not come by the end is gone.</param>
internal readonly record struct StreamState(ulong Epoch, ulong Revision, ulong Digest, long Pass, bool IsPassing)
{
    /// <summary>Whether a report goes on where this ends, or begins anew.</summary>
    public bool Takes(Report report) => report.From == 0 || (report.Epoch == Epoch && report.From == Revision);

    /// <summary>What stands before the changes of a report that it takes.</summary>
    public StreamState Begin(Report report) => report.From == 0 ? this with { Epoch = report.Epoch, Revision = 0, Pass = Pass + 1, IsPassing = true } : this;

    /// <summary>What stands after them; at the end of a pass what did not come has to go first.</summary>
    public StreamState End(Report report) => this with { Revision = report.To, IsPassing = IsPassing && !report.Complete };

    /// <summary>Whether what is in the mirror is what the cluster has, as far as a complete report can tell.</summary>
    public bool Agrees(Report report) => !report.Complete || report.Digest == Digest;

    /// <summary>Nothing that was heard counts any more: the next report must begin anew.</summary>
    public StreamState Distrusted() => this with { Epoch = 0, Revision = 0 };
}
