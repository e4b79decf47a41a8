using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>
/// Deletes objects whose owners are all gone. Works from the store's record of who names whom as owner, and looks at what is
/// there now: being told of an owner twice, late or needlessly does no harm.
/// </summary>
internal sealed class OwnerCollector(ObjectStore store, ObjectWriter writer, ServedCatalog served)
{
    private const int PageSize = 500;
    private const int Attempts = 5;
    private static readonly UserInfo Collector = UserInfo.Component("serviceaccount:kube-system:generic-garbage-collector");

    /// <summary>Looks at the dependents of one owner. When there may be more of them, says after how long to look again.</summary>
    public async Task<TimeSpan?> CollectAsync(string ownerUid, CancellationToken cancellation)
    {
        var keys = await store.OwnedByAsync(ownerUid, PageSize, cancellation).ConfigureAwait(false);
        var removed = 0;
        foreach (var key in keys)
        {
            removed += await CollectOneAsync(key, cancellation).ConfigureAwait(false) ? 1 : 0;
        }

        // A page on which nothing is left to do is one of objects that are going, but not gone: those behind it have to wait for them.
        return keys.Count < PageSize ? null : removed > 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(1);
    }

    /// <summary>Does with an object's dependents what its deletion waits for, and lets it go when that is done.</summary>
    /// <returns>Whether there is nothing left to wait for.</returns>
    public async Task<bool> PropagateAsync(StoreKey key, CancellationToken cancellation)
    {
        if (served.ByResource(key.Resource) is not { } kind || await store.FindAsync(key, cancellation).ConfigureAwait(false) is not { } stored)
        {
            return true;
        }

        var obj = ObjectForm.Parse(stored.Json, kind);
        if (!obj.IsDeleting())
        {
            return true;
        }

        if (PropagationFinalizers.Has(obj, PropagationFinalizers.Orphan))
        {
            await foreach (var dependent in DependentsAsync(obj.Uid(), cancellation).ConfigureAwait(false))
            {
                await DisownAsync(dependent, [obj.Uid()]).ConfigureAwait(false);
            }

            await ReleaseAsync(kind, key, PropagationFinalizers.Orphan).ConfigureAwait(false);
        }

        if (PropagationFinalizers.Has(obj, PropagationFinalizers.Foreground))
        {
            var blocked = false;
            await foreach (var dependent in DependentsAsync(obj.Uid(), cancellation).ConfigureAwait(false))
            {
                blocked |= !await DeleteBeforeAsync(dependent, obj.Uid(), cancellation).ConfigureAwait(false);
            }

            if (blocked)
            {
                return false;
            }

            await ReleaseAsync(kind, key, PropagationFinalizers.Foreground).ConfigureAwait(false);
        }

        return true;
    }

    private async IAsyncEnumerable<StoreKey> DependentsAsync(string owner, [EnumeratorCancellation] CancellationToken cancellation)
    {
        StoreKey? after = null;
        while (await store.OwnedByAsync(owner, PageSize, cancellation, after).ConfigureAwait(false) is { Count: > 0 } keys)
        {
            foreach (var key in keys)
            {
                yield return key;
            }

            after = keys[^1];
        }
    }

    /// <summary>Deletes a dependent before its owner goes. Whether it no longer blocks that.</summary>
    private async Task<bool> DeleteBeforeAsync(StoreKey key, string owner, CancellationToken cancellation)
    {
        if (served.ByResource(key.Resource) is not { } kind || await store.FindAsync(key, cancellation).ConfigureAwait(false) is not { } stored)
        {
            return true;
        }

        var obj = ObjectForm.Parse(stored.Json, kind);
        JsonObject[] references = [.. (obj.Items("metadata", "ownerReferences") ?? []).OfType<JsonObject>()];
        foreach (var other in references.Where(r => r.Text("uid") != owner))
        {
            if (await ExistsAsync(other, key.Namespace, cancellation).ConfigureAwait(false))
            {
                await DisownAsync(key, [owner]).ConfigureAwait(false);
                return true;
            }
        }

        if (!obj.IsDeleting())
        {
            var hasOwn = await store.OwnedByAsync(obj.Uid(), 1, cancellation).ConfigureAwait(false) is { Count: > 0 };
            var context = new WriteContext(Collector, kind, key.Namespace)
            {
                Manager = "kube-controller-manager", Propagation = hasOwn ? Propagation.Foreground : Propagation.Default,
            };
            try
            {
                if ((await writer.DeleteAsync(context, key.Name, new DeletePreconditions(obj.Uid(), null)).ConfigureAwait(false)).Gone)
                {
                    return true;
                }
            }
            catch (ApiError gone) when (gone.Code is 404 or 409)
            {
                return gone.Code == 404; // or another object of its name, which is looked at next time
            }
        }

        return !references.Any(r => r.Text("uid") == owner && r.Truth("blockOwnerDeletion") == true);
    }

