using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Workloads;

/// <summary>How replicas move from old ReplicaSets to the present one. Pure.</summary>
internal static class Rollout
{
    private static readonly JsonNode Quarter = JsonValue.Create("25%");

    /// <summary>How many replicas more than asked there may be, and how many fewer may be available; never both zero.</summary>
    public static (int Surge, int Unavailable) Bounds(JsonObject deployment)
    {
        if (deployment.Text("spec", "strategy", "type") == "Recreate")
        {
            return (0, deployment.Replicas());
        }

        var rolling = deployment.At("spec", "strategy", "rollingUpdate");
        var surge = StatusFields.Resolve(rolling.At("maxSurge"), deployment.Replicas(), up: true, Quarter);
        var unavailable = StatusFields.Resolve(rolling.At("maxUnavailable"), deployment.Replicas(), up: false, Quarter);
        return surge == 0 && unavailable == 0 ? (0, 1) : (surge, Math.Min(unavailable, deployment.Replicas()));
    }

    /// <summary>The next step of a rollout; empty when it is complete or waits for pods.</summary>
    /// <param name="deployment">The Deployment.</param>
    /// <param name="present">The ReplicaSet of its present template.</param>
    /// <param name="old">The others it owns, oldest first.</param>
    public static IReadOnlyList<Scaling> Step(JsonObject deployment, JsonObject present, IReadOnlyList<JsonObject> old)
    {
        var asked = deployment.Replicas();
        var running = old.Where(s => s.Replicas() > 0).ToList();
        if (deployment.Text("spec", "strategy", "type") == "Recreate")
        {
            return running.Count > 0 ? [.. running.Select(s => new Scaling(s, 0, false))]
                : old.Any(HasPods) || present.Replicas() == asked ? []
                : [new Scaling(present, asked, true)];
        }

        // Up first: with room left the present one grows, and only then may old ones shrink. A pod that is to go but is still
        // there takes up room.
        var (surge, unavailable) = Bounds(deployment);
        var total = present.Replicas() + running.Sum(s => s.Replicas());
        var there = present.Replicas() + old.Sum(s => Math.Max(s.Replicas(), s.Count("replicas")));
        var grown = present.Replicas() >= asked ? asked : Math.Min(asked, present.Replicas() + Math.Max(0, asked + surge - there));
        return grown != present.Replicas() ? [new Scaling(present, grown, true)] : Shrink(asked - unavailable, total, present, running);
    }

    /// <summary>Pods of the set are there, be it only that they end.</summary>
    public static bool HasPods(JsonObject set) => set.Count("replicas") > 0 || set.Count("terminatingReplicas") > 0;

    /// <summary>While paused only the number of replicas is followed, by the ReplicaSet that has any.</summary>
    public static IReadOnlyList<Scaling> Resize(JsonObject deployment, IEnumerable<JsonObject> sets)
    {
        var running = sets.Where(s => s.Replicas() > 0).ToList();
        var follows = running.Count == 1 ? running[0] : running.Count == 0 ? sets.MaxBy(DeploymentDecision.RevisionOf) : null;
        return follows is null || follows.Replicas() == deployment.Replicas() ? [] : [new Scaling(follows, deployment.Replicas(), false)];
    }

    private static List<Scaling> Shrink(int minAvailable, int total, JsonObject present, List<JsonObject> running)
    {
        // What is not yet available in the present one may not be made up for by old ones that go.
        var notYet = Math.Max(0, present.Replicas() - present.Count("availableReplicas"));
        var room = total - minAvailable - notYet;
        var sizes = running.ToDictionary(s => s, s => s.Replicas());

        // Replicas that do not serve cost nothing to lose.
        foreach (var set in running)
        {
            var gone = Math.Min(Math.Max(0, room), Math.Max(0, sizes[set] - set.Count("availableReplicas")));
            sizes[set] -= gone;
            room -= gone;
        }

        var spare = Math.Min(room, present.Count("availableReplicas") + running.Sum(s => Math.Min(s.Replicas(), s.Count("availableReplicas"))) - minAvailable);
        foreach (var set in running)
        {
            var gone = Math.Min(Math.Max(0, spare), sizes[set]);
            sizes[set] -= gone;
            spare -= gone;
        }

        return [.. running.Where(s => sizes[s] != s.Replicas()).Select(s => new Scaling(s, sizes[s], false))];
    }
}
