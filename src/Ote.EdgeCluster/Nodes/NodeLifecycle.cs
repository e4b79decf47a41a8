using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Nodes;

/// <summary>What the cluster makes of a node by its lease and its conditions, whatever the node itself says. Pure.</summary>
/// <param name="Unknown">Nothing was heard of it for longer than its lease lasts.</param>
/// <param name="Taints">The taints it should have, others' included.</param>
/// <param name="Status">The status it should show.</param>
/// <param name="Again">When its lease will have run out; null: it has.</param>
/// <param name="Silence">How long nothing was heard of it.</param>
internal sealed record NodeLifecycle(bool Unknown, JsonArray Taints, JsonObject Status, TimeSpan? Again, TimeSpan Silence)
{
    private const string NotReady = "node.kubernetes.io/not-ready";
    private const string Unreachable = "node.kubernetes.io/unreachable";
    private const string Unschedulable = "node.kubernetes.io/unschedulable";

    /// <summary>Judges a node.</summary>
    /// <param name="node">The node.</param>
    /// <param name="lease">Its lease; null when it has none.</param>
    /// <param name="lasts">How long a lease lasts that does not say, or a new node without one.</param>
    /// <param name="now">The time.</param>
    public static NodeLifecycle Decide(JsonObject node, JsonObject? lease, TimeSpan lasts, DateTimeOffset now)
    {
        var heard = lease.Time("spec", "renewTime") ?? node.Time("metadata", "creationTimestamp") ?? now;
        var until = heard + (lease.Whole("spec", "leaseDurationSeconds") is { } seconds ? TimeSpan.FromSeconds(seconds) : lasts);
        var unknown = until <= now;
        var status = (node["status"] as JsonObject ?? []).Copy();
        if (unknown)
        {
            Conditions.SetCondition(status, "Ready", null, "NodeStatusUnknown", "Kubelet stopped posting node status.", now);
        }

        var ready = status.Items("conditions")?.FirstOrDefault(c => c.Text("type") == "Ready").Text("status");
        var wanted = new List<(string Key, string Effect)>();
        if (node.Truth("spec", "unschedulable") == true)
        {
            wanted.Add((Unschedulable, "NoSchedule"));
        }

        if (ready != "True")
        {
            var key = ready == "False" ? NotReady : Unreachable;
            wanted.Add((key, "NoSchedule"));
            wanted.Add((key, "NoExecute"));
        }

        return new NodeLifecycle(unknown, NewTaints(node, wanted, now), status, unknown ? null : until - now, now - heard);
    }

    /// <summary>A merge patch of the taints; null when the node has them.</summary>
    public JsonObject? TaintPatch(JsonObject node) =>
        JsonNode.DeepEquals(node.Items("spec", "taints") ?? [], Taints)
            ? null
            : new JsonObject { ["metadata"] = new JsonObject { ["resourceVersion"] = node.ResourceVersion() }, ["spec"] = new JsonObject { ["taints"] = Taints.Count == 0 ? null : Taints.DeepClone() } };

    private static JsonArray NewTaints(JsonObject node, List<(string Key, string Effect)> wanted, DateTimeOffset now)
    {
        var taints = new JsonArray();
        foreach (var taint in node.Items("spec", "taints") ?? [])
        {
            var (key, effect) = (taint.Text("key") ?? "", taint.Text("effect") ?? "");
            if (key is not (NotReady or Unreachable or Unschedulable) || wanted.Remove((key, effect)))
            {
                taints.Add(taint?.DeepClone());
            }
        }

        foreach (var (key, effect) in wanted)
        {
            var taint = new JsonObject { ["key"] = key, ["effect"] = effect };
            if (effect == "NoExecute")
            {
                taint["timeAdded"] = now.ToKubeTime();
            }

            taints.Add((JsonNode)taint);
        }

        return taints;
    }
}
