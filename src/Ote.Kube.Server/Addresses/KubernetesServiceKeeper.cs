using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Flow;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Lifecycle;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Addresses;

/// <summary>
/// Keeps the Service <c>kubernetes</c> and what stands behind it while the server listens: whoever deletes or changes them gets them back. One task, idle until a commit touches one of them.
/// </summary>
internal sealed class KubernetesServiceKeeper(ObjectStore store, ObjectWriter writer, ServedCatalog served, IPNetwork? range, TimeProvider time, Func<double> random, ILogger log) : IAsyncDisposable
{
    private static readonly ResourceRef[] Kept = [Kinds.Services, Kinds.Endpoints, Kinds.EndpointSlices];
    private readonly WorkQueue<string> _queue = new(time, random);
    private readonly CancellationTokenSource _stop = new();
    private IPEndPoint? _listens;
    private IPAddress? _advertised;
    private Task _run = Task.CompletedTask;

    /// <summary>Notes that one of the objects changed. Called in commit order; returns at once.</summary>
    public void On(Change change)
    {
        if (Volatile.Read(ref _listens) is not null && change.Key is { Name: KubernetesService.Name, Namespace: KubernetesService.Namespace }
            && Kept.Any(kind => $"{kind.Group}/{kind.Plural}" == change.Key.Resource))
        {
            _queue.Add(KubernetesService.Name);
        }
    }

    /// <summary>Makes them, or begins to try, and keeps them from then on. Once.</summary>
    /// <param name="listens">Where the server listens.</param>
    /// <param name="advertised">The address at which others reach it; null: at none, and nothing stands behind the Service.</param>
    public async Task StartAsync(IPEndPoint listens, IPAddress? advertised)
    {
        _advertised = advertised;
        Volatile.Write(ref _listens, listens);
        _queue.Add(KubernetesService.Name);
        await NextAsync(CancellationToken.None).ConfigureAwait(false);
        _run = Task.Run(() => RunAsync(_stop.Token), CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _run.ConfigureAwait(false);
        _queue.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (true)
            {
                await NextAsync(stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Asked to stop: the next start makes them anew.
        }
    }

    private async Task NextAsync(CancellationToken stop)
    {
        var work = await _queue.TakeAsync(stop).ConfigureAwait(false);
        try
        {
            await ReconcileAsync().ConfigureAwait(false);
            _queue.Done(work);
        }
#pragma warning disable CA1031 // The last owner of its work's faults: each is logged and tried again.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            log.KubernetesServiceLost(_queue.Retry(work), fault);
        }
    }

    private async Task ReconcileAsync()
    {
        await KeepServiceAsync(_listens!.Port).ConfigureAwait(false);
        var at = _advertised is null ? null : new IPEndPoint(_advertised, _listens.Port);
        await KeepAsync(Kinds.Endpoints, at is null ? null : KubernetesService.Endpoints(at)).ConfigureAwait(false);
        await KeepAsync(Kinds.EndpointSlices, at is null ? null : KubernetesService.Slice(at)).ConfigureAwait(false);
    }

    private async Task KeepServiceAsync(int port)
    {
        if (await HasAsync(Kinds.Services).ConfigureAwait(false))
        {
            await UpdateAsync(Kinds.Services, stored => ObjectRules.Put(stored.Child("spec"), "ports", KubernetesService.Spec(port)["ports"])).ConfigureAwait(false);
            return;
        }

        const int First = 1;
        var first = range is { } dealt ? new ClusterAddresses(dealt).Text(First) : null;
        try
        {
            await writer.CreateAsync(Context(Kinds.Services), KubernetesService.Service(first, port)).ConfigureAwait(false);
        }
        catch (ApiError taken) when (taken.Code == 422 && first is not null)
        {
            // Somebody's since before this server kept one of its own: any other will do.
            await writer.CreateAsync(Context(Kinds.Services), KubernetesService.Service(null, port)).ConfigureAwait(false);
        }
    }

    private async Task KeepAsync(ResourceRef kind, JsonObject? wanted)
    {
        switch (await HasAsync(kind).ConfigureAwait(false), wanted)
        {
            case (false, not null):
                await writer.CreateAsync(Context(kind), wanted).ConfigureAwait(false);
                break;
            case (true, not null):
                await UpdateAsync(kind, stored =>
                {
                    foreach (var (field, value) in wanted.Where(f => f.Key != "metadata"))
                    {
                        ObjectRules.Put(stored, field, value);
                    }
                }).ConfigureAwait(false);
                break;
            case (true, null):
                await writer.DeleteAsync(Context(kind), KubernetesService.Name, new DeletePreconditions(null, null)).ConfigureAwait(false);
                break;
        }
    }

    /// <summary>Without effect where nothing differs.</summary>
    private Task<Written> UpdateAsync(ResourceRef kind, Action<JsonObject> change) => writer.UpdateAsync(Context(kind), KubernetesService.Name, stored =>
    {
        change(stored);
        return stored;
    });

    private async Task<bool> HasAsync(ResourceRef kind) =>
        await store.FindAsync(new StoreKey($"{kind.Group}/{kind.Plural}", KubernetesService.Namespace, KubernetesService.Name), CancellationToken.None).ConfigureAwait(false) is not null;

    private WriteContext Context(ResourceRef kind) =>
        new(UserInfo.Component("apiserver"), served.Current.Find(kind.Group, kind.Version, kind.Plural)!, KubernetesService.Namespace) { Manager = "ote-apiserver" };
}
