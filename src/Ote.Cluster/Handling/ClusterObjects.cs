using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Issuing;
using Ote.Cluster.Lateral;
using Ote.Cluster.Messages;
using Ote.Cluster.Routing;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;
using Ote.Kube.Watching;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Cluster.Handling;

/// <summary>
/// Keeps the <c>Cluster</c> objects of a control API equal to the routes, and carries out what operators wish there: tags, and
/// forgetting a cluster by deleting its object. Writes on change only: an idle tree writes nothing.
/// </summary>
internal sealed class ClusterObjects : IDisposable
{
    private const int Parallel = 16;

    // What a child tells of itself comes in a few messages, and an accepted cluster is about to attach: one write for all of it.
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(50);

    // What hung below a cluster that is lost mostly hangs elsewhere in a moment, and a thousand objects would be written twice just then.
    private static readonly TimeSpan MovingPatience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan DrainLook = TimeSpan.FromSeconds(2);

    // A home that comes to hang below its own child, or leaves there, changes nothing in that child's route.
    private static readonly TimeSpan AwayLook = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan AttachPatience = TimeSpan.FromSeconds(5);

    // A child that a drained parent has sent away mostly hangs elsewhere in a second; one that finds nobody is not waited for without end.
    private static readonly TimeSpan DrainPatience = TimeSpan.FromSeconds(30);

    // Pods come and go somewhere below all the time.
    private static readonly TimeSpan SumsGathering = TimeSpan.FromSeconds(15);

    // While a branch moves its clusters are without a route for a moment; their objects hold what operators wish of them.
    private static readonly TimeSpan RoutePatience = LostNames.Patience;
    private readonly RouteKeeper _routes;
    private readonly Uplink _uplink;
    private readonly KubeClient _api;
    private readonly Informer _informer;
    private readonly WorkQueue<string> _queue;
    private readonly ClusterWishes _wishes;
    private readonly LateralWishes _lateral;
    private readonly IssuingOrders? _issuing;
    private readonly OutdatedLinks? _outdated;
    private readonly ClusterCertificates _certificates;
    private readonly SubtreeSums _sums = new();
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly bool _isRoot;
    private readonly ConcurrentDictionary<string, bool> _seen = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, DateTimeOffset> _expected = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _forgotten = new(StringComparer.Ordinal); // above, with their uids: their objects here are to go
    private readonly ConcurrentDictionary<string, Settled> _settled = new(StringComparer.Ordinal);

    // By an ancestor that is away: whose objects name it as the reason why nobody knows of them.
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<string, bool>> _lostWith = new(StringComparer.Ordinal);

    public ClusterObjects(
        RouteKeeper routes, Uplink uplink, KubeClient api, Func<Message, Task> sendWish, ClusterCertificates certificates, TimeProvider time, Func<double> random, ILogger log,
        IssuingOrders? issuing = null, OutdatedLinks? outdated = null)
    {
        _outdated = outdated;
        if (outdated is not null)
        {
            outdated.Forgotten += (name, uid) =>
            {
                _forgotten[name] = uid;
                _queue!.Add(name);
            };
        }

        (_routes, _uplink, _api, _certificates, _time, _log, _isRoot) = (routes, uplink, api, certificates, time, log, uplink.IsRoot);
        _wishes = new ClusterWishes(sendWish, time, log);
        _lateral = new LateralWishes(name => routes.Read(t => t.Find(name)), sendWish, time, log);
        _issuing = issuing;
        if (issuing is not null)
        {
            issuing.Changed += name => _queue!.AddAfter(name, Gathering);
        }

        certificates.OwnChanged += () => _queue!.Add(routes.Self.Name);
        _queue = new WorkQueue<string>(time, random);
        _informer = new Informer(api, Kinds.Clusters, null, null, time, random, log);
        _informer.Changed += ObjectChanged;
        routes.Changed += Queue;
        uplink.Moved += () => Queue(routes.Read(t => t.Below.Append(t.Self).Select(e => e.Name).ToArray()));
    }

