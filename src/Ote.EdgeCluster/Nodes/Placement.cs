using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Nodes;

/// <summary>Where a pod should run. Pure, but for the loads it is given, which it only reads.</summary>
internal static class Placement
{
    /// <summary>A node for a pod, or why there is none, worded as kubectl users know it.</summary>
    /// <param name="pod">Not yet bound.</param>
    /// <param name="nodes">All nodes with what is on them.</param>
    /// <param name="choosy">Pods that do not want just anybody beside them.</param>
    public static (string? Node, string Reason) Pick(JsonObject pod, IReadOnlyList<NodeLoad> nodes, IEnumerable<JsonObject> choosy)
    {
        var refused = new Dictionary<string, int>(StringComparer.Ordinal);
        var requests = PodRequests.Of(pod);
        var neighbours = new Neighbours(pod, nodes, choosy);
        var spec = pod.At("spec") as JsonObject ?? [];
        NodeLoad? best = null;
        (long Liking, int Siblings, decimal Used, int Pods) rank = default;
        foreach (var node in nodes.OrderBy(n => n.Name, StringComparer.Ordinal))
        {
            var reasons = Refusals(spec, pod, node, requests, neighbours);
            if (reasons.Count > 0)
            {
                reasons.ForEach(reason => refused[reason] = refused.GetValueOrDefault(reason) + 1);
                continue;
            }

            var liking = NodeFit.Preference(spec, node.Node) + neighbours.Preference(node.Node) - (100L * NodeFit.Discouragement(spec, node.Node));
            // Pods of one owner spread first: what runs for the sake of another's failure should not fail with it.
            var its = (liking, node.Siblings(pod), Used(node, requests), node.Count);
            if (best is null || its.liking > rank.Liking || (its.liking == rank.Liking && (its.Item2, its.Item3, its.Count).CompareTo((rank.Siblings, rank.Used, rank.Pods)) < 0))
            {
                (best, rank) = (node, its);
            }
        }

        return best is not null
            ? (best.Name, "")
            : (null, $"0/{nodes.Count} nodes are available" + (refused.Count == 0 ? "." : ": " + string.Join(", ", refused.Select(r => $"{r.Value} {r.Key}").Order(StringComparer.Ordinal)) + "."));
    }

    /// <summary>The reasons of the first rule that a node fails; several only for resources.</summary>
    private static List<string> Refusals(JsonObject spec, JsonObject pod, NodeLoad load, Dictionary<string, decimal> requests, Neighbours neighbours)
    {
        var node = load.Node;
        if (node.Truth("spec", "unschedulable") == true && NodeFit.Untolerated(spec, Cordoned, _ => false) is not null)
        {
            return ["node(s) were unschedulable"];
        }

        if (NodeFit.Untolerated(spec, node, _ => false) is { } taint)
        {
            return [$"node(s) had untolerated taint {{{taint}}}"];
        }

        if (!node.IsTrue("Ready"))
        {
            // Only for the moment until its taint stands.
            return ["node(s) had untolerated taint {node.kubernetes.io/not-ready: }"];
        }

        if (!NodeFit.Selects(spec, node))
        {
            return ["node(s) didn't match Pod's node affinity/selector"];
        }

        if (PodRequests.HostPorts(pod).Any(load.IsTaken))
        {
            return ["node(s) didn't have free ports for the requested pod ports"];
        }

        var lacking = Lacking(load, requests).ToList();
        return lacking.Count > 0 ? lacking : neighbours.Refusal(node) is { } reason ? [reason] : [];
    }

    private static JsonObject Cordoned { get; } = new()
    {
        ["spec"] = new JsonObject { ["taints"] = new JsonArray(new JsonObject { ["key"] = "node.kubernetes.io/unschedulable", ["effect"] = "NoSchedule" }) },
    };

    private static IEnumerable<string> Lacking(NodeLoad load, Dictionary<string, decimal> requests)
    {
        var allocatable = PodRequests.Read(load.Node.At("status", "allocatable")).ToDictionary(r => r.Name, r => r.Amount, StringComparer.Ordinal);
        if (allocatable.TryGetValue("pods", out var most) && load.Count >= most)
        {
            yield return "Too many pods";
        }

        foreach (var (resource, amount) in requests)
        {
            // Disk is not counted on nodes that are not real.
            if (amount > 0 && resource != "ephemeral-storage" && load.Requested(resource) + amount > allocatable.GetValueOrDefault(resource))
            {
                yield return $"Insufficient {resource}";
            }
        }
    }

    /// <summary>How full the node would be, of processor and memory together, in hundredths; pods that ask for nothing count with what they most likely need.</summary>
    private static decimal Used(NodeLoad load, Dictionary<string, decimal> requests)
    {
        var sum = 0m;
        foreach (var (resource, amount) in PodRequests.Read(load.Node.At("status", "allocatable")))
        {
            if (resource is "cpu" or "memory" && amount > 0)
            {
                var asked = requests.GetValueOrDefault(resource) is > 0 and var some ? some : PodRequests.Assumed(resource);
                sum += (load.Requested(resource) + (load.Without(resource) * PodRequests.Assumed(resource)) + asked) / amount;
            }
        }

        return Math.Round(sum, 2);
    }
}
