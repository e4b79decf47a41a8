using Ote.Ctl.Clusters;
using Ote.Kube.Objects;

namespace Ote.Ctl.Placing;

/// <summary>Which parents a cluster can come to hang below, as its own parents tell it: see decision 7. Pure.</summary>
internal static class PossibleParents
{
    /// <summary>Those that take children among its present and its first parent, their parents and siblings, and its own siblings; ordered.</summary>
    internal static IReadOnlyList<string> Of(ClusterView cluster, IReadOnlyList<ClusterView> all)
    {
        var parents = new[] { cluster.Parent, cluster.PreferredParent }.Where(name => name.Length > 0).ToHashSet(StringComparer.Ordinal);
        var above = all.Where(other => parents.Contains(other.Name)).Select(parent => parent.Parent).Where(name => name.Length > 0).ToHashSet(StringComparer.Ordinal);
        bool IsNear(ClusterView other) =>
            parents.Count == 0 || parents.Contains(other.Name) || above.Contains(other.Name) || above.Contains(other.Parent) || parents.Contains(other.Parent);
        return [.. all
            .Where(other => other.Name != cluster.Name && TakesChildren(other) && IsNear(other) && !HangsBelow(other, cluster.Name))
            .Select(other => other.Name)
            .Order(StringComparer.Ordinal)];
    }

    private static bool TakesChildren(ClusterView other) => (other.Parent.Length == 0 || other.Listen.Length > 0) && other.Status is not ("revoked" or "pending");

    private static bool HangsBelow(ClusterView other, string name) => (other.Object.Items("status", "path") ?? []).Any(step => step?.ToString() == name);
}
