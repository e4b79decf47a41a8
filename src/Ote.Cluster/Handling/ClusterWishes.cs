using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Budgets;
using Ote.Cluster.Failover;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Cluster.Handling;

/// <summary>
/// Sends what operators wish of clusters in their objects (tags, place, the link's budget) until the clusters tell with their routes that
/// it is in force. An object that never wished a thing wishes nothing of it, so that it does not take back what another control entry
/// wished. Thread-safe for different clusters.
/// </summary>
internal sealed class ClusterWishes(Func<Message, Task> send, TimeProvider time, ILogger log)
{
    private const string TagsField = "spec.tags";
    private const string BudgetField = "spec.linkBudget";
    private readonly WishPauses _tags = new(time);
    private readonly WishPauses _places = new(time);
    private readonly WishPauses _budgets = new(time);
    private readonly ConcurrentDictionary<string, ulong> _placed = new(StringComparer.Ordinal); // in which attachment a cluster told of a wish last
    private readonly ConcurrentDictionary<(string Field, string Name), long> _refused = new();

    /// <summary>Sends what is due. The cluster's status is written already, so that a wish for its place is remembered before it is sent.</summary>
    /// <returns>When to look again; null: nothing is owed.</returns>
    public async Task<TimeSpan?> SendAsync(JsonObject cluster, RouteEntry entry)
    {
        if (!entry.Online)
        {
            return null;
        }

        if (entry.Placement != 0)
        {
            _placed[entry.Name] = entry.Epoch;
        }

        var generation = cluster.Generation();
        var owed = (Tags(cluster, entry), Place(cluster, entry), Budget(cluster, entry));
        var again = await SendAsync(_tags, owed.Item1).ConfigureAwait(false);
        again = Sooner(again, await SendAsync(_places, owed.Item2).ConfigureAwait(false));
        return Sooner(again, await SendAsync(_budgets, owed.Item3).ConfigureAwait(false));

        async Task<TimeSpan?> SendAsync(WishPauses pauses, Message? wish)
        {
            if (wish is null)
            {
                pauses.Forget(entry.Name);
                return null;
            }

            if (pauses.IsDue(entry.Name, generation, entry.Epoch, out var pause))
            {
                await send(wish).ConfigureAwait(false);
            }

            return pause;
        }
    }

    /// <summary>The cluster is gone.</summary>
    public void Forget(string name)
    {
        _tags.Forget(name);
        _places.Forget(name);
        _budgets.Forget(name);
        _placed.TryRemove(name, out _);
        _refused.TryRemove((TagsField, name), out _);
        _refused.TryRemove((BudgetField, name), out _);
    }

    /// <summary>
    /// Whether a cluster goes by no wish about its place because that was sent. One that has told of the former wish in this very attachment and
    /// tells of none now has heard; any other may have attached a moment ago and tell of its wish yet, or have it still on its way.
    /// </summary>
    public bool IsPlaceTakenBack(JsonObject cluster, RouteEntry entry) => entry.Placement == 0
        && (_places.HasHadTime(entry.Name, cluster.Generation())
            || (_places.WasSent(entry.Name, cluster.Generation(), entry.Epoch) && _placed.TryGetValue(entry.Name, out var epoch) && epoch == entry.Epoch));

    /// <summary>What an object wishes about its cluster's place; everything empty when it wishes nothing.</summary>
    public static SetPlacement PlaceOf(JsonObject cluster, string name) => new()
    {
        Name = name,
        PinnedParent = cluster.Text("spec", "pinnedParent") ?? "",
        ForbiddenParents = { cluster.Items("spec", "forbiddenParents")?.Select(p => p?.ToString() ?? "") ?? [] },
        Drain = cluster.Truth("spec", "drain") ?? false,
        Generation = (ulong)cluster.Generation(),
        ObjectUid = cluster.Uid(),
    };

    /// <summary>The shorter of two waits; null is none.</summary>
    public static TimeSpan? Sooner(TimeSpan? one, TimeSpan? other) => one is null || other < one ? other : one;

    private static Message? Place(JsonObject cluster, RouteEntry entry)
    {
        var wish = PlaceOf(cluster, entry.Name);
        var digest = PlacementDigest.Of(wish);
        var isOwed = digest == 0 ? ClusterStatus.RemembersPlacement(cluster) : digest != entry.Placement;
        return isOwed ? new Message { Lane = Lane.Control, SetPlacement = wish } : null;
    }

    private Message? Tags(JsonObject cluster, RouteEntry entry)
    {
        if (cluster.Items("spec", "tags") is not { } wished)
        {
            return null;
        }

        if (!TagSet.TryCreate(wished.Select(t => t?.ToString() ?? ""), out var tags, out var error))
        {
            Refuse(TagsField, cluster, error);
            return null;
        }

        return tags.Equals(entry.Tags)
            ? null
            : new Message { Lane = Lane.Control, SetTags = new SetTags { Name = entry.Name, Tags = { tags }, Generation = (ulong)cluster.Generation() } };
    }

    private Message? Budget(JsonObject cluster, RouteEntry entry)
    {
        if (cluster.At("spec", "linkBudget") is not JsonObject spec)
        {
            return null;
        }

        if (!BudgetSpec.TryRead(spec, out var budget, out var error))
        {
            Refuse(BudgetField, cluster, error);
            return null;
        }

        return budget.Digest() == entry.Budget
            ? null
            : new Message { Lane = Lane.Control, SetBudget = new SetBudget { Name = entry.Name, Budget = BudgetWire.ToWire(budget), Generation = (ulong)cluster.Generation() } };
    }

    /// <summary>Told once for each edit.</summary>
    private void Refuse(string field, JsonObject cluster, string error)
    {
        var (what, generation) = ((field, cluster.Name()), cluster.Generation());
        if (!_refused.TryGetValue(what, out var told) || told != generation)
        {
            _refused[what] = generation;
            log.ParentMessageRefused(field + " of " + what.Item2, error);
        }
    }
}
