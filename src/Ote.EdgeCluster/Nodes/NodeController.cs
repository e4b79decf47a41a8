using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;

namespace Ote.EdgeCluster.Nodes;

/// <summary>
/// Registers the cluster's nodes, shows their runtimes' health, renews their leases. A node that is deleted registers again
/// at once. The status is written only when it changes: that a node is alive stands in its lease.
/// </summary>
internal sealed class NodeController(
    ClusterView view, IReadOnlyDictionary<string, NodeAgent> agents, TimeSpan leaseInterval, EventRecorder events, TimeProvider time, Func<double> random, ILogger log) : IController
{
    private const string Component = "kubelet";
    private readonly ConcurrentDictionary<string, DateTimeOffset> _renewal = new(StringComparer.Ordinal);

    public ResourceRef Kind => Kinds.Nodes;

    public async Task<Next> ReconcileAsync(string key, CancellationToken cancellation)
    {
        if (!agents.TryGetValue(key, out var agent))
        {
            return Next.Done;
        }

        if (view.Nodes.Get(key) is { } seen)
        {
            agent.Runtime.SeeNode(seen);
        }

        if (agent.IsSilent)
        {
            return Next.Done;
        }

        var node = view.Nodes.Get(key) ?? await RegisterAsync(agent, cancellation).ConfigureAwait(false);
        var was = node.Condition("Ready").Text("status");
        var status = NodeStatus.Status(node, agent.Runtime.Node, time.GetUtcNow());
        if (was == "Unknown")
        {
            // It was taken for lost: first of all it says that it lives.
            _renewal.TryRemove(key, out _);
            log.NodeHeardOf(key);
        }

        var wait = await RenewAsync(node, cancellation).ConfigureAwait(false);
        await view.ShowAsync(Kinds.Nodes, node, status, cancellation).ConfigureAwait(false);
        if (was == "True" && agent.Runtime.Node.Trouble is { } trouble)
        {
            events.Warning(node, "NodeNotReady", trouble, Component);
        }

        return Next.After(wait);
    }

    private async Task<JsonObject> RegisterAsync(NodeAgent agent, CancellationToken cancellation)
    {
        if (await view.Client.GetAsync(Kinds.Nodes, null, agent.Name, cancellation).ConfigureAwait(false) is { } known)
        {
            return known;
        }

        var made = await view.CreateAsync(Kinds.Nodes, NodeStatus.NewNode(agent.Name, agent.Runtime.Node, time.GetUtcNow()), cancellation).ConfigureAwait(false);
        log.NodeRegistered(agent.Name, agent.Runtime.Node.RuntimeVersion);
        return made;
    }

    /// <summary>Renews the lease if it is time, and returns when it will be again.</summary>
    private async Task<TimeSpan> RenewAsync(JsonObject node, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        if (_renewal.TryGetValue(node.Name(), out var due) && now < due)
        {
            return due - now;
        }

        var lease = NodeStatus.Lease(node.Name(), node.Uid(), leaseInterval, now);
        try
        {
            await view.Client.PatchAsync(Kinds.Leases, NodeStatus.LeaseNamespace, node.Name(), PatchKind.Merge, lease, cancellation).ConfigureAwait(false);
        }
        catch (KubeStatusException missing) when (missing.IsNotFound)
        {
            await view.Client.CreateAsync(Kinds.Leases, NodeStatus.LeaseNamespace, lease, cancellation).ConfigureAwait(false);
        }

        // The first renewal comes early by chance, so that hundreds of clusters started together do not renew together for ever.
        var wait = due == default ? leaseInterval * (0.2 + (0.8 * random())) : leaseInterval;
        _renewal[node.Name()] = now + wait;
        return wait;
    }
}
