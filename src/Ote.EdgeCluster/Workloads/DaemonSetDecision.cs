using System.Text.Json.Nodes;
using Ote.EdgeCluster.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Workloads;

/// <summary>What a DaemonSet needs done. Pure.</summary>
/// <param name="CreateOn">Names of the nodes that lack their pod.</param>
/// <param name="Delete">Pods that are one too many, out of place, over, or of an old template whose turn has come.</param>
/// <param name="Status">The status it should show.</param>
/// <param name="Again">When to look again without a change; null: never.</param>
internal sealed record DaemonSetDecision(IReadOnlyList<string> CreateOn, IReadOnlyList<JsonObject> Delete, JsonObject Status, TimeSpan? Again)
{
    /// <summary>Compares the nodes that should have a pod with the pods it owns.</summary>
    public static DaemonSetDecision Decide(JsonObject set, IReadOnlyCollection<JsonObject> nodes, IReadOnlyList<JsonObject> pods, DateTimeOffset now)
    {
        var hash = HashOf(set);
        var spec = PodTemplate.Of(set).At("spec") as JsonObject ?? [];
        var eligible = nodes.Where(n => NodeFit.MayRunDaemon(spec, n)).Select(n => n.Name()).Order(StringComparer.Ordinal).ToList();
        var there = pods.Where(p => !p.IsDeleting() && Place(p) is not null).ToLookup(p => Place(p)!);
        var minReady = set.MinReady();
        List<string> create = [];
        List<JsonObject> delete = [], kept = [], outdated = [];
        foreach (var node in eligible)
        {
            var alive = there[node].Where(p => !p.IsOver()).OrderBy(p => p.Text("metadata", "creationTimestamp"), StringComparer.Ordinal).ThenBy(p => p.Name(), StringComparer.Ordinal).ToList();
            delete.AddRange(there[node].Where(p => p.IsOver()));
            delete.AddRange(alive.Skip(1));
            if (alive.Count == 0)
            {
                // A pod that is going holds its node until it has gone.
                if (!pods.Any(p => p.IsDeleting() && Place(p) == node))
                {
                    create.Add(node);
                }

                continue;
            }

            kept.Add(alive[0]);
            if (alive[0].Text("metadata", "labels", RevisionHistory.HashLabel) != hash)
            {
                outdated.Add(alive[0]);
            }
        }

        var misplaced = there.Where(group => !eligible.Contains(group.Key)).SelectMany(group => group).ToList();
        // A taint that only keeps new pods away leaves those that run where they are.
        delete.AddRange(misplaced.Where(p => p.IsOver() || nodes.FirstOrDefault(n => n.Name() == Place(p)) is not { } node || !NodeFit.MayKeepDaemon(spec, node)));
        var waits = kept.Select(p => p.AvailableIn(minReady, now)).ToList();
        var available = waits.Count(w => w == TimeSpan.Zero);
        delete.AddRange(Outdated(set, outdated, eligible.Count, eligible.Count - available, minReady, now));
        var status = new JsonObject
        {
            ["currentNumberScheduled"] = kept.Count,
            ["desiredNumberScheduled"] = eligible.Count,
            ["numberMisscheduled"] = misplaced.Count,
            ["numberReady"] = waits.Count(w => w is not null),
            ["observedGeneration"] = set.Generation(),
        };
        status.SetCount("updatedNumberScheduled", kept.Count - outdated.Count);
        status.SetCount("numberAvailable", available);
        status.SetCount("numberUnavailable", eligible.Count - available);
        if (set.Whole("status", "collisionCount") is { } collisions)
        {
            status["collisionCount"] = collisions;
        }

        var again = waits.Where(w => w > TimeSpan.Zero).Min();
        return set.IsDeleting() ? new DaemonSetDecision([], [], status, null) : new DaemonSetDecision(create, delete, status, again);
    }

    /// <summary>The pod for one node. It is bound by its maker: no scheduler is asked.</summary>
    public static JsonObject NewPod(JsonObject set, string node)
    {
        var pod = PodTemplate.NewPod(set, Kinds.DaemonSets);
        pod.Child("metadata").Child("labels")[RevisionHistory.HashLabel] = HashOf(set);
        pod.Child("spec")["nodeName"] = node;
        Tolerate(pod.Child("spec"));
        return pod;
    }

    private static string HashOf(JsonObject set) => PodTemplate.Hash(PodTemplate.Of(set), set.Whole("status", "collisionCount") ?? 0);

    /// <summary>A node in trouble keeps its daemons: they are often what mends it.</summary>
    private static void Tolerate(JsonObject spec)
    {
        var tolerations = spec.Items("tolerations")?.DeepClone() as JsonArray ?? [];
        foreach (var (name, effect) in (ReadOnlySpan<(string, string)>)[("not-ready", "NoExecute"), ("unreachable", "NoExecute"), ("unschedulable", "NoSchedule")])
        {
            tolerations.Add((JsonNode)new JsonObject { ["key"] = $"node.kubernetes.io/{name}", ["operator"] = "Exists", ["effect"] = effect });
        }

        spec["tolerations"] = tolerations;
    }

    private static string? Place(JsonObject pod) => pod.NodeName();

    private static IEnumerable<JsonObject> Outdated(
        JsonObject set, List<JsonObject> outdated, int whole, int unavailable, TimeSpan minReady, DateTimeOffset now)
    {
        if (set.Text("spec", "updateStrategy", "type") == "OnDelete")
        {
            return [];
        }

        // Those that do not serve go at once; of the others as many as may be missing.
        var allowed = Math.Max(1, StatusFields.Resolve(set.At("spec", "updateStrategy", "rollingUpdate", "maxUnavailable"), whole, up: true, JsonValue.Create(1)));
        var broken = outdated.Where(p => !p.IsAvailable(minReady, now)).ToList();
        return broken.Concat(outdated.Except(broken).Take(Math.Max(0, allowed - unavailable)));
    }
}
