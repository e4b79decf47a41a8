using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server.Selectors;
using Ote.Kube.Watching;

namespace Ote.EdgeCluster.Workloads;

/// <summary>
/// A cluster as its controllers see it: one watch for each kind, shared by all of them, and every write of theirs goes through
/// here, so that the caches have it at once. Kinds that most clusters have nothing of are watched from their first object on.
/// </summary>
internal sealed class ClusterView
{
    private readonly Dictionary<string, KindCache> _caches = new(StringComparer.Ordinal);
    private readonly HashSet<KindCache> _always;
    private readonly Func<ResourceRef, Informer> _informer;
    private Action<KindCache>? _begin;

    public ClusterView(KubeClient client, TimeProvider time, Func<double> random, ILogger log)
    {
        Client = client;
        _informer = kind => new Informer(client, kind, null, null, time, random, log);
        Deployments = Cache(Kinds.Deployments, IndexKeys.OfSelecting);
        ReplicaSets = Cache(Kinds.ReplicaSets, o => IndexKeys.OfOwned(o).Concat(IndexKeys.OfSelecting(o)));
        DaemonSets = Cache(Kinds.DaemonSets, IndexKeys.OfSelecting);
        Pods = Cache(Kinds.Pods, IndexKeys.OfPod);
        Nodes = Cache(Kinds.Nodes, _ => []);
        _always = [Deployments, ReplicaSets, DaemonSets, Pods, Nodes];
        StatefulSets = Cache(Kinds.StatefulSets, IndexKeys.OfSelecting);
        Revisions = Cache(Kinds.ControllerRevisions, IndexKeys.OfOwned);
        Jobs = Cache(Kinds.Jobs, IndexKeys.OfOwned);
        CronJobs = Cache(Kinds.CronJobs, _ => []);
        Services = Cache(Kinds.Services, IndexKeys.OfService);
        Endpoints = Cache(Kinds.Endpoints, _ => []);
        Slices = Cache(Kinds.EndpointSlices, IndexKeys.OfLabelled);
        Budgets = Cache(Kinds.PodDisruptionBudgets, IndexKeys.OfNamespaced);
        VolumeClaims = Cache(Kinds.PersistentVolumeClaims, IndexKeys.OfNamespaced);
        Volumes = Cache(Kinds.PersistentVolumes, _ => []);
        PriorityClasses = Cache(Kinds.PriorityClasses, _ => []);
        Namespaces = Cache(Kinds.Namespaces, _ => []);
    }

    public KubeClient Client { get; }

    public KindCache Deployments { get; }

    public KindCache ReplicaSets { get; }

    public KindCache DaemonSets { get; }

    public KindCache StatefulSets { get; }

    public KindCache Revisions { get; }

    public KindCache Jobs { get; }

    public KindCache CronJobs { get; }

    public KindCache Pods { get; }

    public KindCache Nodes { get; }

    public KindCache Services { get; }

    public KindCache Endpoints { get; }

    public KindCache Slices { get; }

    public KindCache Budgets { get; }

    public KindCache VolumeClaims { get; }

    public KindCache Volumes { get; }

    public KindCache PriorityClasses { get; }

    /// <summary>Watched only where something is put into every namespace; see <see cref="WatchNamespaces"/>.</summary>
    public KindCache Namespaces { get; }

    /// <summary>Namespaces are to be watched too. Before <see cref="RunAsync"/>.</summary>
    public void WatchNamespaces() => _always.Add(Namespaces);

    /// <summary>Keeps the caches until stopped. <paramref name="ready"/> completes when every kind that has objects has its first list.</summary>
    public async Task RunAsync(TaskCompletionSource ready, CancellationToken stop)
    {
        List<Task> running = [];
        var gate = new Lock();
        void Begin(KindCache cache)
        {
            if (cache.Begins())
            {
                lock (gate)
                {
                    running.Add(Task.Run(() => cache.RunAsync(stop), CancellationToken.None));
                }
            }
        }

        _begin = Begin;
        try
        {
            foreach (var cache in _always)
            {
                Begin(cache);
            }

            var rare = _caches.Values.Where(c => !_always.Contains(c) && c != Namespaces).ToList();
            var there = await Task.WhenAll(rare.Select(c => AnyAsync(c.Kind, stop))).ConfigureAwait(false);
            var begun = rare.Where((c, i) => there[i]).ToList();
            begun.ForEach(Begin);
            await Task.WhenAll(_always.Concat(begun).Select(c => c.Synced)).WaitAsync(stop).ConfigureAwait(false);
            ready.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            ready.TrySetCanceled(stop);
        }
#pragma warning disable CA1031 // Whoever waits for the first lists is told.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            ready.TrySetException(fault);
        }

        _begin = null;
        Task[] last;
        lock (gate)
        {
            last = [.. running];
        }

