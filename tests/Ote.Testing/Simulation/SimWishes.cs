using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Cluster.Budgets;
using Ote.Cluster.Routing;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Testing.Simulation;

/// <summary>
/// An operator who gives clusters other tags, says where they may hang (drains, pins and forbids) and what their links may carry, and
/// takes it back, and whom they may have lateral links with.
/// </summary>
/// <param name="world">Where.</param>
/// <param name="laterals">The lateral links.</param>
/// <param name="every">Mean virtual time from one wish to the next.</param>
public sealed class SimWishes(SimWorld world, SimLaterals laterals, TimeSpan every)
{
    private readonly Dictionary<SimNode, JsonObject> _placed = [];
    private readonly Dictionary<SimNode, TagSet> _tags = [];
    private readonly Dictionary<SimNode, LinkBudget> _budgets = [];
    private int _made;

    /// <summary>Goes on until the faults end.</summary>
    public async Task RunAsync()
    {
        while (world.Timeline.Steps < world.FaultsEnd)
        {
            await Task.Delay(every * -Math.Log(1 - world.Random()), world.Clock).ConfigureAwait(false);
            if (world.Plan.AllowsLateral && world.Random() < 0.2)
            {
                await laterals.ChangeAsync().ConfigureAwait(false);
                continue;
            }

            await (world.Random() < 0.4 ? TagAsync() : world.Plan.LimitsLinks && world.Random() < 0.3 ? LimitAsync() : world.Random() < 0.5 ? PlaceAsync() : TakeBackAsync()).ConfigureAwait(false);
        }
    }

    /// <summary>Nothing is drained, pinned or forbidden any more.</summary>
    public async Task EndAsync()
    {
        while (_placed.Count > 0)
        {
            await TakeBackAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Which cluster does not have the tags that were wished for; null when all do.</summary>
    public string? Unheeded() => _tags
        .Where(wish => world.Nodes[0].Controller!.Below.First(e => e.Name == wish.Key.Name).Tags.Equals(wish.Value) is false)
        .Select(wish => $"{wish.Key.Name} does not have the tags {wish.Value}")
        .FirstOrDefault();

    /// <summary>Which cluster's link does not have the budget that its object at the root holds; null when all do.</summary>
    public async Task<string?> UnlimitedAsync()
    {
        foreach (var (node, _) in _budgets)
        {
            var held = (await world.Operator.GetAsync(Kinds.Clusters, null, node.Name, CancellationToken.None).ConfigureAwait(false)).At("spec", "linkBudget");
            if (held is JsonObject spec && BudgetSpec.TryRead(spec, out var wished, out _) && !wished.Equals(node.Controller?.LinkCost?.Budget ?? new LinkBudget()))
            {
                return $"the link of {node.Name} does not have the budget {wished}";
            }
        }

        return null;
    }

    private Task TagAsync()
    {
        var sites = world.Sites;
        var node = world.One(sites);
        string[] tags = [string.Create(CultureInfo.InvariantCulture, $"shard={(int)(world.Random() * 7)}"), "tier=edge", string.Create(CultureInfo.InvariantCulture, $"wish={++_made}")];
        _tags[node] = TagSet.TryCreate(tags, out var wished, out var error) ? wished : throw new InvalidOperationException(error);
        return WriteAsync(node, new JsonObject { ["tags"] = new JsonArray([.. tags.Select(static t => (JsonNode)t)]) });
    }

    // A rate that a busy link feels and that lets it recover, weights, and with each budget compression; or none any more.
    private Task LimitAsync()
    {
        var node = world.One(world.Clusters);
        var none = _budgets.GetValueOrDefault(node) is { IsEmpty: false } && world.Random() < 0.5;
        var budget = none ? new LinkBudget() : new LinkBudget
        {
            BytesPerSecond = 2000 + (long)(world.Random() * 60_000),
            LaneWeights = world.Random() < 0.5 ? new LaneWeights(4, 2, 1, 1) : null,
        };
        _budgets[node] = budget;
        var spec = BudgetSpec.ToJson(budget);
        spec.TryAdd("bytesPerSecond", null); // a merge patch would keep what it does not name
        spec.TryAdd("laneWeights", null);
        return WriteAsync(node, new JsonObject { ["linkBudget"] = spec });
    }

    private Task PlaceAsync()
    {
        var node = world.One(world.Clusters);
        if (_placed.ContainsKey(node))
        {
            return Task.CompletedTask;
        }

        var parents = world.Parents.Where(n => n != node && !IsBelow(n, node)).ToList();
        var kind = world.Random();
        var wish = node.Options.Listen is not null && kind < 0.4 ? new JsonObject { ["drain"] = true }
            : kind < 0.7 ? new JsonObject { ["pinnedParent"] = world.One(parents).Name }
            : new JsonObject { ["forbiddenParents"] = new JsonArray(world.One(parents).Name) };
        _placed[node] = wish;
        return WriteAsync(node, wish);
    }

    private Task TakeBackAsync()
    {
        if (_placed.Count == 0)
        {
            return Task.CompletedTask;
        }

        var (node, wish) = world.One(_placed.ToList());
        _placed.Remove(node);
        return WriteAsync(node, new JsonObject([.. wish.Select(static w => KeyValuePair.Create(w.Key, (JsonNode?)null))]));
    }

    private async Task WriteAsync(SimNode node, JsonObject spec)
    {
        world.Plan.Log?.WriteLine($"{world.Timeline.Elapsed:hh\\:mm\\:ss\\.fff} WISH {node.Name} {spec.ToJsonString()}");
        await world.Operator.PatchAsync(Kinds.Clusters, null, node.Name, PatchKind.Merge, new JsonObject { ["spec"] = spec }, CancellationToken.None).ConfigureAwait(false);
    }

    private bool IsBelow(SimNode node, SimNode above)
    {
        for (var at = world.Find(node.Controller?.Parent); at is not null; at = world.Find(at.Controller?.Parent))
        {
            if (at == above)
            {
                return true;
            }
        }

        return false;
    }
}
