using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Workloads;

/// <summary>What a ReplicaSet needs done. Pure.</summary>
/// <param name="Create">How many pods to make.</param>
/// <param name="Delete">Which pods to remove, the first first.</param>
/// <param name="Status">The status it should show.</param>
/// <param name="Again">When to look again without a change; null: never.</param>
internal sealed record ReplicaSetDecision(int Create, IReadOnlyList<JsonObject> Delete, JsonObject Status, TimeSpan? Again)
{
    /// <summary>No single look makes or removes more pods than this.</summary>
    public const int MaxBurst = 100;

    /// <summary>Compares what is asked with the pods it owns.</summary>
    /// <param name="set">The ReplicaSet.</param>
    /// <param name="pods">The pods it owns, over and going ones included.</param>
    /// <param name="now">For minReadySeconds and transition times.</param>
    public static ReplicaSetDecision Decide(JsonObject set, IReadOnlyList<JsonObject> pods, DateTimeOffset now)
    {
        var active = pods.Where(p => p.IsActive()).ToList();
        var asked = (int)(set.Whole("spec", "replicas") ?? 1);
        var create = set.IsDeleting() ? 0 : Math.Clamp(asked - active.Count, 0, MaxBurst);
        var delete = set.IsDeleting() || active.Count <= asked
            ? []
            : active.Order(LeastWanted).Take(Math.Min(active.Count - asked, MaxBurst)).ToList();
        var minReady = set.MinReady();
        var waits = active.Select(p => p.AvailableIn(minReady, now)).OfType<TimeSpan>().ToList();
        var status = NewStatus(set, active, waits);
        status.SetCount("terminatingReplicas", pods.Count(p => p.IsDeleting() && !p.IsOver()));
        return new ReplicaSetDecision(create, delete, status, waits.Where(w => w > TimeSpan.Zero).Select(w => (TimeSpan?)w).Min());
    }

    /// <summary>Puts the condition that pods could not be made, or takes it away.</summary>
    public static void SetFailure(JsonObject status, string? cause, DateTimeOffset now)
    {
        if (cause is not null)
        {
            Conditions.SetCondition(status, "ReplicaFailure", true, "FailedCreate", cause, now);
        }
        else if (status["conditions"] is JsonArray list)
        {
            list.RemoveAll(c => c.Text("type") == "ReplicaFailure");
            if (list.Count == 0)
            {
                status.Remove("conditions");
            }
        }
    }

    private static Comparer<JsonObject> LeastWanted { get; } = Comparer<JsonObject>.Create(static (a, b) =>
    {
        // What costs least to lose goes first: not bound, not running, not ready, cheap by annotation, ready for the
        // shortest time, restarted most, newest.
        int order;
        return (order = (a.NodeName() is not null).CompareTo(b.NodeName() is not null)) != 0 ? order
            : (order = PhaseRank(a).CompareTo(PhaseRank(b))) != 0 ? order
            : (order = a.IsReady().CompareTo(b.IsReady())) != 0 ? order
            : (order = Cost(a).CompareTo(Cost(b))) != 0 ? order
            : (order = ReadySince(b).CompareTo(ReadySince(a))) != 0 ? order
            : (order = b.Restarts().CompareTo(a.Restarts())) != 0 ? order
            : (order = Created(b).CompareTo(Created(a))) != 0 ? order
            : string.CompareOrdinal(a.Name(), b.Name());
    });

    private static int PhaseRank(JsonObject pod) => pod.Phase() switch { "Pending" => 0, "Unknown" => 1, _ => 2 };

    private static int Cost(JsonObject pod) =>
        int.TryParse(pod.Annotation("controller.kubernetes.io/pod-deletion-cost"), out var cost) ? cost : 0;

    private static DateTimeOffset ReadySince(JsonObject pod) =>
        pod.IsReady() ? pod.Condition("Ready").Time("lastTransitionTime") ?? DateTimeOffset.MinValue : DateTimeOffset.MinValue;

    private static DateTimeOffset Created(JsonObject pod) => pod.Time("metadata", "creationTimestamp") ?? DateTimeOffset.MinValue;

    private static JsonObject NewStatus(JsonObject set, List<JsonObject> active, List<TimeSpan> waits)
    {
        var status = new JsonObject { ["replicas"] = active.Count };
        status.SetCount("fullyLabeledReplicas", active.Count(p => CarriesTemplateLabels(set, p)));
        status.SetCount("readyReplicas", waits.Count);
        status.SetCount("availableReplicas", waits.Count(w => w == TimeSpan.Zero));
        status["observedGeneration"] = set.Generation();
        if (set.Items("status", "conditions") is { Count: > 0 } conditions)
        {
            status["conditions"] = conditions.DeepClone();
        }

        return status;
    }

    private static bool CarriesTemplateLabels(JsonObject set, JsonObject pod) =>
        (PodTemplate.Of(set).At("metadata", "labels") as JsonObject ?? []).All(label => pod.Text("metadata", "labels", label.Key) == label.Value.Text());
}
