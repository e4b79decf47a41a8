using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;

namespace Ote.EdgeCluster.Nodes;

/// <summary>
/// Binds pods to nodes as <see cref="Placement"/> says, the more important first. Remembers bindings the cache does not show yet, so that
/// pods made together spread. Nothing is evicted to make room.
/// </summary>
internal sealed class PodScheduler : IController
{
    private const string Component = "default-scheduler";
    private const int MostAtOnce = 128;
    private const int BindingsAtOnce = 8;

    private readonly Lock _gate = new();
    private readonly NodeLoads _loads = new();
    private readonly ClusterView _view;
    private readonly Unplaced _unplaced;
    private readonly EventRecorder _events;
    private readonly TimeProvider _time;

    public PodScheduler(ClusterView view, Unplaced unplaced, EventRecorder events, TimeProvider time)
    {
        (_view, _unplaced, _events, _time) = (view, unplaced, events, time);
        view.Pods.Changed += (old, now) =>
        {
            lock (_gate)
            {
                _loads.See(old, now);
            }
        };
    }

    public ResourceRef Kind => Kinds.Pods;

    public string Work => "scheduling";

    /// <summary>Places all that wait. The key means nothing.</summary>
    public async Task<Next> ReconcileAsync(string key, CancellationToken cancellation)
    {
        var waiting = _unplaced.Take().Select(Waiting).OfType<JsonObject>()
            .Select(p => (Pod: p, Priority: PriorityOf(p))).OrderByDescending(p => p.Priority).ThenBy(p => p.Pod.Text("metadata", "creationTimestamp"), StringComparer.Ordinal)
            .ThenBy(p => p.Pod.Key(), StringComparer.Ordinal).Select(p => p.Pod).ToList();
        foreach (var later in waiting.Skip(MostAtOnce))
        {
            _unplaced.Add(later.Key());
        }

        List<(JsonObject Pod, string Node)> placed = [];
        foreach (var pod in waiting.Take(MostAtOnce))
        {
            var (node, reason) = Choose(pod);
            if (node is not null)
            {
                placed.Add((pod, node));
            }
            else if (reason is not null)
            {
                await RefuseAsync(pod, reason, cancellation).ConfigureAwait(false);
            }
        }

        foreach (var some in placed.Chunk(BindingsAtOnce))
        {
            await Task.WhenAll(some.Select(p => BindAsync(p.Pod, p.Node, cancellation))).ConfigureAwait(false);
        }

        return Next.Done;
    }

    private static JsonObject Binding(JsonObject pod, string node) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Binding",
        ["metadata"] = new JsonObject { ["name"] = pod.Name(), ["namespace"] = pod.Namespace() },
        ["target"] = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Node", ["name"] = node },
    };

    /// <summary>The pod, if it still waits for a node.</summary>
    private JsonObject? Waiting(string key)
    {
        if (_view.Pods.Get(key) is { } pod && pod.IsActive() && pod.NodeName() is null)
        {
            return pod.Items("spec", "schedulingGates") is { Count: > 0 } ? null : pod;
        }

        _unplaced.Remove(key);
        return null;
    }

    private long PriorityOf(JsonObject pod) => pod.Whole("spec", "priority") ?? pod.Text("spec", "priorityClassName") switch
    {
        "system-node-critical" => 2_000_001_000,
        "system-cluster-critical" => 2_000_000_000,
        { Length: > 0 } name => _view.PriorityClasses.Get(name)?.Whole("value") ?? 0,
        _ => 0,
    };

    /// <summary>Neither a node nor a reason when it is bound already and only the cache lags.</summary>
    private (string? Node, string? Reason) Choose(JsonObject pod)
    {
        if (Unbound(pod) is { } unbound)
        {
            return (null, unbound);
        }

        lock (_gate)
        {
            if (_loads.NodeOf(pod) is not null)
            {
                return (null, null);
            }

            List<NodeLoad> nodes = [];
            foreach (var node in _view.Nodes.Items)
            {
                var load = _loads.Of(node.Name());
                load.Node = node;
                nodes.Add(load);
            }

            var (chosen, reason) = Placement.Pick(pod, nodes, _loads.Choosy.Values);
            if (chosen is not null)
            {
                _loads.Put(pod, chosen);
            }

            return (chosen, reason);
        }
    }

    /// <summary>A pod waits for its claims.</summary>
    private string? Unbound(JsonObject pod)
    {
        var nodes = _view.Nodes.Count;
        foreach (var name in (pod.Items("spec", "volumes") ?? []).Select(v => v.Text("persistentVolumeClaim", "claimName")).OfType<string>())
        {
            switch (_view.VolumeClaims.Get($"{pod.Namespace()}/{name}"))
            {
                case null:
                    return $"0/{nodes} nodes are available: persistentvolumeclaim \"{name}\" not found.";
                case var claim when claim.Text("status", "phase") != "Bound":
                    return $"0/{nodes} nodes are available: pod has unbound immediate PersistentVolumeClaims.";
            }
        }

        return null;
    }

    private async Task BindAsync(JsonObject pod, string node, CancellationToken cancellation)
    {
        var key = pod.Key();
        try
        {
            await _view.Client.SendAsync(HttpMethod.Post, Kinds.Pods.Path(pod.Namespace(), pod.Name(), "binding"), Binding(pod, node), null, cancellation).ConfigureAwait(false);
            _unplaced.Remove(key);
            _events.Normal(pod, "Scheduled", $"Successfully assigned {key} to {node}", Component);
        }
        catch (KubeStatusException gone) when (gone.IsNotFound)
        {
            _unplaced.Remove(key);
            Forget(pod);
        }
        catch (KubeStatusException bound) when (bound.IsConflict)
        {
            // Somebody else bound it, or changed it in the same moment: what it is now decides.
            Forget(pod);
            _unplaced.Add(key);
        }
        catch
        {
            Forget(pod);
            _unplaced.Add(key);
            throw;
        }
    }

    private void Forget(JsonObject pod)
    {
        lock (_gate)
        {
            _loads.Drop(pod.Key(), pod.Uid());
        }
    }

    private async Task RefuseAsync(JsonObject pod, string reason, CancellationToken cancellation)
    {
        var status = (pod["status"] as JsonObject ?? []).Copy();
        if (!Conditions.SetCondition(status, "PodScheduled", false, "Unschedulable", reason, _time.GetUtcNow()))
        {
            return;
        }

        try
        {
            await _view.ShowAsync(Kinds.Pods, pod, status, cancellation).ConfigureAwait(false);
            _events.Warning(pod, "FailedScheduling", reason, Component);
        }
        catch (KubeStatusException changed) when (changed.IsConflict || changed.IsNotFound)
        {
            // It changed meanwhile, and that brings it here again.
        }
    }
}
