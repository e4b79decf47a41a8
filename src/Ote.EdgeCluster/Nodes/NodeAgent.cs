using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Ote.EdgeCluster.Runtimes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Nodes;

/// <summary>
/// One node's part of a kubelet: hands the pods bound to the node to its runtime and shows what the runtime says. Has no task
/// or timer of its own; it is called through the cluster's work queue, never twice at once for one pod.
/// </summary>
internal sealed class NodeAgent(string name, IPodRuntime runtime, ClusterView view, EventRecorder events)
{
    private const string Component = "kubelet";
    private readonly ConcurrentDictionary<string, Held> _held = new(StringComparer.Ordinal);

    public string Name => name;

    public IPodRuntime Runtime => runtime;

    /// <summary>Nothing is heard of the node: it neither hears what is asked of it.</summary>
    public bool IsSilent => runtime.Node.IsSilent;

    /// <summary>Keys of the pods its runtime holds.</summary>
    public IEnumerable<string> Holds => _held.Keys;

    /// <summary>After a start: pods that ran here are taken up again before any new one, so that each finds its own address free.</summary>
    public async Task RestoreAsync(IEnumerable<JsonObject> pods, CancellationToken cancellation)
    {
        foreach (var pod in pods.Where(p => !p.IsOver() && p.Text("status", "podIP") is not null))
        {
            await HandOverAsync(pod, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Brings the runtime to what a pod of this node asks, and the pod's status to what the runtime says.</summary>
    public async Task SyncAsync(JsonObject pod, CancellationToken cancellation)
    {
        var id = PodId.Of(pod);
        if (_held.TryGetValue(id.Key, out var held) && held.Id != id)
        {
            await ForgetAsync(id.Key, cancellation).ConfigureAwait(false);
        }

        if (pod.IsDeleting())
        {
            await EndAsync(pod, id, cancellation).ConfigureAwait(false);
            return;
        }

        if (!pod.IsOver() && !await HandOverAsync(pod, cancellation).ConfigureAwait(false))
        {
            return;
        }

        if (runtime.GetPodStatus(id) is { } status)
        {
            await ShowAsync(pod, status, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>A pod is no longer of this node.</summary>
    public async Task ForgetAsync(string key, CancellationToken cancellation)
    {
        if (_held.TryRemove(key, out var held))
        {
            await runtime.DeletePodAsync(held.Id, cancellation).ConfigureAwait(false);
        }
    }

    private async Task ShowAsync(JsonObject pod, JsonObject status, CancellationToken cancellation)
    {
        var before = pod["status"] as JsonObject;
        await view.ShowAsync(Kinds.Pods, pod, PodStatus.Merge(before, status), cancellation).ConfigureAwait(false);
        foreach (var (warning, reason, message) in PodStatus.Between(before, status))
        {
            (warning ? (Action<JsonObject, string, string, string>)events.Warning : events.Normal)(pod, reason, message, Component);
        }
    }

    private async Task<bool> HandOverAsync(JsonObject pod, CancellationToken cancellation)
    {
        var id = PodId.Of(pod);
        var now = new Held(id, pod.Generation(), pod.At("metadata", "annotations")?.ToJsonString());
        try
        {
            if (!_held.TryGetValue(id.Key, out var held))
            {
                await runtime.CreatePodAsync(pod, cancellation).ConfigureAwait(false);
            }
            else if (held != now)
            {
                await runtime.UpdatePodAsync(pod, cancellation).ConfigureAwait(false);
            }

            _held[id.Key] = now;
            return true;
        }
        catch (PodRuntimeException refused)
        {
            // The pod is tried again when it or the node changes, and both wake it: no timer.
            events.Warning(pod, "FailedCreatePodSandBox", refused.Message, Component);
            return false;
        }
    }

    /// <summary>Lets a deleted pod end within its grace, then confirms that it has: only now is the object gone.</summary>
    private async Task EndAsync(JsonObject pod, PodId id, CancellationToken cancellation)
    {
        var grace = TimeSpan.FromSeconds(pod.Whole("metadata", "deletionGracePeriodSeconds") ?? 0);
        if (grace == TimeSpan.Zero && !_held.ContainsKey(id.Key))
        {
            return; // Confirmed; a finalizer holds it.
        }

        if (pod.Time("metadata", "deletionTimestamp") is { } deadline && !runtime.StopPod(id, deadline - grace, deadline))
        {
            events.Normal(pod, "Killing", "Stopping containers (simulated)", Component);
            return;
        }

        events.Normal(pod, "Killing", "Stopping containers (simulated)", Component);
        if (pod.Items("metadata", "finalizers") is { Count: > 0 } && runtime.GetPodStatus(id) is { } last)
        {
            // Whoever holds it wants to know how it ended.
            await ShowAsync(pod, last, cancellation).ConfigureAwait(false);
        }

        await ForgetAsync(id.Key, cancellation).ConfigureAwait(false);
        await view.DeleteAsync(Kinds.Pods, pod, cancellation, grace: 0).ConfigureAwait(false);
    }

    private sealed record Held(PodId Id, long Generation, string? Annotations);
}
