using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;

namespace Ote.EdgeCluster.Nodes;

/// <summary>Sees each pod to a node, to the agent of that node, and away from a node that can keep it no longer.</summary>
internal sealed class PodController(ClusterView view, Unplaced unplaced, EventRecorder events, TimeProvider time, IReadOnlyDictionary<string, NodeAgent> agents) : IController
{
    private const string Component = "taint-eviction-controller";

    public ResourceRef Kind => Kinds.Pods;

    public async Task<Next> ReconcileAsync(string key, CancellationToken cancellation)
    {
        var pod = view.Pods.Get(key);
        var name = pod?.NodeName();
        foreach (var other in agents.Values)
        {
            if (other.Name != name && !other.IsSilent)
            {
                await other.ForgetAsync(key, cancellation).ConfigureAwait(false);
            }
        }

        if (pod is null || name is not null)
        {
            unplaced.Remove(key);
        }
        else if (pod.Text("spec", "schedulerName") is null or "default-scheduler")
        {
            unplaced.Add(key);
        }

        if (pod is null || name is null)
        {
            return Next.Done;
        }

        var agent = agents.GetValueOrDefault(name);
        if (agent is { IsSilent: false })
        {
            await agent.SyncAsync(pod, cancellation).ConfigureAwait(false);
        }

        return view.Nodes.Get(name) is { } node
            ? await OnNodeAsync(pod, node, cancellation).ConfigureAwait(false)
            : await WithoutNodeAsync(pod, name, agent, cancellation).ConfigureAwait(false);
    }

    private async Task<Next> OnNodeAsync(JsonObject pod, JsonObject node, CancellationToken cancellation)
    {
        if (!pod.IsActive())
        {
            return Next.Done;
        }

        if (node.Condition("Ready").Text("status") == "Unknown" && pod.IsReady())
        {
            // It may well run, but nobody can tell: Services leave it out.
            var status = (pod["status"] as JsonObject ?? []).Copy();
            Conditions.SetCondition(status, "Ready", false, "NodeNotReady", "nothing is heard of the pod's node", time.GetUtcNow());
            pod = await view.ShowAsync(Kinds.Pods, pod, status, cancellation).ConfigureAwait(false);
        }

        var left = TaintEviction.In(pod, node, time.GetUtcNow());
        if (left is not { } wait)
        {
            return Next.Done;
        }

        if (wait > TimeSpan.Zero)
        {
            return Next.After(wait);
        }

        events.Normal(pod, "TaintManagerEviction", $"Marking for deletion Pod {pod.Key()}", Component);
        await view.DeleteAsync(Kinds.Pods, pod, cancellation).ConfigureAwait(false);
        return Next.Done;
    }

    /// <summary>The node's object is gone. Where an agent is at hand it registers again; otherwise nobody will ever confirm the pod's end.</summary>
    private async Task<Next> WithoutNodeAsync(JsonObject pod, string name, NodeAgent? agent, CancellationToken cancellation)
    {
        if (agent is null or { IsSilent: true } && await view.Client.GetAsync(Kinds.Nodes, null, name, cancellation).ConfigureAwait(false) is null)
        {
            await view.DeleteAsync(Kinds.Pods, pod, cancellation, grace: 0).ConfigureAwait(false);
        }

        return Next.Done;
    }
}
