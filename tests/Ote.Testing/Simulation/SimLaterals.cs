using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Testing.Simulation;

/// <summary>An operator who allows pairs of clusters lateral links and takes that back, and what must hold of these links.</summary>
/// <param name="world">Where.</param>
public sealed class SimLaterals(SimWorld world)
{
    private const int MostOfOne = 4;
    private const int MostAtFirst = 500;
    private readonly List<(SimNode One, SimNode Other)> _pairs = [];
    private readonly HashSet<SimNode> _written = [];
    private readonly SimNode[] _listening = [.. world.Parents.Skip(1)]; // the root has no lateral links
    private readonly Dictionary<(SimNode, SimNode), bool> _wide = [];

    /// <summary>Messages that came over lateral links, as the processes that run now count them.</summary>
    public long Brought => world.Nodes.Sum(static n => n.Controller?.LateralLinks.Sum(static l => l.Brought) ?? 0);

    /// <summary>Some pairs from the beginning, so that faults find links.</summary>
    public async Task BeginAsync()
    {
        for (var i = 0; i < Math.Clamp(world.Nodes.Count / 8, 2, MostAtFirst) && world.Plan.AllowsLateral; i++)
        {
            await AllowAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Another pair, or one less.</summary>
    public Task ChangeAsync() => _pairs.Count > 2 && world.Random() < 0.5 ? TakeBackAsync() : AllowAsync();

    /// <summary>Two clusters that may have a lateral link; null when there is no such pair.</summary>
    public (SimNode From, SimNode To)? One()
    {
        if (_pairs.Count == 0)
        {
            return null;
        }

        var (one, other) = world.One(_pairs);
        return world.Random() < 0.5 ? (one, other) : (other, one);
    }

    /// <summary>Which lateral link is not as its objects say; null when all are.</summary>
    public string? Unlinked()
    {
        var peers = _pairs.SelectMany(static p => new[] { (p.One, p.Other.Name), (One: p.Other, p.One.Name) }).ToLookup(static p => p.One, static p => p.Name);
        foreach (var node in _written)
        {
            var wished = peers[node].Order(StringComparer.Ordinal).ToArray();
            var links = node.Controller?.LateralLinks ?? [];
            if (!links.Select(static l => l.Peer).SequenceEqual(wished, StringComparer.Ordinal))
            {
                return $"{node.Name} may have lateral links with {string.Join(',', links.Select(static l => l.Peer))}, its object says {string.Join(',', wished)}";
            }

            if (links.FirstOrDefault(static l => !l.IsUp) is { } down)
            {
                return $"the lateral link of {node.Name} with {down.Peer} is down: {down.Cause}";
            }
        }

        return null;
    }

    /// <summary>Where a message has travelled farther than up, across and down again; null when none has.</summary>
    public string? Loop()
    {
        // However the tree stands, no way up or down is longer than there are clusters that take children.
        var most = (2 * world.Nodes.Count(static n => n.Options.Listen is not null)) + 1;
        return world.Nodes.Where(n => n.Controller?.Messages.Farthest > most).Select(n => $"a message came to {n.Name} over {n.Controller!.Messages.Farthest} links; no way has more than {most}").FirstOrDefault();
    }

    private Task AllowAsync()
    {
        if (_listening.Length == 0)
        {
            return Task.CompletedTask; // a tree so small that all hang below the root
        }

        var one = world.One(_listening);
        var other = world.One(world.Clusters);
        if (one == other || _pairs.Contains((one, other)) || _pairs.Contains((other, one)) || Of(one) >= MostOfOne || Of(other) >= MostOfOne)
        {
            return Task.CompletedTask;
        }

        _pairs.Add((one, other));
        _wide[(one, other)] = world.Random() < 0.5;
        return WriteAsync(one, other);
    }

    private Task TakeBackAsync()
    {
        var pair = world.One(_pairs);
        _pairs.Remove(pair);
        return WriteAsync(pair.One, pair.Other);
    }

    private async Task WriteAsync(params SimNode[] nodes)
    {
        foreach (var node in nodes)
        {
            _written.Add(node);
            var spec = new JsonObject
            {
                ["lateral"] = new JsonArray([.. _pairs.Where(p => p.One == node || p.Other == node)
                    .Select(p => (JsonNode)new JsonObject { ["peer"] = p.One == node ? p.Other.Name : p.One.Name, ["subtree"] = _wide[p] })]),
            };
            world.Plan.Log?.WriteLine($"{world.Timeline.Elapsed:hh\\:mm\\:ss\\.fff} WISH {node.Name} {spec.ToJsonString()}");
            await world.Operator.PatchAsync(Kinds.Clusters, null, node.Name, PatchKind.Merge, new JsonObject { ["spec"] = spec }, CancellationToken.None).ConfigureAwait(false);
        }
    }

    private int Of(SimNode node) => _pairs.Count(p => p.One == node || p.Other == node);
}
