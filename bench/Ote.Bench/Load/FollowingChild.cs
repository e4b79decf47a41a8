using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Journal;
using Ote.Cluster.Tunnel;

namespace Ote.Bench.Load;

/// <summary>
/// A whole cluster controller as it is shipped, failover and all, of which only the disk and the cluster behind it are left out: its
/// journal is in memory, and its cluster answers at once.
/// </summary>
internal sealed class FollowingChild(ClusterIdentity identity, string folder, ClusterControllerParts parts, SemaphoreSlim dialling, TimeProvider time) : ILoadClient
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);
    private readonly Lock _gate = new();
    private readonly RememberingCluster _cluster = new(time);
    private ClusterController? _controller;
    private string? _parent;
    private long _since;
    private int _attachments;

    public bool IsUp => _controller is { IsReady: true };

    public long Received => _cluster.Counts.Ran;

    public Standing? Standing
    {
        get
        {
            var (ran, twice) = _cluster.Counts;
            lock (_gate)
            {
                return new Standing(_controller?.Parent, _since, 0, _attachments, _controller?.Candidates.Count ?? 0, ran, twice);
            }
        }
    }

    public async Task StartAsync(Uri server, CancellationToken ct)
    {
        _controller = await ClusterController.StartAsync(
            new ClusterControllerOptions { Name = identity.Peer.Name, DataDirectory = Path.Combine(folder, identity.Peer.Name), Parent = server, Tags = ["tier=bench"] },
            parts with { Identity = identity, Journal = new MemoryJournal(), Epochs = EpochCounter.InMemory(), Shim = _cluster, Dialer = new GatedDialer(new WebSocketDialer(() => identity, time), dialling) },
            ct);
        _controller.StandingChanged += Note;
        Note();
        while (!IsUp)
        {
            await Task.Delay(Look, time, ct);
        }
    }

    public ValueTask DisposeAsync() => _controller?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>Only another parent than before counts: a link that is made anew moves nobody.</summary>
    private void Note()
    {
        lock (_gate)
        {
            if (_controller?.Parent is { } parent && parent != _parent)
            {
                (_parent, _since) = (parent, time.GetTimestamp());
                _attachments++;
            }
        }
    }
}
