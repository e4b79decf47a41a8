using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Workloads;

/// <summary>What a Deployment shows of itself. Pure.</summary>
internal static class DeploymentStatus
{
    /// <summary>The status after looking at its ReplicaSets, and when the progress deadline would pass.</summary>
    public static (JsonObject Status, TimeSpan? Again) Next(JsonObject deployment, IReadOnlyList<JsonObject> sets, JsonObject? present, DateTimeOffset now)
    {
        var available = sets.Sum(s => s.Count("availableReplicas"));
        var status = new JsonObject { ["observedGeneration"] = deployment.Generation() };
        status.SetCount("replicas", sets.Sum(s => s.Count("replicas")));
        status.SetCount("updatedReplicas", present?.Count("replicas") ?? 0);
        status.SetCount("readyReplicas", sets.Sum(s => s.Count("readyReplicas")));
        status.SetCount("availableReplicas", available);
        status.SetCount("unavailableReplicas", Math.Max(0, Math.Max(deployment.Replicas(), sets.Sum(s => s.Replicas())) - available));
        if (deployment.Whole("status", "collisionCount") is { } collisions)
        {
            status["collisionCount"] = collisions;
        }

        status["conditions"] = deployment.Items("status", "conditions")?.DeepClone() ?? new JsonArray();
        var (_, unavailable) = Rollout.Bounds(deployment);
        var enough = available >= deployment.Replicas() - unavailable;
        Set(
            status,
            "Available",
            enough,
            enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
            enough ? "Deployment has minimum availability." : "Deployment does not have minimum availability.",
            now);
        Failure(status, sets, now);
        return (status, Progress(deployment, status, present, now));
    }

    private static TimeSpan? Progress(JsonObject deployment, JsonObject status, JsonObject? present, DateTimeOffset now)
    {
        var known = deployment.Condition("Progressing");
        if (deployment.Truth("spec", "paused") ?? false)
        {
            if (known.Text("reason") != "DeploymentPaused")
            {
                Set(status, "Progressing", null, "DeploymentPaused", "Deployment is paused", now);
            }

            return null;
        }

        var seconds = deployment.Whole("spec", "progressDeadlineSeconds") ?? 600;
        var asked = deployment.Replicas();
        if (present is not null && Count(status, "updatedReplicas") == asked && Count(status, "replicas") == asked && Count(status, "availableReplicas") == asked)
        {
            Set(status, "Progressing", true, "NewReplicaSetAvailable", $"ReplicaSet \"{present.Name()}\" has successfully progressed.", now);
            return null;
        }

        var moved = known is null
            || known.Text("reason") == "DeploymentPaused"
            || present is null
            || deployment.Whole("status", "observedGeneration") != deployment.Generation()
            || Count(status, "updatedReplicas") > deployment.Count("updatedReplicas")
            || Count(status, "readyReplicas") > deployment.Count("readyReplicas")
            || Count(status, "availableReplicas") > deployment.Count("availableReplicas")
            || Count(status, "replicas") - Count(status, "updatedReplicas") < deployment.Count("replicas") - deployment.Count("updatedReplicas");
        if (moved)
        {
            var name = present?.Name() ?? DeploymentDecision.SetName(deployment);
            Set(status, "Progressing", true, "ReplicaSetUpdated", $"ReplicaSet \"{name}\" is progressing.", now, always: true);
            return TimeSpan.FromSeconds(seconds);
        }

        if (known.Text("reason") is "NewReplicaSetAvailable" or "ProgressDeadlineExceeded")
        {
            // Complete once: replicas that fail later are the Available condition's matter. Too late once: stays so until something moves.
            return null;
        }

        var left = (known.Time("lastUpdateTime") ?? now) + TimeSpan.FromSeconds(seconds) - now;
        if (left > TimeSpan.Zero)
        {
            return left;
        }

        Set(status, "Progressing", false, "ProgressDeadlineExceeded", $"ReplicaSet \"{present!.Name()}\" has timed out progressing.", now);
        return null;
    }

    private static void Failure(JsonObject status, IReadOnlyList<JsonObject> sets, DateTimeOffset now)
    {
        var failure = sets.Select(s => s.Condition("ReplicaFailure")).FirstOrDefault(c => c.Text("status") == "True");
        if (failure is not null)
        {
            Set(status, "ReplicaFailure", true, failure.Text("reason") ?? "FailedCreate", failure.Text("message") ?? "", now);
        }
        else
        {
            ((JsonArray)status["conditions"]!).RemoveAll(c => c.Text("type") == "ReplicaFailure");
        }
    }

    private static void Set(JsonObject status, string type, bool? value, string reason, string message, DateTimeOffset now, bool always = false)
    {
        if (Conditions.SetCondition(status, type, value, reason, message, now) || always)
        {
            status.Items("conditions")!.OfType<JsonObject>().First(c => c.Text("type") == type)["lastUpdateTime"] = now.ToKubeTime();
        }
    }

    private static int Count(JsonObject status, string name) => (int)(status.Whole(name) ?? 0);
}
