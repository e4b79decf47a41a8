using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Access;
using Ote.Cluster.Handling;
using Ote.Cluster.Routing;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Kube.Mirrors;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;
using Ote.Kube.Watching;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Cluster.Namespaces;

/// <summary>
/// Has namespaces of a control API be in clusters below it, as <c>NamespacePolicy</c> objects say. What a cluster has is read from the mirror, what it lacks is compared with that, and the difference
/// alone is sent: whenever the cluster reports another state, is heard of again, or the policies or the namespaces here change. So a cluster that was away for a year is brought to what is wished now by
/// as many requests as namespaces differ, and a start of this process sends nothing. Thread-safe.
/// </summary>
internal sealed class NamespaceFlow : IDisposable
{
    private const int Parallel = 8;
    private const int MostSpaces = 10_000; // of a cluster that are looked at; one beyond is taken for missing, and refused as being there already
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(500);
    private readonly string _entry;
    private readonly KubeClient _api;
    private readonly bool _namesRequester;
    private readonly IObjectMirror _mirror;
    private readonly RouteKeeper _routes;
    private readonly NamespaceDoer _doer;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Informer _policies;
    private readonly Informer _spaces;
    private readonly WorkQueue<string> _policyQueue;
    private readonly WorkQueue<string> _clusterQueue;
    private readonly ConcurrentDictionary<string, ClusterNamespaces> _clusters = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (string Uid, JsonObject Status)> _written = new(StringComparer.Ordinal); // nobody else writes them
    private NamespaceBook _book = NamespaceBook.Empty;

    /// <summary>Makes it; nothing happens before <see cref="RunAsync"/>.</summary>
    /// <param name="api">The control API.</param>
    /// <param name="namesRequester">Whether that API server itself notes on an object who wrote it.</param>
    /// <param name="mirror">What clusters report.</param>
    /// <param name="routes">Who is where.</param>
    /// <param name="doer">Carries out what is to be done at clusters.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Uniform in [0, 1), for jitter.</param>
    /// <param name="log">Where it logs.</param>
    public NamespaceFlow(KubeClient api, bool namesRequester, IObjectMirror mirror, RouteKeeper routes, NamespaceDoer doer, TimeProvider time, Func<double> random, ILogger log)
    {
        (_entry, _api, _namesRequester, _mirror, _routes, _doer, _time, _log) = (routes.Self.Name, api, namesRequester, mirror, routes, doer, time, log);
        (_policyQueue, _clusterQueue) = (new WorkQueue<string>(time, random), new WorkQueue<string>(time, random));
        _policies = new Informer(api, Kinds.NamespacePolicies, null, null, time, random, log);
        _spaces = new Informer(api, Kinds.Namespaces, null, null, time, random, log);
        _policies.Changed += PolicyChanged;
        _spaces.Changed += (_, _) => AllPolicies();
    }

    /// <summary>Puts it together for a controller that has a mirror.</summary>
    public static NamespaceFlow Make(KubeClient api, ClusterControllerParts parts, RouteKeeper routes, SiteClient sites, ICommandAccess access)
    {
        var log = parts.Loggers.CreateLogger("Ote.Cluster.Namespaces");
        return new NamespaceFlow(api, parts.ControlApiNamesRequester, parts.Mirror!, routes, new NamespaceDoer(routes.Self.Name, sites, access, parts.Time, log), parts.Time, parts.Random, log);
    }

    /// <summary>Works until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        Task[] watching = [_policies.RunAsync(stop), _spaces.RunAsync(stop)];
        await Task.WhenAll(_policies.Synced, _spaces.Synced).WaitAsync(stop).ConfigureAwait(false);
        _mirror.Changed += Reported;
        _routes.Changed += RoutesChanged;
        try
        {
            AllPolicies();
            await Task.WhenAll(
                new Reconciler("namespace policies", _policyQueue, ReconcilePolicyAsync, 1, _log).RunAsync(stop),
                new Reconciler("namespaces of clusters", _clusterQueue, ReconcileClusterAsync, Parallel, _log).RunAsync(stop)).ConfigureAwait(false);
        }
        finally
        {
            _mirror.Changed -= Reported;
            _routes.Changed -= RoutesChanged;
        }

