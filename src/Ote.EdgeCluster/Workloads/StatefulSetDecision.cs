using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Workloads;

/// <summary>What a StatefulSet needs done. Pure.</summary>
/// <param name="Create">Ordinals to make pods of, and of which revision, the first first.</param>
/// <param name="Delete">Pods to remove, the first first.</param>
/// <param name="Condemned">Those among them that go because the set shrinks.</param>
/// <param name="Status">The status it should show.</param>
/// <param name="Again">When to look again without a change; null: never.</param>
internal sealed record StatefulSetDecision(
    IReadOnlyList<(int Ordinal, string Revision)> Create, IReadOnlyList<JsonObject> Delete, IReadOnlyList<JsonObject> Condemned, JsonObject Status, TimeSpan? Again)
{
    /// <summary>Compares what is asked with the pods it owns.</summary>
    /// <param name="set">The StatefulSet.</param>
    /// <param name="update">Name of the present template's revision.</param>
    /// <param name="pods">The pods it owns, over and going ones included.</param>
    /// <param name="now">For minReadySeconds.</param>
    public static StatefulSetDecision Decide(JsonObject set, string update, IReadOnlyList<JsonObject> pods, DateTimeOffset now)
    {
        var current = set.Text("status", "currentRevision") is { Length: > 0 } known ? known : update;
        var first = (int)(set.Whole("spec", "ordinals", "start") ?? 0);
        var end = first + set.Replicas();
        var byOrdinal = pods.Where(p => OrdinalOf(p, set) >= 0).ToLookup(p => OrdinalOf(p, set));
        var minReady = set.MinReady();
        var waits = pods.Where(p => p.IsActive()).Select(p => p.AvailableIn(minReady, now)).OfType<TimeSpan>().ToList();
        var again = waits.Where(w => w > TimeSpan.Zero).Select(w => (TimeSpan?)w).Min();
        var status = NewStatus(set, current, update, pods, waits);
        if (set.IsDeleting())
        {
            return new StatefulSetDecision([], [], [], status, null);
        }

        List<(int, string)> create = [];
        List<JsonObject> delete = [], condemned = [];
        StatefulSetDecision Result() => new(create, delete, condemned, status, again);
        var inOrder = set.Text("spec", "podManagementPolicy") != "Parallel";
        bool Serves(JsonObject pod) => pod.IsActive() && pod.IsAvailable(minReady, now);

        for (var ordinal = first; ordinal < end; ordinal++)
        {
            var pod = byOrdinal[ordinal].FirstOrDefault();
            if (pod is null)
            {
                create.Add((ordinal, NeedsCurrent(set, ordinal, first) ? current : update));
            }
            else if (pod.IsOver() && !pod.IsDeleting())
            {
                delete.Add(pod);
            }
            else if (Serves(pod))
            {
                continue;
            }

            if (inOrder)
            {
                // The next one waits until this one serves.
                return Result();
            }
        }

        var beyond = byOrdinal.Where(g => g.Key < first || g.Key >= end).OrderByDescending(g => g.Key).SelectMany(g => g).ToList();
        foreach (var pod in beyond)
        {
            if (!pod.IsDeleting())
            {
                delete.Add(pod);
                condemned.Add(pod);
            }

            if (inOrder)
            {
                return Result();
            }
        }

        if (set.Text("spec", "updateStrategy", "type") != "OnDelete" && create.Count == 0 && delete.Count == 0)
        {
            delete.AddRange(Outdated(set, update, byOrdinal, first, end, Serves));
        }

        return Result();
    }

    /// <summary>The number at the end of a pod's name; -1 for a pod that is not named after the set.</summary>
    public static int OrdinalOf(JsonObject pod, JsonObject set)
    {
        var (name, prefix) = (pod.Name(), set.Name() + "-");
        return name.StartsWith(prefix, StringComparison.Ordinal) && int.TryParse(name.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var ordinal) ? ordinal : -1;
    }

    /// <summary>Below the partition of a rolling update, pods stay what they were.</summary>
    private static bool NeedsCurrent(JsonObject set, int ordinal, int first) =>
        set.Text("spec", "updateStrategy", "type") != "OnDelete" && ordinal < first + (set.Whole("spec", "updateStrategy", "rollingUpdate", "partition") ?? 0);

    /// <summary>From the last to the partition, one after the other: none goes while one that was updated does not serve.</summary>
    private static IEnumerable<JsonObject> Outdated(JsonObject set, string update, ILookup<int, JsonObject> pods, int first, int end, Func<JsonObject, bool> serves)
    {
        var partition = first + (set.Whole("spec", "updateStrategy", "rollingUpdate", "partition") ?? 0);
        for (var ordinal = end - 1; ordinal >= partition; ordinal--)
        {
            var pod = pods[ordinal].First();
            if (RevisionOf(pod) != update && !pod.IsDeleting())
            {
                yield return pod;
                yield break;
            }

            if (!serves(pod))
            {
                yield break;
            }
        }
    }

    private static string? RevisionOf(JsonObject pod) => pod.Text("metadata", "labels", RevisionHistory.HashLabel);

    private static JsonObject NewStatus(JsonObject set, string current, string update, IReadOnlyList<JsonObject> pods, List<TimeSpan> waits)
    {
        var there = pods.Where(p => !p.IsOver()).ToList();
        var staying = there.Where(p => !p.IsDeleting()).ToList();
        var updated = staying.Count(p => RevisionOf(p) == update);
        var done = updated == there.Count && staying.Count == there.Count && waits.Count == there.Count && there.Count == set.Replicas();
        if (done && set.Text("spec", "updateStrategy", "type") != "OnDelete")
        {
            current = update;
        }

        var status = new JsonObject { ["replicas"] = there.Count };
        status.SetCount("readyReplicas", waits.Count);
        status["availableReplicas"] = waits.Count(w => w == TimeSpan.Zero);
        status.SetCount("currentReplicas", staying.Count(p => RevisionOf(p) == current));
        status.SetCount("updatedReplicas", updated);
        status["currentRevision"] = current;
        status["updateRevision"] = update;
        status["observedGeneration"] = set.Generation();
        status["collisionCount"] = set.Whole("status", "collisionCount") ?? 0;
        return status;
    }
}
