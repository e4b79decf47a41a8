using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Flow;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>What there is to clean up after.</summary>
internal enum Leftover
{
    /// <summary>A namespace that goes, or went while something was being created in it.</summary>
    Namespace,

    /// <summary>A CustomResourceDefinition that goes.</summary>
    Definition,

    /// <summary>An owner, by uid, that went.</summary>
    Owner,

    /// <summary>Events that were not seen for long.</summary>
    Events,

    /// <summary>An object whose deletion waits for what hangs on it.</summary>
    Waiting,

    /// <summary>An object that names owners it has not named before: one of them may be gone already.</summary>
    Dependent,
}

/// <summary>
/// Cleans up behind deletions: the content of namespaces and of custom kinds, and objects whose owners are gone. One task,
/// idle until a commit leaves something to do; what it works on is decided by what is stored, so a restart loses nothing.
/// </summary>
internal sealed class Janitor : IAsyncDisposable
{
    private const int ResyncPage = 1000;
    private static readonly UserInfo Cleaner = UserInfo.Component("serviceaccount:kube-system:namespace-controller");
    private readonly WorkQueue<(Leftover What, string Name)> _queue;
    private readonly CancellationTokenSource _stop = new();
    private readonly ObjectStore _store;
    private readonly ObjectWriter _writer;
    private readonly OwnerCollector _owners;
    private readonly EventExpiry _events;
    private readonly ServedCatalog _served;
    private readonly NamespaceTable _namespaces;
    private readonly ILogger _log;
    private readonly bool _collects;
    private readonly TimeProvider _time;

    // Objects that wait for what hangs on them, by uid: a dependent that goes wakes its owner.
    private readonly ConcurrentDictionary<string, string> _waiting = new(StringComparer.Ordinal);
    private Task _run = Task.CompletedTask;

    public Janitor(
        ObjectStore store, ObjectWriter writer, OwnerCollector owners, EventExpiry events, ServedCatalog served, NamespaceTable namespaces, bool collects,
        TimeProvider time, Func<double> random, ILogger log)
    {
        _store = store;
        _writer = writer;
        _owners = owners;
        _events = events;
        _served = served;
        _namespaces = namespaces;
        _log = log;
        _collects = collects;
        _time = time;
        _queue = new WorkQueue<(Leftover, string)>(time, random);
    }

    /// <summary>Notes what a commit leaves to do. Called in commit order; returns at once.</summary>
    public void On(Change change)
    {
        switch (change.Key.Resource)
        {
            case NamespaceTable.Resource when _collects && (change.Kind == ChangeKind.Deleted || _namespaces.Terminating(change.Key.Name) == true):
                _queue.Add((Leftover.Namespace, change.Key.Name));
                break;
            case ServedCatalog.CrdResource when Identity.Read(change.Json).Deleting:
                _queue.Add((Leftover.Definition, change.Key.Name));
                break;
        }

        if (change.Kind == ChangeKind.Added && EventExpiry.IsOfEvents(change.Key.Resource))
        {
            _queue.AddAfter((Leftover.Events, ""), _events.Pause);
        }

        if (!_collects)
        {
            return;
        }

        var identity = Identity.Read(change.Json);
        if (change.Kind == ChangeKind.Deleted)
        {
            _queue.Add((Leftover.Owner, identity.Uid));
            foreach (var owner in identity.Owners)
            {
                if (_waiting.TryGetValue(owner, out var key))
                {
                    _queue.Add((Leftover.Waiting, key));
                }
            }

            _waiting.TryRemove(identity.Uid, out _);
        }
        else
        {
            if (identity.Owners.Count > 0 && (change.Previous is not { } before || !identity.Owners.SequenceEqual(Identity.Read(before).Owners)))
            {
                _queue.Add((Leftover.Dependent, change.Key.ToString()));
            }

            if (identity is { Deleting: true, Waits: true })
            {
                _waiting[identity.Uid] = change.Key.ToString();
                _queue.Add((Leftover.Waiting, change.Key.ToString()));
            }

            // Something may arrive in a namespace that just went.
            if (change.Kind == ChangeKind.Added && change.Key.Namespace.Length > 0 && _namespaces.Terminating(change.Key.Namespace) != false)
            {
                _queue.Add((Leftover.Namespace, change.Key.Namespace));
            }
        }
    }

