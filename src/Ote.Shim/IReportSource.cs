using Ote.Protocol.Reports;

namespace Ote.Shim;

/// <summary>
/// A shim that tells what there is in its cluster. Implement it beside <see cref="IClusterShim"/> and set <c>reports</c> in the description. Called concurrently.
/// </summary>
public interface IReportSource
{
    /// <summary>
    /// Tells one follower what it has not heard, until either side stops. Of a stream reports come in the order of their revisions, and no more than the
    /// follower's window is on its way unacknowledged.
    /// </summary>
    /// <param name="requests">What the follower says: first how far it is, then what it has kept.</param>
    /// <param name="ct">Ends it.</param>
    IAsyncEnumerable<Report> ReportAsync(IAsyncEnumerable<ReportRequest> requests, CancellationToken ct);
}
