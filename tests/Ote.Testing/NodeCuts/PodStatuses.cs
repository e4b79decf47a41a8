using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Testing.NodeCuts;

/// <summary>
/// The kubelet's status manager (v1.20): says what became of each pod by a strategic merge patch of what differs, again when it was not taken, or when what it sees of a pod is not what it said; and deletes pods for good that have
/// ended. One thread.
/// </summary>
internal sealed class PodStatuses(CutWorld world, KubeClient client, TimeProvider clock, ApiFeed pods)
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(10);
    private readonly SortedDictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _told = new(StringComparer.Ordinal);
    private TaskCompletionSource _woken = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>By the pod's uid, what it says.</summary>
    public IReadOnlyDictionary<string, JsonObject> Said => _entries.ToDictionary(entry => entry.Key, entry => entry.Value.Status);

    /// <summary>The phase that it says; null: nothing yet.</summary>
    public string? PhaseOf(string uid) => _entries.GetValueOrDefault(uid)?.Status.Text("phase");

    /// <summary>What is so of a pod now.</summary>
    public void Set(string uid, JsonObject pod, bool isStatic, JsonObject status, bool canEnd)
    {
        var before = _entries.GetValueOrDefault(uid);
        foreach (var condition in status.Items("conditions")!.OfType<JsonObject>())
        {
            var last = Of(before?.Status, condition.Text("type")!) ?? Of(pod["status"] as JsonObject, condition.Text("type")!);
            condition["lastTransitionTime"] = last.Text("status") == condition.Text("status") && last.Text("lastTransitionTime") is { } since ? since : clock.GetUtcNow().ToKubeTime();
        }

        if (before is null || before.CanEnd != canEnd || !JsonNode.DeepEquals(before.Status, status))
        {
            _entries[uid] = new Entry(pod.Namespace(), pod.Name(), isStatic, status, (before?.Version ?? 0) + 1, canEnd);
            _woken.TrySetResult();
        }
    }

    /// <summary>Forgets all other pods.</summary>
    public void Keep(IReadOnlySet<string> uids)
    {
        foreach (var uid in _entries.Keys.Where(uid => !uids.Contains(uid)).ToArray())
        {
            _entries.Remove(uid);
        }
    }

    /// <summary>Runs until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var batch = clock.GetTimestamp();
        while (!stop.IsCancellationRequested)
        {
            var isBatch = clock.GetElapsedTime(batch) >= Every;
            batch = isBatch ? clock.GetTimestamp() : batch;
            foreach (var (uid, entry) in _entries.ToArray())
            {
                if (Needs(uid, entry, isBatch))
                {
                    await SyncAsync(uid, entry, stop).ConfigureAwait(false);
                }
            }

            await Task.WhenAny(_woken.Task, Task.Delay(Every, clock, stop)).ConfigureAwait(false);
            stop.ThrowIfCancellationRequested();
            _woken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>Whether a status has all that another says; what others say beside is theirs.</summary>
    public static bool Says(JsonNode? status, JsonObject said) => Difference(status as JsonObject ?? [], said).Count == 0;

    private bool Needs(string uid, Entry entry, bool isBatch)
    {
        var seen = pods.View.GetValueOrDefault($"{entry.Namespace}/{entry.Name}") is { } pod && (entry.IsStatic ? pod.Annotation(PodWorkers.MirrorHash) == uid : pod.Uid() == uid) ? pod : null;
        if (entry.IsStatic && seen is null)
        {
            return false;
        }

        // Each once when it changes, and again with the next batch when it was not taken or is not seen.
        var told = _told.GetValueOrDefault(seen?.Uid() ?? uid);
        return told < entry.Version ? isBatch || entry.Tried < entry.Version : isBatch && (entry.CanEnd || (seen is not null && !Says(seen["status"], entry.Status)));
    }

    private async Task SyncAsync(string uid, Entry entry, CancellationToken stop)
    {
        entry.Tried = entry.Version;
        try
        {
            var pod = await client.GetAsync(Kinds.Pods, entry.Namespace, entry.Name, stop).ConfigureAwait(false);
            if (pod is null || (entry.IsStatic ? pod.Annotation(PodWorkers.MirrorHash) != uid : pod.Uid() != uid))
            {
                return;
            }

            if (Difference(pod["status"] as JsonObject ?? [], entry.Status) is { Count: > 0 } difference)
            {
                var wasCut = !world.Hub.IsConnected;
                world.Acknowledged.Statuses.Remove(pod.Uid()); // Until it is answered nobody knows which of the two is there.
                await client.PatchAsync(
                    Kinds.Pods, entry.Namespace, entry.Name, PatchKind.StrategicMerge, new JsonObject { ["metadata"] = new JsonObject { ["uid"] = pod.Uid() }, ["status"] = difference }, stop, "status").ConfigureAwait(false);
                world.Acknowledged.Statuses[pod.Uid()] = entry.Status.Copy();
                if (wasCut && !world.Hub.IsConnected)
                {
                    world.Acknowledged.StatusesWhileCut.Add(pod.Uid());
                }

                world.Story.Tell($"kubelet says {entry.Status.Text("phase")} {entry.Status.Text("podIP")} ready={Of(entry.Status, "Ready").Text("status")} of {entry.Name} ({pod.Uid()}){(wasCut ? " here" : "")}");
            }

            _told[pod.Uid()] = entry.Version;
            if (entry.CanEnd && pod.IsDeleting())
            {
                await PodWorkers.DeleteAsync(client, pod, stop).ConfigureAwait(false);
                world.Acknowledged.Ended.Add(pod.Uid());
                world.Story.Tell($"kubelet deletes {entry.Name} ({pod.Uid()}) for good");
            }
        }
        catch (Exception refused) when (Calls.IsRefusal(refused) && !stop.IsCancellationRequested)
        {
            world.Story.Tell($"kubelet cannot say what {entry.Name} ({uid}) is: {Calls.Cause(refused)}");
        }
    }

    /// <summary>The two-way patch that kubelets send: conditions are told apart by their type and addresses by their ip, all else is one value.</summary>
    private static JsonObject Difference(JsonObject there, JsonObject said)
    {
        var patch = new JsonObject();
        foreach (var (name, value) in said.Where(field => field.Key is not ("conditions" or "podIPs") && !JsonNode.DeepEquals(field.Value, there[field.Key])))
        {
            patch[name] = value?.DeepClone();
        }

        var conditions = said.Items("conditions")!.OfType<JsonObject>().Where(condition => Of(there, condition.Text("type")!) is not { } other
            || other.Text("status") != condition.Text("status") || other.Text("lastTransitionTime") != condition.Text("lastTransitionTime")).ToArray();
        if (conditions.Length > 0)
        {
            patch["conditions"] = new JsonArray([.. conditions.Select(condition => condition.DeepClone())]);
        }

        var (ips, former) = (Ips(said), Ips(there));
        if (!ips.SequenceEqual(former))
        {
            patch["$setElementOrder/podIPs"] = new JsonArray([.. ips.Select(ip => new JsonObject { ["ip"] = ip })]);
            patch["podIPs"] = new JsonArray([
                .. ips.Except(former).Select(ip => new JsonObject { ["ip"] = ip }), .. former.Except(ips).Select(ip => new JsonObject { ["$patch"] = "delete", ["ip"] = ip }),
            ]);
        }

        return patch;
    }

    private static string[] Ips(JsonObject status) => [.. (status.Items("podIPs") ?? []).Select(ip => ip.Text("ip")!)];

    private static JsonObject? Of(JsonObject? status, string type) => status?.Items("conditions")?.OfType<JsonObject>().FirstOrDefault(condition => condition.Text("type") == type);

    private sealed record Entry(string Namespace, string Name, bool IsStatic, JsonObject Status, long Version, bool CanEnd)
    {
        public long Tried { get; set; }
    }
}
