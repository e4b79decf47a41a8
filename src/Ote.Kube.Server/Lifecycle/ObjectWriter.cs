using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Admission;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>What a write left behind.</summary>
/// <param name="Json">The object as stored, or as it would be.</param>
/// <param name="Revision">Its revision.</param>
/// <param name="Created">Whether the object is new.</param>
/// <param name="Gone">Whether the object is no more.</param>
internal readonly record struct Written(byte[] Json, long Revision, bool Created = false, bool Gone = false);

/// <summary>
/// Creates, changes and deletes objects by Kubernetes' rules. A change is computed on what is stored and stored only if that
/// is still the same; a change that did not name the version it was made for is computed again, a few times.
/// </summary>
internal sealed class ObjectWriter(
    ObjectStore store, ServedCatalog served, NamespaceTable namespaces, IReadOnlyList<IAdmission> admission, TimeProvider time, Func<Guid> newUid)
{
    private const int Attempts = 8;

    /// <summary>Creates an object. The object given is used up.</summary>
    public async Task<Written> CreateAsync(WriteContext context, JsonObject obj)
    {
        var kind = context.Kind;
        var catalog = served.Current;
        var isNamed = obj.Name().Length > 0; // else a name is made up, perhaps several times
        for (var attempt = 1; ; attempt++)
        {
            var candidate = isNamed ? obj : obj.Copy();
            var now = time.GetUtcNow();
            ObjectRules.OnCreate(kind, candidate, context.Namespace, newUid().ToString("D"), NameSource.NewSuffix, now);
            CheckNamespace(context, candidate.Name());
            SchemaGate.Pass(catalog, context, candidate, null);
            candidate = Admit(context, "create", candidate, null);
            ManagedFields.Note(candidate, context, now);
            var encoded = EncodedObject.From(candidate);
            var key = KeyOf(context, candidate.Name());
            if (context.DryRun)
            {
                return await store.FindAsync(key, CancellationToken.None).ConfigureAwait(false) is null
                    ? new Written(encoded.At(0), 0, Created: true)
                    : throw ApiError.AlreadyExists(kind, key.Name);
            }

            var owners = ObjectRules.Owners(candidate);
            var result = await store.WriteAsync(new StoreWrite
            {
                Key = key,
                Expected = 0,
                Value = encoded,
                Owners = owners.Count == 0 ? null : owners,
            }).ConfigureAwait(false);
            if (result.Outcome == WriteOutcome.Committed)
            {
                await AfterAsync(kind).ConfigureAwait(false);
                return new Written(result.Json, result.Revision, Created: true);
            }

            // A generated name that is taken is ours to mend.
            if (isNamed || attempt == Attempts)
            {
                throw ApiError.AlreadyExists(kind, key.Name);
            }
        }
    }

    /// <summary>Replaces an object. The object given is used up.</summary>
    public Task<Written> ReplaceAsync(WriteContext context, string name, JsonObject obj)
    {
        // What names the version it was made for is stored at once or not at all.
        var once = obj.ResourceVersion().Length > 0;
        return ChangeAsync(context, name, _ => once ? obj : obj.Copy());
    }

    /// <summary>
    /// Changes an object. <paramref name="change"/> gets the stored object, may use it up, and returns the wanted one; it may be
    /// called several times.
    /// </summary>
    public Task<Written> UpdateAsync(WriteContext context, string name, Func<JsonObject, JsonObject> change) =>
        ChangeAsync(context, name, stored => change(stored.Copy()));

    private async Task<Written> ChangeAsync(WriteContext context, string name, Func<JsonObject, JsonObject> change)
    {
        var kind = context.Kind;
        var key = KeyOf(context, name);
        for (var attempt = 1; ; attempt++)
        {
            var stored = await store.FindAsync(key, CancellationToken.None).ConfigureAwait(false) ?? throw ApiError.NotFound(kind, name);
            var old = ObjectForm.Parse(stored.Json, kind);
            var wanted = change(old);
            var asked = wanted.ResourceVersion();
            if (asked.Length > 0 && asked != old.ResourceVersion())
            {
                throw ApiError.Modified(kind, name);
            }

            var candidate = Prepare(context, old, wanted);
            if (ManagedFields.Same(old, candidate))
            {
                return new Written(stored.Json, stored.Revision);
            }

            ManagedFields.Note(candidate, context, time.GetUtcNow());
            var gone = candidate.IsDeleting() && !IsHeld(kind, candidate);
            if (context.DryRun)
            {
                return new Written(EncodedObject.From(candidate).At(stored.Revision), stored.Revision, Gone: gone);
            }

            var result = await store.WriteAsync(WriteOf(stored, old, candidate, gone)).ConfigureAwait(false);
            if (result.Outcome == WriteOutcome.Committed)
            {
                await AfterAsync(kind).ConfigureAwait(false);
                return new Written(result.Json, result.Revision, Gone: gone);
            }

            if (asked.Length > 0 || attempt == Attempts)
            {
                throw ApiError.Modified(kind, name);
            }
        }
    }

    /// <summary>Deletes an object, or marks it as going when finalizers hold it.</summary>
    public async Task<Written> DeleteAsync(WriteContext context, string name, DeletePreconditions preconditions)
    {
        var kind = context.Kind;
        var key = KeyOf(context, name);
        for (var attempt = 1; ; attempt++)
        {
            var stored = await store.FindAsync(key, CancellationToken.None).ConfigureAwait(false) ?? throw ApiError.NotFound(kind, name);
            var old = ObjectForm.Parse(stored.Json, kind);
            preconditions.Check(kind, old);
            Admit(context, "delete", null, old);
            var candidate = old.Copy();
            var marked = PropagationFinalizers.Mark(candidate, context.Propagation);
            var held = IsHeld(kind, candidate);
            if (held && old.IsDeleting() && !marked)
            {
                return new Written(stored.Json, stored.Revision);
            }

            if (held && !old.IsDeleting())
            {
                MarkGoing(kind, candidate, time.GetUtcNow(), store.LeastGeneration);
            }

            if (context.DryRun)
            {
                return new Written(EncodedObject.From(candidate).At(stored.Revision), stored.Revision, Gone: !held);
            }

            var result = await store.WriteAsync(WriteOf(stored, old, candidate, gone: !held)).ConfigureAwait(false);
            if (result.Outcome == WriteOutcome.Committed)
            {
                await AfterAsync(kind).ConfigureAwait(false);
                return new Written(result.Json, result.Revision, Gone: !held);
            }

            if (attempt == Attempts)
            {
                throw ApiError.Modified(kind, name);
            }
        }
    }

    /// <summary>Removes a namespace or definition whose content is gone: what its deletion waited for.</summary>
    public async Task<bool> FinishAsync(KindInfo kind, string name)
    {
        var stored = await store.FindAsync(new StoreKey(ServedCatalog.ResourceOf(kind), "", name), CancellationToken.None).ConfigureAwait(false);
        if (stored is null)
        {
            return true;
        }

        var old = ObjectForm.Parse(stored.Json, kind);
        if (!old.IsDeleting() || ObjectRules.IsHeld(old))
        {
            return false;
        }

        var result = await store.WriteAsync(WriteOf(stored, old, old, gone: true)).ConfigureAwait(false);
        await AfterAsync(kind).ConfigureAwait(false);
        return result.Outcome == WriteOutcome.Committed;
    }

    private static StoreKey KeyOf(WriteContext context, string name) =>
        new(ServedCatalog.ResourceOf(context.Kind), context.Kind.Namespaced ? context.Namespace : "", name);

    /// <summary>Namespaces and definitions are held by their content without a finalizer in the metadata.</summary>
    private static bool IsHeld(KindInfo kind, JsonObject obj) => ObjectRules.IsHeld(obj) || ServedCatalog.ResourceOf(kind) switch
    {
        NamespaceTable.Resource => obj.Items("spec", "finalizers") is { Count: > 0 },
        ServedCatalog.CrdResource => true,
        _ => false,
    };

    private static void MarkGoing(KindInfo kind, JsonObject obj, DateTimeOffset now, long leastGeneration)
    {
        var metadata = obj.Child("metadata");
        metadata["deletionTimestamp"] = now.ToKubeTime();
        metadata["deletionGracePeriodSeconds"] = 0;
        if (Generations.Counts(kind))
        {
            metadata["generation"] = Generations.After(obj, leastGeneration);
        }

        switch (ServedCatalog.ResourceOf(kind))
        {
            case NamespaceTable.Resource:
                obj.Child("status")["phase"] = "Terminating";
                break;
            case ServedCatalog.CrdResource:
                Conditions.SetCondition(obj.Child("status"), "Terminating", true, "InstanceDeletionPending", "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon", now);
                break;
        }
    }

    private static StoreWrite WriteOf(StoredObject stored, JsonObject old, JsonObject wanted, bool gone)
    {
        var owners = gone ? [] : ObjectRules.Owners(wanted);
        return new StoreWrite
        {
            Key = stored.Key,
            Expected = stored.Revision,
            Delete = gone,
            Value = EncodedObject.From(wanted),
            Previous = stored.Json,
            Owners = owners.SequenceEqual(ObjectRules.Owners(old)) ? null : owners,
        };
    }

    private JsonObject Prepare(WriteContext context, JsonObject old, JsonObject wanted)
    {
        ObjectRules.OnUpdate(context.Kind, old, wanted, context.Subresource, store.LeastGeneration);
        if (context.Kind is { Group: "apiextensions.k8s.io", Plural: "customresourcedefinitions" } && context.Subresource is null && !old.IsDeleting())
        {
            CrdStatus.Establish(wanted, old, time.GetUtcNow());
        }

        SchemaGate.Pass(served.Current, context, wanted, old);
        return Admit(context, "update", wanted, old)!;
    }

    private JsonObject Admit(WriteContext context, string verb, JsonObject? obj, JsonObject? old)
    {
        foreach (var rule in admission)
        {
            var verdict = rule.Decide(new AdmissionRequest(context.User, verb, context.Kind.Group, context.Kind.Kind, context.Subresource, obj, old));
            if (verdict.Denial is { } denial)
            {
                throw ApiError.Forbidden(context.Kind, (obj ?? old)!.Name(), denial);
            }

            obj = verdict.Object ?? obj;
        }

        return obj!;
    }

    private void CheckNamespace(WriteContext context, string name)
    {
        if (!context.Kind.Namespaced)
        {
            return;
        }

        switch (namespaces.Terminating(context.Namespace))
        {
            case null:
                throw ApiError.NotFound("", "namespaces", context.Namespace);
            case true:
                throw ApiError.Forbidden(
                    context.Kind, name, $"unable to create new content in namespace {context.Namespace} because it is being terminated");
        }
    }

    private Task AfterAsync(KindInfo kind) =>
        ServedCatalog.ResourceOf(kind) == ServedCatalog.CrdResource ? served.RefreshAsync(CancellationToken.None) : Task.CompletedTask;
}
