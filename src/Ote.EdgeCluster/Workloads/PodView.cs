using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Workloads;

/// <summary>What the controllers ask of a pod. Pure.</summary>
internal static class PodView
{
    /// <summary><c>status.phase</c>; Pending when it has none yet.</summary>
    public static string Phase(this JsonObject pod) => pod.Text("status", "phase") ?? "Pending";

    /// <summary>Where it is bound; null when nowhere yet.</summary>
    public static string? NodeName(this JsonObject pod) => pod.Text("spec", "nodeName") is { Length: > 0 } node ? node : null;

    /// <summary>It ended and will not run again.</summary>
    public static bool IsOver(this JsonObject pod) => pod.Phase() is "Succeeded" or "Failed";

    /// <summary>It counts as a replica: neither over nor going.</summary>
    public static bool IsActive(this JsonObject pod) => !pod.IsOver() && !pod.IsDeleting();

    /// <summary>It serves.</summary>
    public static bool IsReady(this JsonObject pod) => pod.IsTrue("Ready");

    /// <summary>It has been ready for at least <paramref name="minReady"/>.</summary>
    public static bool IsAvailable(this JsonObject pod, TimeSpan minReady, DateTimeOffset now) => pod.AvailableIn(minReady, now) == TimeSpan.Zero;

    /// <summary>How long until it is available if nothing changes; zero when it is, null when it is not ready.</summary>
    public static TimeSpan? AvailableIn(this JsonObject pod, TimeSpan minReady, DateTimeOffset now)
    {
        if (!pod.IsReady())
        {
            return null;
        }

        var since = pod.Condition("Ready").Time("lastTransitionTime") ?? now;
        var left = since + minReady - now;
        return minReady == TimeSpan.Zero || left <= TimeSpan.Zero ? TimeSpan.Zero : left;
    }

    /// <summary>Restarts of all its containers together.</summary>
    public static long Restarts(this JsonObject pod) => pod.Items("status", "containerStatuses")?.Sum(c => c.Whole("restartCount") ?? 0) ?? 0;

    /// <summary><c>spec.minReadySeconds</c> of a workload.</summary>
    public static TimeSpan MinReady(this JsonObject workload) => TimeSpan.FromSeconds(workload.Whole("spec", "minReadySeconds") ?? 0);
}