    public async Task RunAsync(CancellationToken stop)
    {
        var watching = _informer.RunAsync(stop);
        var issuing = _issuing?.RunAsync(stop) ?? Task.CompletedTask;
        await _informer.Synced.WaitAsync(stop).ConfigureAwait(false);
        var names = _routes.Read(t => t.Below.Append(t.Self).Select(e => e.Name).ToArray());
        Sum(names);
        foreach (var name in names)
        {
            _queue.Add(name);
        }

        await new Reconciler("cluster objects", _queue, ReconcileAsync, Parallel, _log).RunAsync(stop).ConfigureAwait(false);
        await watching.ConfigureAwait(false);
        await issuing.ConfigureAwait(false);
    }

    /// <summary>Whether a cluster of a name may have an object; false only when none was there a moment ago.</summary>
    public bool MayExist(string name) => !_informer.Synced.IsCompletedSuccessfully || _informer.Get(name) is not null;

    public void Dispose() => _queue.Dispose();

    private async Task<Next> ReconcileAsync(string name, CancellationToken ct)
    {
        var (entry, path, lost, moved) = _routes.Read(t => (t.Find(name), PathTo(t, name), LostAncestor(t, name), t.MovedWith(name)));
        var known = _informer.Get(name);
        if (entry is null)
        {
            return await WithoutRouteAsync(name, known, ct).ConfigureAwait(false);
        }

        if (known is null)
        {
            if (await _api.GetAsync(Kinds.Clusters, null, name, ct).ConfigureAwait(false) is { } fresh)
            {
                known = fresh;
            }
            else if (WasDeleted(name) && !entry.Online && name != _routes.Self.Name)
            {
                _outdated?.Tell(_routes.Apply(t => t.Forget(name)));
                return Next.Done;
            }
            else
            {
                known = await CreateAsync(entry, ct).ConfigureAwait(false);
            }
        }

        _seen.TryAdd(name, true);
        _expected.TryRemove(name, out _);
        if (lost is not null)
        {
            _lostWith.GetOrAdd(lost, static _ => new ConcurrentDictionary<string, bool>(StringComparer.Ordinal))[name] = true;
            if (_routes.Read(t => LostAncestor(t, name)) != lost)
            {
                return Next.After(Gathering); // it came back before it was known who waits for that
            }
        }

        var plan = (IssuingPlan?)null;
        if (_issuing is not null && name != _routes.Self.Name)
        {
            (plan, known) = await _issuing.PrepareAsync(known, entry, ct).ConfigureAwait(false);
        }

        var isAway = entry is { Online: true, Home.Length: > 0 } && entry.Home != entry.Parent;
        var home = isAway ? StateOf(entry.Home, name) : HomeState.Fit;
        var settled = new Settled(known.ResourceVersion(), entry, string.Join('/', path), lost, _lateral.Digest(known), plan?.Order.Digest ?? 0, home, moved?.Later, _sums.Of(name)?.Version ?? 0);
        if (_settled.TryGetValue(name, out var before) && before with { Until = null } == settled && !(before.Until <= _time.GetUtcNow()))
        {
            return before.Until is { } until ? Next.After(until - _time.GetUtcNow()) : Next.Done; // the echo of what was written
        }

        await _certificates.ObserveAsync(known).ConfigureAwait(false);
        var next = known.Copy();
        ClusterStatus.Write(next.Child("status"), entry, path, lost, moved, next.Truth("spec", "accepted") ?? true, _time.GetUtcNow());
        ClusterStatus.WriteSubtree(next.Child("status"), _sums.Of(name)?.Sum);
        HomeStatus.Write(next.Child("status"), entry, known, home, _time.GetUtcNow());
        var children = IsDrained(known) ? _routes.Read(t => t.ChildrenOf(name, (_time.GetUtcNow() - DrainPatience).ToUnixTimeMilliseconds())) : (ChildrenOf?)null;
        ClusterStatus.WriteDrain(next.Child("status"), children, _time.GetUtcNow());
        if (name != _routes.Self.Name)
        {
            ClusterStatus.WritePlacement(next.Child("status"), ClusterWishes.PlaceOf(known, name), entry, _wishes.IsPlaceTakenBack(known, entry), _time.GetUtcNow());
        }

        var again = _certificates.Write(next, name == _routes.Self.Name);
        if (isAway && !(again.Delay < AwayLook))
        {
            again = Next.After(AwayLook);
        }

        plan?.Write(next.Child("status"), entry, _time.GetUtcNow());
        if (!JsonNode.DeepEquals(next["status"], known["status"]))
        {
            var written = await _api.ReplaceStatusAsync(Kinds.Clusters, next, ct).ConfigureAwait(false);
            settled = settled with { Version = written.ResourceVersion() };
        }

        if (name == _routes.Self.Name)
        {
            return again;
        }

        var due = ClusterWishes.Sooner(await _wishes.SendAsync(known, entry).ConfigureAwait(false), await _lateral.SendAsync(known, entry).ConfigureAwait(false));
        if ((plan is null ? due : ClusterWishes.Sooner(due, await _issuing!.SendAsync(plan, entry).ConfigureAwait(false))) is { } later)
        {
            return Next.After(again.Delay < later ? again.Delay.Value : later);
        }

        if (children is { Moving: > 0 } && !(again.Delay < DrainLook))
        {
            return Next.After(DrainLook);
        }

        if (children is null)
        {
            _settled[name] = settled with { Until = again.Delay is { } wait ? _time.GetUtcNow() + wait : null };
        }

        return again;
    }

