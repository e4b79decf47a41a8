namespace Ote.Ctl.Clusters;

/// <summary>A drawn tree, line by line, parents before children, siblings by name. Every cluster appears once, whatever its parent says.</summary>
internal static class TreeDrawing
{
    /// <summary>One line: the branch drawn before the name, the name, and the cluster unless only its children tell of it.</summary>
    internal readonly record struct Line(string Branch, string Name, ClusterView? Cluster);

    internal static IEnumerable<Line> Draw(IReadOnlyCollection<ClusterView> clusters)
    {
        var known = clusters.ToDictionary(cluster => cluster.Name, StringComparer.Ordinal);
        var children = clusters
            .Where(cluster => cluster.Parent.Length > 0 && cluster.Parent != cluster.Name)
            .GroupBy(cluster => cluster.Parent, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.Select(c => c.Name).Order(StringComparer.Ordinal).ToArray(), StringComparer.Ordinal);
        var placed = children.Values.SelectMany(names => names).ToHashSet(StringComparer.Ordinal);
        var drawn = new HashSet<string>(StringComparer.Ordinal);

        // First real tops, then parents only heard of, then whatever a cycle keeps from being reached.
        var tops = known.Keys.Where(name => !placed.Contains(name))
            .Concat(children.Keys.Where(parent => !known.ContainsKey(parent)))
            .OrderBy(name => name != "root")
            .ThenBy(name => name, StringComparer.Ordinal)
            .Concat(known.Keys.Order(StringComparer.Ordinal));
        foreach (var top in tops)
        {
            foreach (var line in Below(top, known, children, drawn))
            {
                yield return line;
            }
        }
    }

    private static IEnumerable<Line> Below(
        string top, Dictionary<string, ClusterView> known, Dictionary<string, string[]> children, HashSet<string> drawn)
    {
        // A stack of our own: the depth of a tree is its owner's choice.
        var waiting = new Stack<(string Name, string Branch, string Indent)>();
        waiting.Push((top, "", ""));
        while (waiting.TryPop(out var next))
        {
            if (!drawn.Add(next.Name))
            {
                continue;
            }

            yield return new Line(next.Branch, next.Name, known.TryGetValue(next.Name, out var cluster) ? cluster : null);
            var below = children.GetValueOrDefault(next.Name) ?? [];
            for (var i = below.Length - 1; i >= 0; i--)
            {
                var last = i == below.Length - 1;
                waiting.Push((below[i], next.Indent + (last ? "└─ " : "├─ "), next.Indent + (last ? "   " : "│  ")));
            }
        }
    }
}
