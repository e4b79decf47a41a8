using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Budgets;

/// <summary>The status of a PodDisruptionBudget: how many of its pods may be evicted now. Pure.</summary>
/// <param name="Status">The status it should show.</param>
/// <param name="Again">When an eviction that led to nothing is forgotten; null: there is none.</param>
internal sealed record BudgetDecision(JsonObject Status, TimeSpan? Again)
{
    /// <summary>An evicted pod that is still there after this long is taken for one that stays.</summary>
    private static readonly TimeSpan EvictionIsDone = TimeSpan.FromMinutes(2);

    /// <summary>Counts.</summary>
    /// <param name="budget">The budget.</param>
    /// <param name="pods">The pods it selects.</param>
    /// <param name="scaleOf">How many pods a pod's owner wants; null where nobody says.</param>
    /// <param name="now">For evictions that are under way.</param>
    public static BudgetDecision Decide(JsonObject budget, IReadOnlyList<JsonObject> pods, Func<JsonObject, int?> scaleOf, DateTimeOffset now)
    {
        var counted = pods.Where(p => p.IsActive()).ToList();
        var disrupted = new JsonObject();
        TimeSpan? again = null;
        foreach (var (name, since) in budget.At("status", "disruptedPods") as JsonObject ?? [])
        {
            var left = (since.Time() ?? now) + EvictionIsDone - now;
            if (left > TimeSpan.Zero && counted.Exists(p => p.Name() == name))
            {
                disrupted[name] = since?.DeepClone();
                again = again is { } known && known < left ? known : left;
            }
        }

        var (expected, desired) = Wanted(budget, counted, scaleOf);
        var healthy = counted.Count(p => p.IsReady() && !disrupted.ContainsKey(p.Name()));
        var allowed = expected > 0 ? Math.Max(0, healthy - desired) : 0;
        var status = new JsonObject
        {
            ["currentHealthy"] = healthy,
            ["desiredHealthy"] = desired,
            ["disruptionsAllowed"] = allowed,
            ["expectedPods"] = expected,
            ["observedGeneration"] = budget.Generation(),
        };
        if (disrupted.Count > 0)
        {
            status["disruptedPods"] = disrupted;
        }

        if (budget.Items("status", "conditions") is { } conditions)
        {
            status["conditions"] = conditions.DeepClone();
        }

        Conditions.SetCondition(status, "DisruptionAllowed", allowed > 0, allowed > 0 ? "SufficientPods" : "InsufficientPods", "", now);
        status.Items("conditions")!.OfType<JsonObject>().First(c => c.Text("type") == "DisruptionAllowed")["observedGeneration"] = budget.Generation();
        return new BudgetDecision(status, again);
    }

    private static (int Expected, int Desired) Wanted(JsonObject budget, List<JsonObject> pods, Func<JsonObject, int?> scaleOf)
    {
        if (budget.At("spec", "maxUnavailable") is { } most)
        {
            var expected = Scale(pods, scaleOf);
            return (expected, Math.Max(0, expected - StatusFields.Resolve(most, expected, up: true, JsonValue.Create(0))));
        }

        var least = budget.At("spec", "minAvailable");
        if (least.Whole() is { } number)
        {
            return (pods.Count, (int)number);
        }

        var whole = Scale(pods, scaleOf);
        return (whole, StatusFields.Resolve(least, whole, up: true, JsonValue.Create(0)));
    }

    /// <summary>What all the owners together want; pods that nobody scales count as they are.</summary>
    private static int Scale(List<JsonObject> pods, Func<JsonObject, int?> scaleOf) =>
        pods.GroupBy(p => p.Controller()?.Uid ?? p.Uid(), StringComparer.Ordinal).Sum(group => scaleOf(group.First()) ?? group.Count());
}
