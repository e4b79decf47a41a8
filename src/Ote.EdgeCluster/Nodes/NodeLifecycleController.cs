using Microsoft.Extensions.Logging;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;

namespace Ote.EdgeCluster.Nodes;

/// <summary>Carries out what <see cref="NodeLifecycle"/> says. The lease is only read when it may have run out.</summary>
internal sealed class NodeLifecycleController(ClusterView view, TimeSpan leaseInterval, EventRecorder events, TimeProvider time, ILogger log) : IController
{
    private const string Component = "node-controller";

    public ResourceRef Kind => Kinds.Nodes;

    public string Work => "node-lifecycle";

    public async Task<Next> ReconcileAsync(string key, CancellationToken cancellation)
    {
        if (view.Nodes.Get(key) is not { } node || node.IsDeleting())
        {
            return Next.Done;
        }

        var lease = await view.Client.GetAsync(Kinds.Leases, NodeStatus.LeaseNamespace, key, cancellation).ConfigureAwait(false);
        var life = NodeLifecycle.Decide(node, lease, 4 * leaseInterval, time.GetUtcNow());
        var was = node.Condition("Ready").Text("status");
        node = await view.ShowAsync(Kinds.Nodes, node, life.Status, cancellation).ConfigureAwait(false);
        if (life.Unknown && was != "Unknown")
        {
            log.NodeWentSilent(key, life.Silence);
            events.Warning(node, "NodeNotReady", $"Node {key} status is now: NodeNotReady", Component);
        }

        if (life.TaintPatch(node) is { } patch)
        {
            await view.PatchAsync(Kinds.Nodes, node, patch, cancellation).ConfigureAwait(false);
        }

        return life.Again is { } again ? Next.After(again + TimeSpan.FromMilliseconds(1)) : Next.Done;
    }
}