    private HomeState StateOf(string home, string cluster) =>
        _routes.Read(t => PathTo(t, home)).Contains(cluster) ? HomeState.Below
        : IsDrained(_informer.Get(home)) ? HomeState.Drained
        : HomeState.Fit;

    private void ObjectChanged(JsonObject? before, JsonObject? after)
    {
        var name = (after ?? before)!.Name();
        _queue.Add(name);
        if (IsDrained(before) != IsDrained(after))
        {
            // Whether those that were set up with it return is another matter now.
            Queue(_routes.Read(t => t.Below.Where(e => e.Home == name && e.Parent != name).Select(e => e.Name).ToArray()));
        }
    }

    private static bool IsDrained(JsonObject? cluster) => cluster.Truth("spec", "drain") == true;

    private void Sum(IEnumerable<string> names)
    {
        foreach (var changed in _sums.Update(names, name => _routes.Read(t => name == t.Self.Name ? t.Self with { Parent = "" } : t.Find(name))))
        {
            _queue.AddAfter(changed, SumsGathering);
        }
    }

    private void Queue(IReadOnlyList<RouteChange> changes)
    {
        Sum(changes.Select(c => c.Name));
        foreach (var change in changes)
        {
            _queue.AddAfter(change.Name, IsLostWithItsParent(change.After) ? MovingPatience : Gathering);
            if ((change.Before?.Address, change.Before?.Uid, change.Before?.Lateral == 0) != (change.After?.Address, change.After?.Uid, change.After?.Lateral == 0))
            {
                Queue([.. _lateral.Naming(change.Name)]);
            }

            if (change.CameOnline && _lostWith.TryRemove(change.Name, out var others))
            {
                // Those of them that are away by themselves do not change with it, but why nobody knows of them does.
                Queue([.. others.Keys]);
            }

            if (change.Before?.Parent != change.After?.Parent || change.Before?.Later != change.After?.Later)
            {
                // What hangs below it came along without a word of its own, and its path is another one now.
                Queue(_routes.Read(t => t.Subtree(change.Name)));
            }

            if (change.Before?.Parent != change.After?.Parent || change.Before?.Online != change.After?.Online)
            {
                QueueParent(change.Before);
                QueueParent(change.After);
            }
        }
    }

    private bool IsLostWithItsParent(RouteEntry? entry) =>
        entry is { Online: false } && entry.Parent != _routes.Self.Name && _routes.Read(t => t.Find(entry.Parent)) is { Online: false };

    private void Queue(IReadOnlyList<string> names)
    {
        foreach (var name in names)
        {
            _queue.AddAfter(name, Gathering);
        }
    }

    private void QueueParent(RouteEntry? entry)
    {
        if (entry is { Parent.Length: > 0 })
        {
            _queue.AddAfter(entry.Parent, Gathering);
        }
    }

    /// <summary>An object that was there and is gone was deleted by someone; one never seen has just not been written yet.</summary>
    private bool WasDeleted(string name) => _seen.ContainsKey(name);

