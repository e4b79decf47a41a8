using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Testing.NodeCuts;

/// <summary>
/// The kubelet's work on pods (v1.20): a container for each pod that is bound to the node, an end for each that is going or not there any more, a mirror pod for each manifest. Before it knows all pods it ends nothing. One thread.
/// </summary>
internal sealed class PodWorkers(CutWorld world, KubeClient client, TimeProvider clock, ApiFeed pods, PodStatuses statuses, NodeReports reports)
{
    public const string MirrorHash = "kubernetes.io/config.mirror";
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ToStop = TimeSpan.FromSeconds(1.5);
    private readonly Dictionary<string, DateTimeOffset> _going = new(StringComparer.Ordinal);
    private TaskCompletionSource _woken = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Something may be to do.</summary>
    public void Wake() => _woken.TrySetResult();

    /// <summary>Runs until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            Sync();
            await MirrorAsync(stop).ConfigureAwait(false);
            await Task.WhenAny(_woken.Task, Task.Delay(Every, clock, stop)).ConfigureAwait(false);
            stop.ThrowIfCancellationRequested();
            _woken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    private void Sync()
    {
        var wanted = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, edition) in world.Agent.Manifests)
        {
            var uid = StaticUid(name, edition);
            wanted.Add(uid);
            One(Manifest(name, edition), uid, isStatic: true);
        }

        foreach (var pod in pods.View.Values.Where(pod => pod.Annotation(MirrorHash) is null))
        {
            wanted.Add(pod.Uid());
            One(pod, pod.Uid(), isStatic: false);
        }

        if (pods.IsSynced)
        {
            foreach (var uid in world.Containers.Running.Where(uid => !wanted.Contains(uid)))
            {
                world.Containers.End(uid, ContainerEnd.Killed);
            }

            statuses.Keep(wanted);
        }
    }

    private void One(JsonObject pod, string uid, bool isStatic)
    {
        var (containers, now) = (world.Containers, clock.GetUtcNow());
        var hash = pod.Items("spec", "containers")![0].Text("image")!;
        var isOnce = pod.Text("spec", "restartPolicy") == "Never";
        var hasEnded = (statuses.PhaseOf(uid) ?? pod.Text("status", "phase")) is "Succeeded" or "Failed";
        if (pod.IsDeleting())
        {
            _going.TryAdd(uid, now);
            if (now - _going[uid] >= ToStop)
            {
                containers.End(uid, ContainerEnd.Killed);
            }
        }
        else if (!hasEnded)
        {
            var last = containers.Of(uid);
            if (last is { End: null } && last.Hash != hash)
            {
                containers.End(uid, ContainerEnd.Killed);
                last = containers.Of(uid);
            }

            if (last is not { End: null } && !(last is { End: ContainerEnd.Completed or ContainerEnd.Rebooted or ContainerEnd.Crashed } && isOnce))
            {
                containers.Start(uid, pod.Key(), hash, now);
                _ = reports.TellAsync(pod, uid, "Started");
            }
        }

        statuses.Set(uid, pod, isStatic, StatusOf(pod, containers.Of(uid), isOnce, now), canEnd: !isStatic && pod.IsDeleting() && containers.Of(uid) is not { End: null });
    }

    private static JsonObject StatusOf(JsonObject pod, Container? container, bool isOnce, DateTimeOffset now)
    {
        var runs = container is { End: null };
        var isReady = runs && now - container!.Started >= TimeSpan.FromSeconds(1);
        var phase = runs ? "Running"
            : container is null ? pod.Text("status", "phase") is "Succeeded" or "Failed" ? pod.Text("status", "phase")! : "Pending"
            : container.End == ContainerEnd.Completed ? "Succeeded" : isOnce || pod.IsDeleting() ? "Failed" : "Running";
        var status = new JsonObject
        {
            ["phase"] = phase, ["hostIP"] = "10.0.0.1", ["startTime"] = pod.Text("metadata", "creationTimestamp") ?? "2026-01-01T00:00:00Z",
            ["conditions"] = new JsonArray(Condition("Initialized", true), Condition("Ready", isReady), Condition("ContainersReady", isReady)),
        };
        if (container is null)
        {
            return status;
        }

        status["podIP"] = container.Ip;
        status["podIPs"] = new JsonArray(new JsonObject { ["ip"] = container.Ip });
        status["containerStatuses"] = new JsonArray(new JsonObject
        {
            ["name"] = "c", ["ready"] = isReady, ["started"] = runs, ["restartCount"] = container.Restarts, ["image"] = container.Hash, ["imageID"] = "sim://" + container.Hash,
            ["containerID"] = string.Create(CultureInfo.InvariantCulture, $"sim://{container.Id}"), ["lastState"] = new JsonObject(),
            ["state"] = runs ? new JsonObject { ["running"] = new JsonObject { ["startedAt"] = container.Started.ToKubeTime() } }
                : new JsonObject { ["terminated"] = new JsonObject { ["exitCode"] = container.End == ContainerEnd.Completed ? 0 : 137, ["reason"] = container.End.ToString() } },
        });
        return status;

        static JsonObject Condition(string type, bool holds) => new() { ["type"] = type, ["status"] = holds ? "True" : "False", ["lastProbeTime"] = null };
    }

    /// <summary>A mirror pod for each manifest; one that is going, or of another edition, gives way.</summary>
    private async Task MirrorAsync(CancellationToken stop)
    {
        foreach (var (name, edition) in world.Agent.Manifests.ToArray())
        {
            var pod = Manifest(name, edition);
            var there = pods.View.GetValueOrDefault(pod.Key());
            if (there?.Annotation(MirrorHash) == StaticUid(name, edition) && !there.IsDeleting())
            {
                continue;
            }

            try
            {
                if (there is not null)
                {
                    await DeleteAsync(client, there, stop).ConfigureAwait(false);
                    world.Acknowledged.Ended.Add(there.Uid());
                }

                if (pods.IsSynced)
                {
                    var made = await client.CreateAsync(Kinds.Pods, "default", pod, stop).ConfigureAwait(false);
                    world.Story.Tell($"kubelet makes the mirror pod {pod.Name()} ({made.Uid()})");
                    await WaitAsync(pod.Key(), stop).ConfigureAwait(false);
                }
            }
            catch (Exception refused) when (Calls.IsRefusal(refused) && !stop.IsCancellationRequested)
            {
                world.Story.Tell($"kubelet cannot make the mirror pod {pod.Name()}: {Calls.Cause(refused)}");
            }
        }
    }

    /// <summary>It looks again when the watch has had time to bring what it made.</summary>
    private async Task WaitAsync(string key, CancellationToken stop)
    {
        for (var i = 0; i < 5 && !pods.View.ContainsKey(key); i++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), clock, stop).ConfigureAwait(false);
        }
    }

    /// <summary>Deletes a pod for good, and no other of its name.</summary>
    public static async Task DeleteAsync(KubeClient client, JsonObject pod, CancellationToken stop)
    {
        try
        {
            await client.SendAsync(
                HttpMethod.Delete, Kinds.Pods.Path(pod.Namespace(), pod.Name()),
                new JsonObject { ["apiVersion"] = "v1", ["kind"] = "DeleteOptions", ["gracePeriodSeconds"] = 0, ["preconditions"] = new JsonObject { ["uid"] = pod.Uid() } },
                new MediaTypeHeaderValue("application/json"), stop).ConfigureAwait(false);
        }
        catch (KubeStatusException gone) when (gone.IsNotFound || gone.IsConflict)
        {
            // As wanted, or another has its name.
        }
    }

    private static string StaticUid(string name, int edition) => string.Create(CultureInfo.InvariantCulture, $"static-{name}-{edition}");

    private static JsonObject Manifest(string name, int edition) => CutWorld.Parse($$$"""
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{name}}}-{{{CutWorld.Node}}}","namespace":"default","annotations":{"{{{MirrorHash}}}":"{{{StaticUid(name, edition)}}}","kubernetes.io/config.source":"file"}},
         "spec":{"nodeName":"{{{CutWorld.Node}}}","containers":[{"name":"c","image":"{{{name}}}:{{{edition}}}"}]}}
        """);
}