        await Task.WhenAll(last).ConfigureAwait(false);
    }

    /// <summary>Something of a kind was stored: from now on it is watched. Called inside the commit; returns at once.</summary>
    /// <param name="resource">The kind as <c>group/plural</c>.</param>
    public void Noticed(string resource)
    {
        if (_caches.TryGetValue(resource, out var cache) && cache != Namespaces)
        {
            _begin?.Invoke(cache);
        }
    }

    /// <summary>The cache of a kind.</summary>
    public KindCache Of(ResourceRef kind) => _caches[$"{kind.Group}/{kind.Plural}"];

    /// <summary>A cached object as the server has it now; null when it is gone or another of the same name stands in its place.</summary>
    public async Task<JsonObject?> LiveAsync(ResourceRef kind, JsonObject cached, CancellationToken cancellation)
    {
        var live = await Client.GetAsync(kind, cached.Namespace(), cached.Name(), cancellation).ConfigureAwait(false);
        return live?.Uid() == cached.Uid() ? live : null;
    }

    /// <summary>Creates an object in its own namespace.</summary>
    public async Task<JsonObject> CreateAsync(ResourceRef kind, JsonObject obj, CancellationToken cancellation)
    {
        var made = await Client.CreateAsync(kind, kind.Namespaced ? obj.Namespace() : null, obj, cancellation).ConfigureAwait(false);
        Of(kind).Wrote(made);
        return made;
    }

    /// <summary>Changes an object by a merge patch.</summary>
    public async Task<JsonObject> PatchAsync(ResourceRef kind, JsonObject obj, JsonObject patch, CancellationToken cancellation, string? subresource = null)
    {
        var patched = await Client.PatchAsync(kind, kind.Namespaced ? obj.Namespace() : null, obj.Name(), PatchKind.Merge, patch, cancellation, subresource).ConfigureAwait(false);
        Of(kind).Wrote(patched);
        return patched;
    }

    /// <summary>Replaces an object; it must be of the version the server has.</summary>
    public async Task<JsonObject> ReplaceAsync(ResourceRef kind, JsonObject obj, CancellationToken cancellation)
    {
        var replaced = await Client.ReplaceAsync(kind, obj, cancellation).ConfigureAwait(false);
        Of(kind).Wrote(replaced);
        return replaced;
    }

    /// <summary>Deletes an object of this uid. False when it was gone already, or another stands in its place.</summary>
    /// <param name="kind">Its kind.</param>
    /// <param name="obj">The object.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="grace">Seconds a pod has to end; null: what it asks for.</param>
    public async Task<bool> DeleteAsync(ResourceRef kind, JsonObject obj, CancellationToken cancellation, int? grace = null)
    {
        var options = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "DeleteOptions",
            ["propagationPolicy"] = "Background",
            ["preconditions"] = new JsonObject { ["uid"] = obj.Uid() },
        };
        if (grace is not null)
        {
            options["gracePeriodSeconds"] = grace;
        }

        try
        {
            var answer = await Client.SendAsync(HttpMethod.Delete, kind.Path(kind.Namespaced ? obj.Namespace() : null, obj.Name()), options, null, cancellation).ConfigureAwait(false);
            if (answer.Uid() == obj.Uid() && answer.IsDeleting() && (answer.Whole("metadata", "deletionGracePeriodSeconds") is > 0 || answer.Items("metadata", "finalizers") is { Count: > 0 }))
            {
                Of(kind).Wrote(answer);
            }
            else
            {
                Of(kind).Removed(obj.Key(), obj.Uid());
            }

            return true;
        }
        catch (KubeStatusException gone) when (gone.IsNotFound || gone.IsConflict)
        {
            return false;
        }
    }

    /// <summary>Shows a status if the object does not show it already; returns the object as it is then.</summary>
    public async Task<JsonObject> ShowAsync(ResourceRef kind, JsonObject obj, JsonObject status, CancellationToken cancellation)
    {
        if (obj.Shows(status))
        {
            return obj;
        }

        // With the version it was decided on: a newer object is never overwritten by what was true of an older one.
        var shown = obj.Copy();
        shown["status"] = status.DeepClone();
        try
        {
            var written = await Client.ReplaceStatusAsync(kind, shown, cancellation).ConfigureAwait(false);
            Of(kind).Wrote(written);
            return written;
        }
        catch (KubeStatusException gone) when (gone.IsNotFound)
        {
            // Nobody is left to read it.
            Of(kind).Removed(obj.Key(), obj.Uid());
            return obj;
        }
    }

    /// <summary>What an owner owns now of its own and the orphans it selects, after adopting and letting go.</summary>
    public async Task<IReadOnlyList<JsonObject>> ClaimAsync(ResourceRef ownerKind, JsonObject owner, ResourceRef kind, CancellationToken cancellation)
    {
        var claims = Sort(owner, ownerKind, kind);
        List<JsonObject> owned = [.. claims.Owned];
        foreach (var orphan in claims.Adopt)
        {
            owned.Add(await PatchAsync(kind, orphan, Owners.AdoptPatch(orphan, owner, ownerKind), cancellation).ConfigureAwait(false));
        }

        foreach (var strayed in claims.Release)
        {
            await PatchAsync(kind, strayed, Owners.ReleasePatch(strayed, owner.Uid()), cancellation).ConfigureAwait(false);
        }

        return owned;
    }

    /// <summary>The same without touching anything.</summary>
    public Claims Sort(JsonObject owner, ResourceRef ownerKind, ResourceRef kind) =>
        Sort(owner, Of(kind).OwnedBy(owner, ownerKind).Concat(Of(kind).Find(IndexKeys.Orphans(owner.Namespace()))));

    /// <summary>Sorts candidates for an owner by its selector.</summary>
    public static Claims Sort(JsonObject owner, IEnumerable<JsonObject> candidates)
    {
        var selector = LabelSelector.FromObject(owner.At("spec", "selector") as JsonObject);
        return Claims.Sort(owner, labels => selector?.Matches(labels) ?? false, candidates);
    }

    private KindCache Cache(ResourceRef kind, Func<JsonObject, IEnumerable<string>> index)
    {
        var cache = new KindCache(_informer(kind), index);
        _caches.Add($"{kind.Group}/{kind.Plural}", cache);
        return cache;
    }

    private async Task<bool> AnyAsync(ResourceRef kind, CancellationToken cancellation)
    {
        var page = await Client.SendAsync(HttpMethod.Get, $"{kind.Path()}?limit=1", null, null, cancellation).ConfigureAwait(false);
        return page.Items("items") is { Count: > 0 };
    }
}
