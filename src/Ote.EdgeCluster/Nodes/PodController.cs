using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;

namespace Ote.EdgeCluster.Nodes;

/// <summary>Sees each pod to a node, and to the agent of that node.</summary>
internal sealed class PodController(ClusterView view, PodScheduler scheduler, Unplaced unplaced, IReadOnlyDictionary<string, NodeAgent> agents) : IController
{
    public ResourceRef Kind => Kinds.Pods;

    public async Task<Next> ReconcileAsync(string key, CancellationToken cancellation)
    {
        var pod = view.Pods.Get(key);
        var node = pod?.NodeName();
        foreach (var agent in agents.Values)
        {
            if (agent.Name != node)
            {
                await agent.ForgetAsync(key, cancellation).ConfigureAwait(false);
            }
        }

        if (pod is null)
        {
            unplaced.Remove(key);
        }
        else if (node is null)
        {
            await scheduler.PlaceAsync(pod, cancellation).ConfigureAwait(false);
        }
        else if (agents.TryGetValue(node, out var agent))
        {
            await agent.SyncAsync(pod, cancellation).ConfigureAwait(false);
        }

        return Next.Done;
    }
}
