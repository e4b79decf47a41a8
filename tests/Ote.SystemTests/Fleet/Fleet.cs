using Ote.SystemTests.Fleet;
using Ote.SystemTests.Kubernetes;

[assembly: AssemblyFixture(typeof(Fleet))]

namespace Ote.SystemTests.Fleet;

/// <summary>
/// A tree of processes with two real clusters and an embedded one, for all tests of its one kubeconfig, started when it is first asked for:
/// root (serves the fleet), north below it, below north the controllers of A (a real node) and of C (an edge cluster), and below the root that of B, whose shim is a process of its own.
/// </summary>
public sealed class Fleet : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private Task<FleetTree>? _tree;

    /// <summary>The tree; one that cannot be had fails all tests that ask for it.</summary>
    internal Task<FleetTree> TreeAsync(RealClusters clusters)
    {
        lock (_gate)
            return _tree ??= FleetTree.StartAsync(clusters, CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (_tree is not null && await Task.WhenAny(_tree) is { IsCompletedSuccessfully: true })
            await (await _tree).DisposeAsync();
    }
}
