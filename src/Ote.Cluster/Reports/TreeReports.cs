using Microsoft.Extensions.Logging;
using Ote.Cluster.Handling;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Reports;
using Ote.Shim;

namespace Ote.Cluster.Reports;

/// <summary>All that a controller does about reports: it tells those of its own cluster, carries those of others up, and has processes beside it follow. Thread-safe.</summary>
internal sealed class TreeReports
{
    private readonly ReportDesk _desk;

    /// <summary>Puts the parts together; they work from then on.</summary>
    /// <param name="routes">Who is where.</param>
    /// <param name="uplink">The link to the parent.</param>
    /// <param name="linkTo">The links to children.</param>
    /// <param name="shim">The managed cluster's shim; null: there is none.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Uniform in [0, 1), for jitter.</param>
    /// <param name="loggers">Where it logs.</param>
    /// <param name="stop">Ends all.</param>
    public TreeReports(
        RouteKeeper routes, Uplink uplink, Func<string, ILink?> linkTo, IClusterShim? shim, TimeProvider time, Func<double> random, ILoggerFactory loggers, CancellationToken stop)
    {
        var log = loggers.CreateLogger("Ote.Cluster.Reports");
        _desk = new ReportDesk(routes, log);
        Relay = new ReportRelay(routes, uplink, linkTo, _desk, log);
        Relay.Own = new OwnReports(shim as IReportSource, routes.Self.Name, Relay.FromOwnAsync, time, random, log, stop);
        _desk.Ask = Relay.DownAsync;
    }

    /// <summary>What links bring, and take.</summary>
    public ReportRelay Relay { get; }

    /// <summary>Follows until either side stops.</summary>
    public IAsyncEnumerable<TreeReport> FollowAsync(IAsyncEnumerable<TreeRequest> requests, CancellationToken ct) => _desk.FollowAsync(requests, ct);
}
