using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Workloads;

/// <summary>
/// Under which words a <see cref="KindCache"/> finds an object again: its controller, its namespace, its labels, its node. That
/// is what keeps work on one object from walking over all the others. Pure.
/// </summary>
internal static class IndexKeys
{
    /// <summary>What one controller owns; without a controller the orphans of a namespace.</summary>
    public static string Owner(string ns, string kind, string name) => $"o/{ns}/{kind}/{name}";

    /// <summary>What nobody controls in a namespace.</summary>
    public static string Orphans(string ns) => $"o/{ns}";

    /// <summary>Everything in a namespace.</summary>
    public static string Within(string ns) => $"n/{ns}";

    /// <summary>What carries a label, or selects by it.</summary>
    public static string Label(string ns, string name, string value) => $"l/{ns}/{name}={value}";

    /// <summary>What selects no label in particular.</summary>
    public static string AnyLabel(string ns) => $"l/{ns}";

    /// <summary>What is bound to a node.</summary>
    public static string Node(string name) => $"m/{name}";

    /// <summary>By controller.</summary>
    public static IEnumerable<string> OfOwned(JsonObject obj)
    {
        yield return obj.Controller() is { } owner ? Owner(obj.Namespace(), owner.Kind, owner.Name) : Orphans(obj.Namespace());
    }

    /// <summary>By namespace.</summary>
    public static IEnumerable<string> OfNamespaced(JsonObject obj)
    {
        yield return Within(obj.Namespace());
    }

    /// <summary>Pods: by controller, namespace, node and each label.</summary>
    public static IEnumerable<string> OfPod(JsonObject pod)
    {
        var ns = pod.Namespace();
        yield return pod.Controller() is { } owner ? Owner(ns, owner.Kind, owner.Name) : Orphans(ns);
        yield return Within(ns);
        if (pod.NodeName() is { } node)
        {
            yield return Node(node);
        }

        foreach (var (name, value) in pod.Labels() ?? [])
        {
            yield return Label(ns, name, value.Text() ?? "");
        }
    }

    /// <summary>Objects found by their own labels.</summary>
    public static IEnumerable<string> OfLabelled(JsonObject obj) =>
        (obj.Labels() ?? []).Select(label => Label(obj.Namespace(), label.Key, label.Value.Text() ?? ""));

    /// <summary>Services: by the first label they select, so that a pod finds those that may mean it.</summary>
    public static IEnumerable<string> OfService(JsonObject service)
    {
        yield return Within(service.Namespace());
        foreach (var (name, value) in (service.At("spec", "selector") as JsonObject ?? []).Take(1))
        {
            yield return Label(service.Namespace(), name, value.Text() ?? "");
        }
    }

    /// <summary>Workloads: by the first label they select; those that select otherwise under <see cref="AnyLabel"/>.</summary>
    public static IEnumerable<string> OfSelecting(JsonObject workload)
    {
        yield return workload.At("spec", "selector", "matchLabels") is JsonObject { Count: > 0 } labels
            ? Label(workload.Namespace(), labels.First().Key, labels.First().Value.Text() ?? "")
            : AnyLabel(workload.Namespace());
    }
}