    private async Task<Next> WithoutRouteAsync(string name, JsonObject? known, CancellationToken ct)
    {
        _settled.TryRemove(name, out _);
        _wishes.Forget(name);
        _lateral.Forget(name);
        if (known is not null && _forgotten.TryGetValue(name, out var uid) && known.Text("status", "uid") == uid)
        {
            await _api.DeleteAsync(Kinds.Clusters, null, name, ct, known.Uid()).ConfigureAwait(false);
            _forgotten.TryRemove(name, out _);
            return Next.Done; // its end comes by here
        }

        _forgotten.TryRemove(name, out _);
        if (known is not null && _issuing is not null)
        {
            (_, known) = await _issuing.PrepareAsync(known, null, ct).ConfigureAwait(false);
        }
        else
        {
            _issuing?.Forget(name);
        }

        if (known is null)
        {
            _seen.TryRemove(name, out _);
            _expected.TryRemove(name, out _);
            _certificates.Forget(name);
            return Next.Done;
        }

        await _certificates.ObserveAsync(known).ConfigureAwait(false);

        // The root keeps the object of a cluster that may join or was never heard of; elsewhere it goes with the route.
        if (!_isRoot || (known.Text("status", "uid") is not null && _seen.ContainsKey(name)))
        {
            var patience = _expected.GetOrAdd(name, _ => _time.GetUtcNow() + RoutePatience) - _time.GetUtcNow();
            if (patience > TimeSpan.Zero)
            {
                var lost = known.Copy();
                ClusterStatus.WriteWithoutRoute(lost.Child("status"), _time.GetUtcNow());
                if (!JsonNode.DeepEquals(lost["status"], known["status"]))
                {
                    await _api.ReplaceStatusAsync(Kinds.Clusters, lost, ct).ConfigureAwait(false);
                }

                return Next.After(patience);
            }

            _seen.TryRemove(name, out _);
            _expected.TryRemove(name, out _);
            await _api.DeleteAsync(Kinds.Clusters, null, name, ct, known.Uid()).ConfigureAwait(false);
            return Next.Done;
        }

        if (known["status"] is null && known.Truth("spec", "accepted") == true)
        {
            var left = _expected.GetOrAdd(name, _ => _time.GetUtcNow() + AttachPatience) - _time.GetUtcNow();
            if (left > TimeSpan.Zero)
            {
                return Next.After(left);
            }
        }

        var next = known.Copy();
        ClusterStatus.WriteUnattached(next.Child("status"), known, _time.GetUtcNow());
        var again = _certificates.Write(next, isOwn: false);
        if (!JsonNode.DeepEquals(next["status"], known["status"]))
        {
            await _api.ReplaceStatusAsync(Kinds.Clusters, next, ct).ConfigureAwait(false);
        }

        return again;
    }

    private Task<JsonObject> CreateAsync(RouteEntry entry, CancellationToken ct) => _api.CreateAsync(
        Kinds.Clusters,
        null,
        new JsonObject
        {
            ["apiVersion"] = Kinds.Clusters.ApiVersion,
            ["kind"] = Kinds.Clusters.Kind,
            ["metadata"] = new JsonObject { ["name"] = entry.Name },
            ["spec"] = new JsonObject { ["name"] = entry.Name, ["uid"] = entry.Uid, ["accepted"] = !_certificates.IsRevoked(entry.Uid) },
        },
        ct);

    /// <summary>The nearest cluster above one that is away, itself not counted.</summary>
    private static string? LostAncestor(RouteTable table, string name)
    {
        var at = table.Find(name);
        for (var hops = 0; hops < 64 && at is not null && at.Name != table.Self.Name; hops++)
        {
            at = table.Find(at.Parent);
            if (at is { Online: false } && at.Name != table.Self.Name)
            {
                return at.Name;
            }
        }

        return null;
    }

    private List<string> PathTo(RouteTable table, string name)
    {
        var path = new List<string>();
        for (var at = name; path.Count < 64 && at != table.Self.Name && table.Find(at) is { } entry; at = entry.Parent)
        {
            path.Add(at);
        }

        path.AddRange(_uplink.Path.Reverse());
        path.Reverse();
        return path;
    }

    /// <summary>What a cluster's object was last made equal to, and until when that holds if nothing changes.</summary>
    private sealed record Settled(string Version, RouteEntry Entry, string Path, string? LostAncestor, ulong Lateral, ulong Order, HomeState Home, LaterPlace? Moved, long Sums, DateTimeOffset? Until = null);
}