    /// <summary>Begins, with what was left over from before.</summary>
    public async Task StartAsync(CancellationToken cancellation)
    {
        foreach (var name in _collects ? _namespaces.Going : [])
        {
            _queue.Add((Leftover.Namespace, name));
        }

        _queue.Add((Leftover.Events, ""));
        foreach (var name in await GoingDefinitionsAsync(cancellation).ConfigureAwait(false))
        {
            _queue.Add((Leftover.Definition, name));
        }

        _run = Task.Run(() => RunAsync(_stop.Token), CancellationToken.None);
    }

    /// <summary>Ends the definitions that are going, of those that finalizers of their objects do not hold. For a start that installs definitions.</summary>
    public async Task EndDefinitionsAsync(CancellationToken cancellation)
    {
        foreach (var name in await GoingDefinitionsAsync(cancellation).ConfigureAwait(false))
        {
            await EndDefinitionAsync(name, cancellation).ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _run.ConfigureAwait(false);
        _queue.Dispose();
        _stop.Dispose();
    }

    private async Task<IEnumerable<string>> GoingDefinitionsAsync(CancellationToken cancellation) =>
        (await StoreScan.AllAsync(_store, ServedCatalog.CrdResource, null, cancellation).ConfigureAwait(false)).Where(crd => Identity.Read(crd.Json).Deleting).Select(crd => crd.Key.Name);

    private async Task RunAsync(CancellationToken stop)
    {
        try
        {
            if (_collects)
            {
                await ResyncOwnersAsync(stop).ConfigureAwait(false);
            }

            while (true)
            {
                var key = await _queue.TakeAsync(stop).ConfigureAwait(false);
                try
                {
                    await CleanAsync(key.What, key.Name, stop).ConfigureAwait(false);
                    _queue.Done(key);
                }
                catch (OperationCanceledException) when (stop.IsCancellationRequested)
                {
                    throw;
                }
#pragma warning disable CA1031 // The last owner of its work's faults: each is logged and tried again.
                catch (Exception fault)
#pragma warning restore CA1031
                {
                    _log.CleaningFailed($"{key.What} {key.Name}", _queue.Retry(key), fault);
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Asked to stop: what is left over is found again at the next start.
        }
    }

    private async Task ResyncOwnersAsync(CancellationToken stop)
    {
        var after = "";
        List<string> page;
        do
        {
            page = await _store.OwnersAsync(after, ResyncPage, stop).ConfigureAwait(false);
            page.ForEach(uid => _queue.Add((Leftover.Owner, uid)));
            after = page.Count > 0 ? page[^1] : after;
        }
        while (page.Count == ResyncPage);
        foreach (var key in _store.TakeGoing())
        {
            _queue.Add((Leftover.Waiting, key.ToString()));
        }
    }

    private async Task CleanAsync(Leftover what, string name, CancellationToken stop)
    {
        switch (what)
        {
            case Leftover.Owner:
                if (await _owners.CollectAsync(name, stop).ConfigureAwait(false) is { } again)
                {
                    _queue.AddAfter((what, name), again);
                }

                break;
            case Leftover.Events:
                if (await _events.SweepAsync(stop).ConfigureAwait(false))
                {
                    _queue.AddAfter((what, name), _events.Pause);
                }

                break;
            case Leftover.Waiting:
                if (!await _owners.PropagateAsync(StoreKey.Parse(name), stop).ConfigureAwait(false))
                {
                    _queue.AddAfter((what, name), TimeSpan.FromSeconds(1));
                }

                break;
            case Leftover.Dependent:
                await _owners.CollectOneAsync(StoreKey.Parse(name), stop).ConfigureAwait(false);
                break;
            case Leftover.Namespace when _namespaces.Terminating(name) != false:
                var kinds = _served.Current.All.Where(k => k.Namespaced).DistinctBy(ServedCatalog.ResourceOf).ToList();
                await FinishAsync((what, name), kinds, name, ServedCatalog.ResourceOf(_served.ByResource(NamespaceTable.Resource)!), stop).ConfigureAwait(false);
                break;
            case Leftover.Definition:
                await EndDefinitionAsync(name, stop).ConfigureAwait(false);
                break;
        }
    }

    /// <summary>Takes the objects of a definition away, then what holds it for them.</summary>
    private async Task EndDefinitionAsync(string name, CancellationToken stop)
    {
        var kind = _served.ByResource(ServedCatalog.CrdResource)!;
        var stored = await _store.FindAsync(new StoreKey(ServedCatalog.CrdResource, "", name), stop).ConfigureAwait(false);
        if (stored is null || !Deletion.AwaitsItsObjects(ObjectForm.Parse(stored.Json, kind)))
        {
            return;
        }

        // From here on nobody makes any.
        await _served.RefreshAsync(stop).ConfigureAwait(false);
        var own = _served.Current.All.Where(k => k.CrdName == name).DistinctBy(ServedCatalog.ResourceOf).ToList();
        await TellAsync(ServedCatalog.CrdResource, name, definition => Deletion.Proceed(definition, _time.GetUtcNow())).ConfigureAwait(false);
        await FinishAsync((Leftover.Definition, name), own, null, ServedCatalog.CrdResource, stop).ConfigureAwait(false);
    }

    /// <summary>Empties the kinds, then removes what they hung on; comes back when finalizers hold something.</summary>
    private async Task FinishAsync((Leftover What, string Name) key, List<KindInfo> kinds, string? ns, string resource, CancellationToken stop)
    {
        var remains = new NamespaceRemains();
        foreach (var kind in kinds)
        {
            await EmptyAsync(kind, ns, remains, stop).ConfigureAwait(false);
        }

        if (remains.Count > 0 && ns is not null)
        {
            await TellAsync(NamespaceTable.Resource, ns, stuck => remains.Write(stuck.Child("status"), _time.GetUtcNow())).ConfigureAwait(false);
        }

        if (remains.Count > 0 || !await _writer.FinishAsync(_served.ByResource(resource)!, key.Name).ConfigureAwait(false))
        {
            _queue.AddAfter(key, TimeSpan.FromSeconds(1));
        }
    }

    /// <summary>Writes into a status why something is still there; nothing where that says so already.</summary>
    private async Task TellAsync(string resource, string name, Action<JsonObject> tell)
    {
        try
        {
            await _writer.UpdateAsync(
                new WriteContext(Cleaner, _served.ByResource(resource)!, "") { Subresource = "status" },
                name,
                stuck =>
                {
                    tell(stuck);
                    return stuck;
                }).ConfigureAwait(false);
        }
        catch (ApiError gone) when (gone.Code == 404)
        {
            // It went, and something was created in it meanwhile.
        }
    }

    private async Task EmptyAsync(KindInfo kind, string? ns, NamespaceRemains remains, CancellationToken stop)
    {
        await foreach (var page in StoreScan.PagesAsync(_store, ServedCatalog.ResourceOf(kind), ns, stop).ConfigureAwait(false))
        {
            foreach (var stored in page)
            {
                try
                {
                    var written = await _writer.DeleteAsync(new WriteContext(Cleaner, kind, stored.Key.Namespace), stored.Key.Name, default).ConfigureAwait(false);
                    if (!written.Gone)
                    {
                        remains.Add(kind, written.Json);
                    }
                }
                catch (ApiError gone) when (gone.Code == 404)
                {
                    // Gone meanwhile, as wanted.
                }
            }
        }
    }
}
