using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Testing.Simulation;

/// <summary>What must hold at each moment, and what must hold when all has been well for a while.</summary>
public sealed class SimInvariants(SimWorld world)
{
    private readonly List<SimNode> _path = [];

    /// <summary>Throws when something is that must never be. Cheap unless a cluster has moved.</summary>
    /// <exception cref="SimulationFailedException">What, where and when.</exception>
    public void Check()
    {
        foreach (var moved in world.Moved)
        {
            if (Cycle(moved) is { } cycle)
            {
                world.Violate($"clusters hang below each other: {cycle}");
            }
        }

        world.Moved.Clear();
        foreach (var watched in world.Watched)
        {
            if (watched() is { } wrong)
            {
                world.Violate(wrong);
            }
        }

        if (world.Violation is { } violation)
        {
            throw new SimulationFailedException(violation);
        }
    }

    /// <summary>Why the tree is not as it should be when nothing is wrong any more; null when it is.</summary>
    public string? Unsettled()
    {
        var below = new Dictionary<string, List<SimNode>>(StringComparer.Ordinal);
        foreach (var node in world.Nodes)
        {
            if (node.Controller is not { } controller)
            {
                return $"{node.Name} does not run";
            }

            if (node == world.Nodes[0])
            {
                continue;
            }

            if (world.Find(controller.Parent) is null)
            {
                return $"{node.Name} has no parent";
            }

            for (var above = world.Find(controller.Parent); above is not null; above = world.Find(above.Controller?.Parent))
            {
                if (!below.TryGetValue(above.Name, out var all))
                {
                    below[above.Name] = all = [];
                }

                all.Add(node);
                if (all.Count > world.Nodes.Count)
                {
                    return $"{node.Name} is its own ancestor";
                }
            }
        }

        return world.Nodes.Select(n => WrongRoute(n, below.GetValueOrDefault(n.Name) ?? [])).FirstOrDefault(static w => w is not null);
    }

    /// <summary>Which cluster is not below the parent it was set up with; null when all are.</summary>
    public string? Away() => world.Nodes.Where(static n => n.Controller?.Parent != n.Home).Select(static n => $"{n.Name} is below {n.Controller?.Parent}, not {n.Home}").FirstOrDefault();

    /// <summary>Which Cluster object at the root is not true; null when all are.</summary>
    public async Task<string?> WrongStatusAsync()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var page in world.Operator.PagesAsync(Kinds.Clusters, null, null, CancellationToken.None).ConfigureAwait(false))
        {
            foreach (var cluster in page.Items)
            {
                var name = cluster.Name();
                seen.Add(name);
                if (world.Find(name) is not { } node)
                {
                    if (!world.Members.Contains(name))
                    {
                        return $"Cluster {name} is there, and no such cluster was ever admitted";
                    }

                    continue;
                }

                if (node != world.Nodes[0] && WrongStatus(node, cluster) is { } wrong)
                {
                    return wrong;
                }
            }
        }

        return world.Nodes.Skip(1).FirstOrDefault(node => !seen.Contains(node.Name)) is { } missing ? $"Cluster {missing.Name} is not there" : null;
    }

    private string? WrongStatus(SimNode node, JsonObject cluster)
    {
        var told = $"{cluster.Text("status", "status")} below {cluster.Text("status", "parentName")} at {string.Join('/', cluster.Items("status", "path") ?? [])}";
        var path = PathTo(node);
        return told == $"online below {node.Controller!.Parent} at {path}" ? null : $"Cluster {node.Name} is told as {told} and hangs below {node.Controller.Parent} at {path}";
    }

    private static string? WrongRoute(SimNode node, List<SimNode> truth)
    {
        var known = node.Controller!.Below.Where(static e => e.Online).ToDictionary(static e => e.Name, static e => e.Parent, StringComparer.Ordinal);
        if (truth.FirstOrDefault(t => known.GetValueOrDefault(t.Name) != t.Controller!.Parent) is { } missing)
        {
            return $"{node.Name} knows {missing.Name} below {known.GetValueOrDefault(missing.Name) ?? "nobody"}, it is below {missing.Controller!.Parent}";
        }

        return known.Count == truth.Count ? null : $"{node.Name} knows {known.Count.ToString(CultureInfo.InvariantCulture)} clusters online below it, there are {truth.Count}: {string.Join(',', known.Keys.Except(truth.Select(t => t.Name)))}";
    }

    private string PathTo(SimNode node)
    {
        var path = new List<string>();
        for (var at = node; at is not null && path.Count <= world.Nodes.Count; at = world.Find(at.Controller?.Parent))
        {
            path.Insert(0, at.Name);
        }

        return string.Join('/', path);
    }

    // A cycle that was not there before leads through a cluster that has moved.
    private string? Cycle(SimNode moved)
    {
        _path.Clear();
        for (var at = moved; at is not null; at = world.Find(at.Controller?.Parent))
        {
            if (_path.Contains(at))
            {
                return string.Join(" below ", _path.Append(at).Select(static n => n.Name));
            }

            _path.Add(at);
        }

        return null;
    }
}
