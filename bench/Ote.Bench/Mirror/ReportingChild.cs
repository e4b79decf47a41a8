using System.Globalization;
using Ote.Bench.Load;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Journal;

namespace Ote.Bench.Mirror;

/// <summary>A whole cluster controller, its journal in memory, whose cluster churns.</summary>
internal sealed class ReportingChild(ClusterIdentity identity, string folder, ClusterControllerParts parts, TimeProvider time, Func<double> random) : ILoadClient
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);
    private ClusterController? _controller;

    public bool IsUp => _controller is { IsReady: true };

    public long Received => 0;

    public async Task StartAsync(Uri server, CancellationToken ct)
    {
        var number = int.Parse(identity.Peer.Name[2..], CultureInfo.InvariantCulture);
        _controller = await ClusterController.StartAsync(
            new ClusterControllerOptions { Name = identity.Peer.Name, DataDirectory = Path.Combine(folder, identity.Peer.Name), Parent = server },
            parts with { Identity = identity, Journal = new MemoryJournal(), Epochs = EpochCounter.InMemory(), Shim = new ChurningCluster(number, time, random) },
            ct);
        while (!IsUp)
        {
            await Task.Delay(Look, time, ct);
        }
    }

    public ValueTask DisposeAsync() => _controller?.DisposeAsync() ?? ValueTask.CompletedTask;
}
