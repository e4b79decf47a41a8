using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server.Selectors;
using Ote.Kube.Watching;

namespace Ote.EdgeCluster.Workloads;

/// <summary>
/// A cluster as its controllers see it: one watch for each kind, shared by all of them. The caches may lag behind, so they
/// only wake a controller: before it makes or removes anything it asks the server (<c>LiveAsync</c>). That is why
/// nothing is made twice, with nothing to remember and across restarts.
/// </summary>
internal sealed class ClusterView
{
    public ClusterView(KubeClient client, TimeProvider time, Func<double> random, ILogger log)
    {
        Client = client;
        Informer For(ResourceRef kind) => new(client, kind, null, null, time, random, log);
        Deployments = For(Kinds.Deployments);
        ReplicaSets = For(Kinds.ReplicaSets);
        DaemonSets = For(Kinds.DaemonSets);
        Pods = For(Kinds.Pods);
        Nodes = For(Kinds.Nodes);
    }

    public KubeClient Client { get; }

    public Informer Deployments { get; }

    public Informer ReplicaSets { get; }

    public Informer DaemonSets { get; }

    public Informer Pods { get; }

    public Informer Nodes { get; }

    private Informer[] All => [Deployments, ReplicaSets, DaemonSets, Pods, Nodes];

    /// <summary>Completes when every cache has its first list.</summary>
    public Task Synced => Task.WhenAll(All.Select(i => i.Synced));

    /// <summary>Keeps the caches until stopped.</summary>
    public Task RunAsync(CancellationToken stop) => Task.WhenAll(All.Select(i => i.RunAsync(stop)));

    /// <summary>All objects of a kind in a namespace as the server has them now.</summary>
    public async Task<IReadOnlyList<JsonObject>> LiveAsync(ResourceRef kind, string ns, CancellationToken cancellation) =>
        (await Client.ListAsync(kind, ns, null, cancellation).ConfigureAwait(false)).Items;

    /// <summary>A cached object as the server has it now; null when it is gone or another of the same name stands in its place.</summary>
    public async Task<JsonObject?> LiveAsync(ResourceRef kind, JsonObject cached, CancellationToken cancellation)
    {
        var live = await Client.GetAsync(kind, cached.Namespace(), cached.Name(), cancellation).ConfigureAwait(false);
        return live?.Uid() == cached.Uid() ? live : null;
    }

    /// <summary>Shows a status if the object does not show it already.</summary>
    public async Task ShowAsync(ResourceRef kind, JsonObject obj, JsonObject status, CancellationToken cancellation)
    {
        if (obj.Shows(status))
        {
            return;
        }

        // With the version it was decided on: a newer object is never overwritten by what was true of an older one.
        var shown = obj.Copy();
        shown["status"] = status;
        await Client.ReplaceStatusAsync(kind, shown, cancellation).ConfigureAwait(false);
    }

    /// <summary>Sorts candidates for an owner by its selector, adopts and lets go, and returns what it owns now.</summary>
    public async Task<IReadOnlyList<JsonObject>> ClaimAsync(
        ResourceRef ownerKind, JsonObject owner, ResourceRef kind, IEnumerable<JsonObject> candidates, CancellationToken cancellation)
    {
        var claims = Sort(owner, candidates);
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
    public static Claims Sort(JsonObject owner, IEnumerable<JsonObject> candidates)
    {
        var selector = LabelSelector.FromObject(owner.At("spec", "selector") as JsonObject);
        return Claims.Sort(owner, labels => selector?.Matches(labels) ?? false, candidates);
    }

    private Task<JsonObject> PatchAsync(ResourceRef kind, JsonObject obj, JsonObject patch, CancellationToken cancellation) =>
        Client.PatchAsync(kind, obj.Namespace(), obj.Name(), PatchKind.Merge, patch, cancellation);
}
