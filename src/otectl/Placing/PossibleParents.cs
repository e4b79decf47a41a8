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

    /// <summary>Those of them that the operator's wishes leave it, but for one: its pin, its forbidden parents, and parents that are drained.</summary>
    internal static IReadOnlyList<string> Allowed(ClusterView cluster, IReadOnlyList<ClusterView> all, string without) => [.. Wished(cluster, all)
        .Where(name => name != without && !all.Any(other => other.Name == name && other.IsDrained))];

    /// <summary>
    /// Clusters that would have no parent left without this one, and why, ordered: those that hang below it, and those that may hang nowhere else.
    /// </summary>
    internal static IReadOnlyList<string> Stranded(string parent, IReadOnlyList<ClusterView> all) => [.. all
        .Where(cluster => cluster.Name != parent && cluster.Status is not ("revoked" or "pending") && cluster.Parent.Length + cluster.PreferredParent.Length > 0)
        .Where(cluster => cluster.Parent == parent || Wished(cluster, all).Contains(parent))
        .Where(cluster => Allowed(cluster, all, parent).Count == 0)
        .Select(cluster => cluster.PinnedParent == parent ? $"{cluster.Name} (pinned below it)" : cluster.Name)
        .Order(StringComparer.Ordinal)];

    private static IEnumerable<string> Wished(ClusterView cluster, IReadOnlyList<ClusterView> all) =>
        cluster.PinnedParent.Length > 0 ? [cluster.PinnedParent] : Of(cluster, all).Except(cluster.ForbiddenParents);

    private static bool TakesChildren(ClusterView other) => (other.Parent.Length == 0 || other.Listen.Length > 0) && other.Status is not ("revoked" or "pending");

    private static bool HangsBelow(ClusterView other, string name) => (other.Object.Items("status", "path") ?? []).Any(step => step?.ToString() == name);
}