    private async Task ReleaseAsync(KindInfo kind, StoreKey key, string finalizer)
    {
        try
        {
            await writer.UpdateAsync(
                new WriteContext(Collector, kind, key.Namespace) { Manager = "kube-controller-manager", Validation = FieldValidation.Ignore }, key.Name, obj =>
                {
                    obj.Child("metadata").Remove("resourceVersion");
                    PropagationFinalizers.Remove(obj, finalizer);
                    return obj;
                }).ConfigureAwait(false);
        }
        catch (ApiError gone) when (gone.Code == 404)
        {
            // Gone meanwhile, as wanted.
        }
    }

    /// <summary>Removes one object when its owners are gone; whether it had to be touched.</summary>
    /// <exception cref="ApiError">It was changed again and again meanwhile: look at it later.</exception>
    public async Task<bool> CollectOneAsync(StoreKey key, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await TryCollectAsync(key, cancellation).ConfigureAwait(false);
            }
            catch (ApiError gone) when (gone.Code == 404)
            {
                return true; // as wanted
            }
            catch (ApiError changed) when (changed.Code == 409 && attempt < Attempts)
            {
                // What it is now decides.
            }
        }
    }

    private async Task<bool> TryCollectAsync(StoreKey key, CancellationToken cancellation)
    {
        if (served.ByResource(key.Resource) is not { } kind || await store.FindAsync(key, cancellation).ConfigureAwait(false) is not { } stored)
        {
            return false;
        }

        var obj = ObjectForm.Parse(stored.Json, kind);
        var gone = new List<string>();
        var references = (obj.Items("metadata", "ownerReferences") ?? []).OfType<JsonObject>().ToList();
        foreach (var reference in references)
        {
            if (!await ExistsAsync(reference, key.Namespace, cancellation).ConfigureAwait(false))
            {
                gone.Add(reference.Text("uid") ?? "");
            }
        }

        if (gone.Count == 0)
        {
            return false;
        }

        if (gone.Count < references.Count)
        {
            await DisownAsync(key, gone).ConfigureAwait(false);
            return true;
        }

        if (obj.IsDeleting())
        {
            return false;
        }

        await writer.DeleteAsync(
            new WriteContext(Collector, kind, key.Namespace) { Manager = "kube-controller-manager" }, key.Name,
            new DeletePreconditions(obj.Uid(), obj.ResourceVersion())).ConfigureAwait(false);
        return true;
    }

    private async Task<bool> ExistsAsync(JsonObject reference, string ns, CancellationToken cancellation)
    {
        var kind = served.Own.FindKind(reference.Text("apiVersion") ?? "", reference.Text("kind") ?? "");
        if (kind is null)
        {
            // An owner of a kind not served here may well live: keep what it owns.
            return true;
        }

        var key = new StoreKey(ServedCatalog.ResourceOf(kind), kind.Namespaced ? ns : "", reference.Text("name") ?? "");
        var owner = await store.FindAsync(key, cancellation).ConfigureAwait(false);
        return owner is not null && ObjectForm.Parse(owner.Json, kind).Uid() == reference.Text("uid");
    }

    private async Task DisownAsync(StoreKey key, IReadOnlyCollection<string> owners)
    {
        if (served.ByResource(key.Resource) is not { } kind)
        {
            return;
        }

        try
        {
            await writer.UpdateAsync(
                new WriteContext(Collector, kind, key.Namespace) { Manager = "kube-controller-manager", Validation = FieldValidation.Ignore }, key.Name, obj =>
                {
                    var metadata = obj.Child("metadata");
                    metadata.Remove("resourceVersion");
                    var kept = (obj.Items("metadata", "ownerReferences") ?? []).Where(r => !owners.Contains(r.Text("uid") ?? "")).Select(r => r?.DeepClone()).ToArray();
                    ObjectRules.Put(metadata, "ownerReferences", kept.Length == 0 ? null : new JsonArray(kept));
                    return obj;
                }).ConfigureAwait(false);
        }
        catch (ApiError gone) when (gone.Code == 404)
        {
            // Deleted meanwhile: nothing left to disown.
        }
    }
}
