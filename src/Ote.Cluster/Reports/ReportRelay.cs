using Microsoft.Extensions.Logging;
using Ote.Cluster.Handling;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Reports;

/// <summary>
/// Carries what followers ask down and what clusters report up. It keeps nothing: what is lost on a way that breaks the follower asks for again, from where it is.
/// A report counts for who stands behind the child that brings it only. Thread-safe.
/// </summary>
internal sealed class ReportRelay
{
    private readonly RouteKeeper _routes;
    private readonly Uplink _uplink;
    private readonly Func<string, ILink?> _linkTo;
    private readonly ReportDesk _desk;
    private readonly ILogger _log;
    private TaskCompletionSource _attached = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Makes the relay.</summary>
    /// <param name="routes">Who is where.</param>
    /// <param name="uplink">The link to the parent.</param>
    /// <param name="linkTo">The links to children.</param>
    /// <param name="desk">Who follows here.</param>
    /// <param name="log">Where it logs.</param>
    public ReportRelay(RouteKeeper routes, Uplink uplink, Func<string, ILink?> linkTo, ReportDesk desk, ILogger log)
    {
        (_routes, _uplink, _linkTo, _desk, _log) = (routes, uplink, linkTo, desk, log);
        uplink.Moved += () => Interlocked.Exchange(ref _attached, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    /// <summary>The own cluster's reports.</summary>
    public OwnReports? Own { get; set; }

    /// <summary>Sends a follower's word to the cluster it is for; dropped when the way there is gone: it is asked again when there is one.</summary>
    public async Task DownAsync(ReportAsk ask, CancellationToken ct)
    {
        if (ask.Cluster == _routes.Self.Name)
        {
            Own?.Take(ask);
        }
        else if (_routes.Read(t => t.NextHop(ask.Cluster)) is { } hop && _linkTo(hop) is { } link)
        {
            await SendAsync(link, new Message { Lane = Lane.Reports, ReportAsk = ask }, ct).ConfigureAwait(false);
        }
    }

    /// <summary>Takes what a child brings.</summary>
    public Task FromBelowAsync(ILink child, ReportPart part, CancellationToken ct)
    {
        if (!_routes.Read(t => t.IsBehind(part.Cluster, child.Peer.Name)))
        {
            if (!_routes.Read(t => t.HasClaimed(part.Cluster, child.Peer.Name)))
            {
                _log.Forged("report", part.Cluster, child.Peer.Name);
            }

            return Task.CompletedTask; // or it moved, and is asked again where it is now
        }

        return part.Follower == _routes.Self.Name ? _desk.TakeAsync(part, ct)
            : _uplink.Link is { } parent ? SendAsync(parent, new Message { Lane = Lane.Reports, ReportPart = part }, ct)
            : Task.CompletedTask;
    }

    /// <summary>Takes what the own cluster reports; waits for a link, and for room on it.</summary>
    public async Task FromOwnAsync(ReportPart part, CancellationToken ct)
    {
        if (part.Follower == _routes.Self.Name)
        {
            await _desk.TakeAsync(part, ct).ConfigureAwait(false);
            return;
        }

        while (true)
        {
            var attached = Volatile.Read(ref _attached).Task;
            if (_uplink.Link is { } parent)
            {
                await SendAsync(parent, new Message { Lane = Lane.Reports, ReportPart = part }, ct).ConfigureAwait(false);
                return;
            }

            await attached.WaitAsync(ct).ConfigureAwait(false);
        }
    }

    private static async Task SendAsync(ILink link, Message message, CancellationToken ct)
    {
        try
        {
            await link.SendAsync(message, ct).ConfigureAwait(false);
        }
        catch (LinkClosedException)
        {
            // Whoever follows asks again when there is another way.
        }
    }
}
