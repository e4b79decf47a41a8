using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Nodes;

/// <summary>Binds pods to nodes as <see cref="NodeFit"/> says. Remembers bindings the cache does not show yet, so that pods made together spread.</summary>
internal sealed class PodScheduler(ClusterView view, Unplaced unplaced, EventRecorder events, TimeProvider time)
{
    private const string Component = "default-scheduler";
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (string Uid, string Node)> _assumed = new(StringComparer.Ordinal);

    /// <summary>Binds a pod that is bound nowhere, or says on it why not.</summary>
    public async Task PlaceAsync(JsonObject pod, CancellationToken cancellation)
    {
        var key = pod.Key();
        if (!pod.IsActive())
        {
            unplaced.Remove(key);
            return;
        }

        // Before looking, so that a change while looking wakes it.
        unplaced.Add(key);
        if (Choose(pod) is not { } node)
        {
            return;
        }

        if (node.Name is null)
        {
            await RefuseAsync(pod, node.Reason, cancellation).ConfigureAwait(false);
            return;
        }

        unplaced.Remove(key);
        try
        {
            await view.Client.SendAsync(HttpMethod.Post, Kinds.Pods.Path(pod.Namespace(), pod.Name(), "binding"), Binding(pod, node.Name), null, cancellation)
                .ConfigureAwait(false);
            events.Normal(pod, "Scheduled", $"Successfully assigned {key} to {node.Name}", Component);
        }
        catch (KubeStatusException gone) when (gone.IsNotFound)
        {
            Forget(key);
        }
        catch
        {
            Forget(key);
            throw;
        }
    }

    private static JsonObject Binding(JsonObject pod, string node) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Binding",
        ["metadata"] = new JsonObject { ["name"] = pod.Name(), ["namespace"] = pod.Namespace() },
        ["target"] = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Node", ["name"] = node },
    };

    /// <summary>Null when the pod is bound already and only the cache lags.</summary>
    private (string? Name, string Reason)? Choose(JsonObject pod)
    {
        lock (_gate)
        {
            foreach (var (key, assumed) in _assumed.ToArray())
            {
                if (view.Pods.Get(key) is not { } cached || cached.Uid() != assumed.Uid || cached.NodeName() is not null)
                {
                    _assumed.Remove(key);
                }
            }

            if (_assumed.ContainsKey(pod.Key()))
            {
                return null;
            }

            var load = view.Pods.Items.Where(p => p.IsActive()).Select(p => p.NodeName()).OfType<string>().Concat(_assumed.Values.Select(a => a.Node)).CountBy(n => n)
                .ToDictionary(StringComparer.Ordinal);
            var (node, reason) = NodeFit.Pick(pod, view.Nodes.Items, n => load.GetValueOrDefault(n));
            if (node is not null)
            {
                _assumed[pod.Key()] = (pod.Uid(), node);
            }

            return (node, reason);
        }
    }

    private void Forget(string key)
    {
        lock (_gate)
        {
            _assumed.Remove(key);
        }
    }

    private async Task RefuseAsync(JsonObject pod, string reason, CancellationToken cancellation)
    {
        var status = (pod["status"] as JsonObject ?? []).Copy();
        if (Conditions.SetCondition(status, "PodScheduled", false, "Unschedulable", reason, time.GetUtcNow()))
        {
            await view.ShowAsync(Kinds.Pods, pod, status, cancellation).ConfigureAwait(false);
            events.Warning(pod, "FailedScheduling", reason, Component);
        }
    }
}
