using System.Globalization;
using Ote.Kube.Objects;

namespace Ote.Testing.Simulation;

/// <summary>What must hold at each moment, and what must hold when all has been well for a while.</summary>
public sealed class SimInvariants(SimWorld world)
{
    private readonly Dictionary<SimNode, int> _seen = [];

    /// <summary>Clusters that changed their place, counted by each check.</summary>
    public int Checks { get; private set; }

    /// <summary>Throws when something is that must never be. Cheap unless a cluster has moved.</summary>
    /// <exception cref="SimulationFailedException">What, where and when.</exception>
    public void Check()
    {
        if (world.HasMoved)
        {
            world.HasMoved = false;
            Checks++;
            if (Cycle() is { } cycle)
            {
                world.Violate($"clusters hang below each other: {cycle}");
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

    /// <summary>Which Cluster object at the root is not true; null when all are.</summary>
    public async Task<string?> WrongStatusAsync()
    {
        var objects = (await world.Operator.ListAsync(Kinds.Clusters, null, null, CancellationToken.None).ConfigureAwait(false)).Items.ToDictionary(static c => c.Name(), StringComparer.Ordinal);
        foreach (var node in world.Nodes.Skip(1))
        {
            if (!objects.TryGetValue(node.Name, out var cluster))
            {
                return $"Cluster {node.Name} is not there";
            }

            var told = $"{cluster.Text("status", "status")} below {cluster.Text("status", "parentName")}";
            if (told != $"online below {node.Controller!.Parent}")
            {
                return $"Cluster {node.Name} is told as {told} and hangs below {node.Controller.Parent}";
            }
        }

        return null;
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

    private string? Cycle()
    {
        _seen.Clear();
        for (var i = 0; i < world.Nodes.Count; i++)
        {
            var at = world.Nodes[i];
            while (at is not null && _seen.TryAdd(at, i))
            {
                at = world.Find(at.Controller?.Parent);
            }

            if (at is not null && _seen[at] == i)
            {
                var names = new List<string>();
                for (var on = at; names.Count == 0 || on != at; on = world.Find(on.Controller!.Parent)!)
                {
                    names.Add(on.Name);
                }

                return string.Join(" below ", names.Append(at.Name));
            }
        }

        return null;
    }
}
