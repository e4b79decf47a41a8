using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Controllers.EdgeNodes;

/// <summary>
/// Keeps a node from eviction: renews its lease in the kubelet's place, and where Kubernetes has given it up already, puts back what that wrote over the kubelet's word, upon which Kubernetes takes its taints away. Thread-safe
/// for different nodes.
/// </summary>
/// <param name="api">The cluster.</param>
/// <param name="time">The clock.</param>
internal sealed class NodeKeeper(KubeClient api, TimeProvider time)
{
    /// <summary>Nodes that were put back and whose pods are as they were, as far as is known.</summary>
    private readonly ConcurrentDictionary<string, bool> _whole = new(StringComparer.Ordinal);

    /// <summary>Keeps it once.</summary>
    /// <param name="node">The Node.</param>
    /// <param name="lease">Its lease.</param>
    /// <param name="sinceHeard">How long ago its kubelet was heard.</param>
    /// <param name="said">What its kubelet last said of it; null: not known.</param>
    /// <param name="stop">Ends it.</param>
    /// <returns>Whether it is kept; false: somebody else was faster, the next look tells.</returns>
    public async Task<bool> KeepAsync(JsonObject node, JsonObject lease, TimeSpan sinceHeard, JsonArray? said, CancellationToken stop)
    {
        try
        {
            // A kubelet that comes back meanwhile wins: the version in it is no longer the one that is replaced.
            await api.ReplaceAsync(Kinds.Leases, KeptLease.Renewed(lease, time.GetUtcNow(), sinceHeard), stop).ConfigureAwait(false);
        }
        catch (KubeStatusException faster) when (faster.IsConflict)
        {
            return !NodeConditions.IsGivenUp(node); // The kubelet, or a change of ours that has not come back by the watch yet.
        }

        // After the lease, or Kubernetes would give it up once more.
        var isBack = node.Condition("Ready").Text("reason") == NodeConditions.Reason;
        if (NodeConditions.Restored(node, said, time.GetUtcNow()) is { } restored)
        {
            try
            {
                await api.ReplaceStatusAsync(Kinds.Nodes, restored, stop).ConfigureAwait(false);
            }
            catch (KubeStatusException faster) when (faster.IsConflict)
            {
                return false;
            }

            (isBack, _whole[node.Name()]) = (true, false);
        }

        if (isBack && !_whole.GetValueOrDefault(node.Name()))
        {
            _whole[node.Name()] = await PodsAreReadyAsync(node.Name(), stop).ConfigureAwait(false);
        }

        return true;
    }

    /// <summary>It is kept no more.</summary>
    public void Leave(string node) => _whole.TryRemove(node, out _);

    /// <summary>Gives pods their readiness back; whether there was none to give it to. Kubernetes may still be at taking it away, so it is looked once more after one that was found.</summary>
    private async Task<bool> PodsAreReadyAsync(string node, CancellationToken stop)
    {
        var pods = await api.ListAsync(Kinds.Pods, null, new ListQuery(FieldSelector: $"spec.nodeName={node}"), stop).ConfigureAwait(false);
        var unready = pods.Items.Where(NodeConditions.IsUnready).ToArray();
        foreach (var pod in unready)
        {
            try
            {
                await api.PatchAsync(Kinds.Pods, pod.Namespace(), pod.Name(), PatchKind.StrategicMerge, NodeConditions.ReadyAgain(pod, time.GetUtcNow()), stop, "status").ConfigureAwait(false);
            }
            catch (KubeStatusException changed) when (changed.IsConflict || changed.IsNotFound)
            {
                // The next look tells.
            }
        }

        return unready.Length == 0;
    }
}
