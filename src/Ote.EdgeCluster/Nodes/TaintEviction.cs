using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Nodes;

/// <summary>When a pod has to leave a node whose <c>NoExecute</c> taints it does not bear, or bears for a while only. Pure.</summary>
internal static class TaintEviction
{
    /// <summary>How long until it has to go; zero: now. Null: it may stay.</summary>
    public static TimeSpan? In(JsonObject pod, JsonObject node, DateTimeOffset now)
    {
        var tolerations = pod.Items("spec", "tolerations") ?? [];
        TimeSpan? soonest = null;
        foreach (var taint in node.Items("spec", "taints") ?? [])
        {
            if (taint.Text("effect") != "NoExecute")
            {
                continue;
            }

            var bearing = tolerations.Where(t => NodeFit.Tolerates(t, taint)).ToList();
            if (bearing.Count == 0)
            {
                return TimeSpan.Zero;
            }

            foreach (var seconds in bearing.Select(t => t.Whole("tolerationSeconds")).OfType<long>())
            {
                var left = (taint.Time("timeAdded") ?? now).AddSeconds(seconds) - now;
                left = left > TimeSpan.Zero ? left : TimeSpan.Zero;
                soonest = soonest is { } known && known < left ? known : left;
            }
        }

        return soonest;
    }
}
