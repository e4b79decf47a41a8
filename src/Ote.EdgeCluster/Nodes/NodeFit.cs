using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Nodes;

/// <summary>Whether a pod may run on a node for what the two are, whoever else is there: taints, selectors, affinity to nodes. Pure.</summary>
internal static class NodeFit
{
    /// <summary>Whether a daemon's pod belongs on a node: selected, not tainted against it. Trouble, cordons and load do not keep it away.</summary>
    public static bool MayRunDaemon(JsonObject podSpec, JsonObject node) =>
        !node.IsDeleting()
        && (podSpec.Text("nodeName") is not { Length: > 0 } fixedTo || fixedTo == node.Name())
        && Selects(podSpec, node)
        && Untolerated(podSpec, node, IsExcused) is null;

    /// <summary>Whether a daemon's pod that runs on a node may stay there: selected, and not driven away.</summary>
    public static bool MayKeepDaemon(JsonObject podSpec, JsonObject node) =>
        !node.IsDeleting()
        && (podSpec.Text("nodeName") is not { Length: > 0 } fixedTo || fixedTo == node.Name())
        && Selects(podSpec, node)
        && node.Items("spec", "taints")?.Any(t => t.Text("effect") == "NoExecute" && !IsExcused(t.Text("key") ?? "") && !IsTolerated(podSpec, t)) != true;

    // Trouble and cordons do not keep a daemon away.
    private static bool IsExcused(string taint) => taint is "node.kubernetes.io/unschedulable" or "node.kubernetes.io/not-ready" or "node.kubernetes.io/unreachable";

    /// <summary>The node has the labels of <c>nodeSelector</c> and of required node affinity.</summary>
    public static bool Selects(JsonObject podSpec, JsonObject node)
    {
        if (podSpec["nodeSelector"] is JsonObject wanted && !wanted.All(label => node.Text("metadata", "labels", label.Key) == label.Value.Text()))
        {
            return false;
        }

        return podSpec.Items("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms") is not { } terms
            || terms.Any(term => Matches(term, node));
    }

    /// <summary>Sum of the weights of preferred node affinity that the node fulfils.</summary>
    public static long Preference(JsonObject podSpec, JsonObject node) =>
        (podSpec.Items("affinity", "nodeAffinity", "preferredDuringSchedulingIgnoredDuringExecution") ?? [])
            .Where(preferred => Matches(preferred.At("preference"), node)).Sum(preferred => preferred.Whole("weight") ?? 1);

    /// <summary>The first taint that keeps the pod away, as <c>key: value</c>; null for none.</summary>
    /// <param name="podSpec">The pod's spec.</param>
    /// <param name="node">The node.</param>
    /// <param name="excused">Taints that do not count, by key.</param>
    public static string? Untolerated(JsonObject podSpec, JsonObject node, Func<string, bool> excused)
    {
        foreach (var taint in node.Items("spec", "taints") ?? [])
        {
            var key = taint.Text("key") ?? "";
            if (taint.Text("effect") is "NoSchedule" or "NoExecute" && !excused(key) && !IsTolerated(podSpec, taint))
            {
                return $"{key}: {taint.Text("value")}";
            }
        }

        return null;
    }

    /// <summary>How many taints would rather not have the pod.</summary>
    public static int Discouragement(JsonObject podSpec, JsonObject node) =>
        node.Items("spec", "taints")?.Count(t => t.Text("effect") == "PreferNoSchedule" && !IsTolerated(podSpec, t)) ?? 0;

    /// <summary>Whether one of the pod's tolerations bears a taint.</summary>
    public static bool IsTolerated(JsonObject podSpec, JsonNode? taint) => podSpec.Items("tolerations")?.Any(t => Tolerates(t, taint)) == true;

    /// <summary>Whether a toleration bears a taint.</summary>
    public static bool Tolerates(JsonNode? toleration, JsonNode? taint) =>
        (toleration.Text("effect") is not { Length: > 0 } effect || effect == taint.Text("effect"))
        && (toleration.Text("key") is not { Length: > 0 } key || key == taint.Text("key"))
        && (toleration.Text("operator") == "Exists" || (toleration.Text("key") is { Length: > 0 } && (toleration.Text("value") ?? "") == (taint.Text("value") ?? "")));

    /// <summary>A term: all of its expressions hold. An empty one means no node.</summary>
    private static bool Matches(JsonNode? term, JsonObject node)
    {
        var expressions = term.Items("matchExpressions") ?? [];
        var fields = term.Items("matchFields") ?? [];
        return (expressions.Count > 0 || fields.Count > 0)
            && expressions.All(e => Holds(e, node.Text("metadata", "labels", e.Text("key") ?? "")))
            && fields.All(f => f.Text("key") == "metadata.name" && Holds(f, node.Name()));
    }

    private static bool Holds(JsonNode? expression, string? value)
    {
        var values = expression.Items("values")?.Select(v => v.Text()).ToList() ?? [];
        return expression.Text("operator") switch
        {
            "In" => value is not null && values.Contains(value),
            "NotIn" => value is null || !values.Contains(value),
            "Exists" => value is not null,
            "DoesNotExist" => value is null,
            "Gt" => long.TryParse(value, out var have) && long.TryParse(values.FirstOrDefault(), out var least) && have > least,
            "Lt" => long.TryParse(value, out var have) && long.TryParse(values.FirstOrDefault(), out var most) && have < most,
            _ => false,
        };
    }
}
