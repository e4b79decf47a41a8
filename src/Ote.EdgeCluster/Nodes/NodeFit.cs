using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Nodes;

/// <summary>Which pods may run on which nodes, and where one should. Pure.</summary>
internal static class NodeFit
{
    /// <summary>A node for a pod, or why there is none.</summary>
    /// <param name="pod">Not yet bound.</param>
    /// <param name="nodes">All nodes.</param>
    /// <param name="load">How many active pods are bound to a node.</param>
    public static (string? Node, string Reason) Pick(JsonObject pod, IEnumerable<JsonObject> nodes, Func<string, int> load)
    {
        var refused = new SortedDictionary<string, int>(StringComparer.Ordinal);
        string? best = null;
        var least = int.MaxValue;
        var all = 0;
        foreach (var node in nodes.OrderBy(n => n.Name(), StringComparer.Ordinal))
        {
            all++;
            var pods = load(node.Name());
            if (Refusal(pod, node, pods) is { } reason)
            {
                refused[reason] = refused.GetValueOrDefault(reason) + 1;
            }
            else if (pods < least)
            {
                (best, least) = (node.Name(), pods);
            }
        }

        return best is not null
            ? (best, "")
            : (null, $"0/{all} nodes are available" + (refused.Count == 0 ? "." : ": " + string.Join(", ", refused.Select(r => $"{r.Value} {r.Key}")) + "."));
    }

    /// <summary>Whether a daemon's pod belongs on a node: selected, not tainted against it. Trouble, cordons and load do not keep it away.</summary>
    public static bool MayRunDaemon(JsonObject podSpec, JsonObject node) =>
        !node.IsDeleting()
        && (podSpec.Text("nodeName") is not { Length: > 0 } fixedTo || fixedTo == node.Name())
        && Selects(podSpec, node)
        && Untolerated(podSpec, node, key => key is "node.kubernetes.io/unschedulable" or "node.kubernetes.io/not-ready" or "node.kubernetes.io/unreachable") is null;

    private static string? Refusal(JsonObject pod, JsonObject node, int pods)
    {
        var spec = pod.At("spec") as JsonObject ?? [];
        return node.Truth("spec", "unschedulable") == true ? "node(s) were unschedulable"
            : !node.IsTrue("Ready") ? "node(s) were not ready"
            : Untolerated(spec, node, _ => false) is { } taint ? $"node(s) had untolerated taint {{{taint}}}"
            : !Selects(spec, node) ? "node(s) didn't match Pod's node affinity/selector"
            : int.TryParse(node.Text("status", "allocatable", "pods"), out var most) && pods >= most ? "Too many pods"
            : null;
    }

    private static bool Selects(JsonObject podSpec, JsonObject node) =>
        podSpec["nodeSelector"] is not JsonObject wanted || wanted.All(label => node.Text("metadata", "labels", label.Key) == label.Value.Text());

    private static string? Untolerated(JsonObject podSpec, JsonObject node, Func<string, bool> excused)
    {
        foreach (var taint in node.Items("spec", "taints") ?? [])
        {
            var key = taint.Text("key") ?? "";
            if (taint.Text("effect") is "NoSchedule" or "NoExecute" && !excused(key) && podSpec.Items("tolerations")?.Any(t => Tolerates(t, taint)) != true)
            {
                return $"{key}: {taint.Text("value")}";
            }
        }

        return null;
    }

    private static bool Tolerates(JsonNode? toleration, JsonNode? taint) =>
        (toleration.Text("effect") is not { Length: > 0 } effect || effect == taint.Text("effect"))
        && (toleration.Text("key") is not { Length: > 0 } key || key == taint.Text("key"))
        && (toleration.Text("operator") == "Exists" || (toleration.Text("key") is { Length: > 0 } && (toleration.Text("value") ?? "") == (taint.Text("value") ?? "")));
}