        await Task.WhenAll(watching).ConfigureAwait(false);
    }

    public void Dispose()
    {
        _policyQueue.Dispose();
        _clusterQueue.Dispose();
    }

    private void PolicyChanged(JsonObject? before, JsonObject? after)
    {
        if (before is null || after is null || before.Uid() != after.Uid() || before.Generation() != after.Generation())
        {
            _policyQueue.Add((after ?? before)!.Name());
        }
    }

    private void AllPolicies()
    {
        foreach (var policy in _policies.Items)
        {
            _policyQueue.Add(policy.Name());
        }
    }

    private void Reported(IReadOnlyList<MirroredKey> keys)
    {
        foreach (var key in keys)
        {
            if (key.Kind == Kinds.Namespaces.Plural)
            {
                _clusterQueue.Add(key.Cluster);
            }
        }
    }

    private void RoutesChanged(IReadOnlyList<RouteChange> changes)
    {
        if (Volatile.Read(ref _book).Policies.IsEmpty)
        {
            return;
        }

        foreach (var change in changes)
        {
            _clusterQueue.Add(change.Name);
            if (change.Reattached)
            {
                foreach (var along in _routes.Read(t => t.Subtree(change.Name).ToArray()))
                {
                    _clusterQueue.Add(along);
                }
            }
        }
    }

    /// <summary>Notes what a policy means, carries it out from then on, and tells how it stands.</summary>
    private async Task<Next> ReconcilePolicyAsync(string name, CancellationToken ct)
    {
        if (_policies.Get(name) is not { } obj || obj.IsDeleting())
        {
            _written.TryRemove(name, out _);
            Put(name, null);
            return Next.Done;
        }

        var before = _written.TryGetValue(name, out var last) && last.Uid == obj.Uid() ? last.Status : obj["status"] as JsonObject ?? [];
        var status = before.Copy();
        status["observedGeneration"] = obj.Generation();
        if (NamespacePolicy.Read(obj, _entry, _namesRequester, out var fault) is not { } policy)
        {
            NamespaceStatus.WriteFault(status, fault!, _time.GetUtcNow());
            await WriteAsync(obj, before, status, ct).ConfigureAwait(false);
            Put(name, null);
            return Next.Done;
        }

        var ledger = NamespaceLedger.Of(status).Next(policy, _spaces.Items, _time.GetUtcNow(), out var meant);
        ledger.Write(status);
        var accepted = new AcceptedPolicy(
            policy,
            [.. ledger.Carried.Select(c => _spaces.Get(c.Name)).OfType<JsonObject>().Select(space => new NamespaceWish(policy, space, _entry))],
            ledger.Retired.Select(r => (r.Name, r.Uid)).ToHashSet());
        if (_book.Policies.GetValueOrDefault(name) is { } current && current.IsAs(accepted))
        {
            accepted = current;
        }

        // How a cluster stood by what was wished before says nothing of what is wished now.
        var clusters = Managed().Where(policy.Means)
            .Select(c => KeyValuePair.Create(c.Name, _clusters.GetValueOrDefault(c.Name) is { } known && known.Policies.GetValueOrDefault(name) == (object)accepted ? known : null)).ToArray();
        NamespaceStatus.Write(status, name, clusters, meant, policy.LeftOut(_spaces.Items), _time.GetUtcNow());
        await WriteAsync(obj, before, status, ct).ConfigureAwait(false);
        Put(name, accepted);
        return Next.Done;
    }

    /// <summary>Changes the book; clusters that this is about are looked at.</summary>
    private void Put(string name, AcceptedPolicy? accepted)
    {
        var before = _book.Policies.GetValueOrDefault(name);
        if (ReferenceEquals(before, accepted))
        {
            return;
        }

        Volatile.Write(ref _book, new NamespaceBook(accepted is null ? _book.Policies.Remove(name) : _book.Policies.SetItem(name, accepted)));
        foreach (var cluster in Managed().Where(c => accepted?.Policy.Means(c) == true || before?.Policy.Means(c) == true))
        {
            _clusterQueue.Add(cluster.Name);
        }
    }

    private async Task WriteAsync(JsonObject obj, JsonObject before, JsonObject status, CancellationToken ct)
    {
        if (!JsonNode.DeepEquals(before, status))
        {
            var patch = status.Copy();
            foreach (var field in before.Select(f => f.Key).Where(k => !status.ContainsKey(k)))
            {
                patch[field] = null;
            }

            await _api.PatchAsync(Kinds.NamespacePolicies, null, obj.Name(), PatchKind.Merge, new JsonObject { ["metadata"] = new JsonObject { ["uid"] = obj.Uid() }, ["status"] = patch }, ct, "status").ConfigureAwait(false);
        }

        _written[obj.Name()] = (obj.Uid(), status);
    }

    private RouteEntry[] Managed() => _routes.Read(t => t.Below.Append(t.Self).Where(c => c.Managed).ToArray());

    private async Task<Next> ReconcileClusterAsync(string name, CancellationToken ct)
    {
        var cluster = _routes.Read(t => t.Find(name));
        var policies = cluster is { Managed: true } ? Volatile.Read(ref _book).For(cluster) : [];
        if (policies.Count == 0)
        {
            if (_clusters.TryRemove(name, out var former))
            {
                Tell(former.Policies.Keys);
            }

            return Next.Done;
        }

        var there = await _mirror.ListAsync(name, Kinds.Namespaces.Plural, MostSpaces, ct).ConfigureAwait(false);
        var last = _clusters.GetValueOrDefault(name);
        var visit = new Visit(name, cluster!.Online || name == _entry, last?.Sent, _time.GetUtcNow());
        var plan = there.IsReported ? NamespaceBook.Plan(policies, there, _entry) : Unknown(policies, visit.IsOnline);
        foreach (var planned in plan)
        {
            await visit.TakeAsync(planned, _doer, ct).ConfigureAwait(false);
        }

        var now = new ClusterNamespaces(visit.Lacking, policies.ToDictionary(p => p.Policy.Name, StringComparer.Ordinal), visit.Sent);
        _clusters[name] = now;
        Tell((last?.Policies.Keys ?? []).Union(now.Policies.Keys, StringComparer.Ordinal));
        return visit.Again is { } again ? Next.After(again) : Next.Done;
    }

    /// <summary>Where nothing is known of a cluster's namespaces nothing is done.</summary>
    private static IReadOnlyList<PlannedStep> Unknown(IReadOnlyList<AcceptedPolicy> policies, bool isOnline) =>
    [
        .. policies.SelectMany(p => p.Wishes).DistinctBy(w => w.Name).Select(w => new PlannedStep(w.Name, w.Policy, isOnline
            ? NamespaceStep.Leave("NotReported", "the cluster has not reported its namespaces: its shim does not report, or not that kind (--reports, --report namespaces)")
            : NamespaceStep.Leave("ClusterAway", "the cluster is away and has never reported its namespaces"))),
    ];

    private void Tell(IEnumerable<string> policies)
    {
        foreach (var policy in policies)
        {
            _policyQueue.AddAfter(policy, Gathering);
        }
    }
}
