using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Addresses;
using Ote.Kube.Server.Admission;
using Ote.Kube.Server.Admission.Limits;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Patching.Ownership;
using Ote.Kube.Server.Quotas;
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
    IObjectStore store, ServedCatalog served, NamespaceTable? namespaces, IReadOnlyList<IAdmission> admission, TimeProvider time, Func<Guid> newUid)
{
    private const int Attempts = 8;

    /// <summary>See <see cref="ApiServerOptions.PodsEndGracefully"/>.</summary>
    public bool PodsEndGracefully { get; init; }

    /// <summary>Holds pods and claims against the LimitRanges of their namespace.</summary>
    public required LimitRanger Limits { get; init; }

    /// <summary>Deals out the addresses of Services; null: nobody does.</summary>
    public ServiceAddressTable? Addresses { get; init; }

    /// <summary>Charges the quotas of a namespace; null: nobody does. Set before the first write that any would limit.</summary>
    public QuotaAdmission? Quotas { get; set; }

    /// <summary>Creates an object. The object given is used up.</summary>
    public Task<Written> CreateAsync(WriteContext context, JsonObject obj) => CreateAsync(context, obj, null);

    /// <param name="context">The write.</param>
    /// <param name="obj">The object.</param>
    /// <param name="managed">Who owns its fields, by the time; null makes its creator the owner of all.</param>
    private async Task<Written> CreateAsync(WriteContext context, JsonObject obj, Func<DateTimeOffset, ManagedEntries>? managed)
    {
        var kind = context.Kind;
        var catalog = served.Current;
        if (kind.IsCustom && catalog.Definition(kind.CrdName!)?.IsTerminating == true)
        {
            throw ApiError.Terminating(kind, managed is null ? "create" : "patch");
        }

        var isNamed = obj.Name().Length > 0; // else a name is made up, perhaps several times
        for (var attempt = 1; ; attempt++)
        {
            var candidate = isNamed ? obj : obj.Copy();
            var now = time.GetUtcNow();
            var sent = ManagedFields.Take(candidate);
            ObjectRules.OnCreate(kind, candidate, context.Namespace, newUid().ToString("D"), NameSource.NewSuffix, now);
            CheckNamespace(context, candidate.Name());
            var given = GivenFields.Of(kind, candidate);
            ManagedFields.Put(candidate, sent); // The schema has a say about what is new.
            SchemaGate.Pass(catalog, context, candidate, null);
            sent = ManagedFields.Take(candidate);
            var owned = managed?.Invoke(now) ?? ManagedFields.Ownership(catalog, context).AfterUpdate(
                ManagedFields.Start(context, candidate.Name(), sent, ManagedEntries.None), null, candidate, ManagedFields.Writer(context, now), given);
            if (Limits.Fill(context, candidate))
            {
                SchemaGate.Check(catalog, context, candidate, null); // What was given and what was asked for need not go together.
            }

            candidate = Admit(context, "create", candidate, null);
            Limits.Check(context, candidate, null);
            using var claims = ClaimAddresses(context, candidate, null);
            var encoded = EncodedObject.From(ObjectForm.ToStored(candidate, kind), owned);
            var key = KeyOf(context, candidate.Name());
            if (context.DryRun)
            {
                await StoreAsync(context, candidate, null, null).ConfigureAwait(false);
                // Without a version: it was never stored.
                return await store.FindAsync(key, CancellationToken.None).ConfigureAwait(false) is null
                    ? new Written(Answers.Bytes(ObjectForm.ToStored(candidate, kind)), 0, Created: true)
                    : throw await TakenAsync(kind, key).ConfigureAwait(false);
            }

            var owners = ObjectRules.Owners(candidate);
            var result = await StoreAsync(context, candidate, null, new StoreWrite
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
                throw await TakenAsync(kind, key).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Replaces an object. The object given is used up.</summary>
    public Task<Written> ReplaceAsync(WriteContext context, string name, JsonObject obj)
    {
        // What names the version it was made for is stored at once or not at all.
        var once = obj.ResourceVersion().Length > 0;
        return ChangeAsync(context, name, (old, _) => obj.Uid() is { Length: > 0 } uid && uid != old.Uid()
            ? throw ApiError.Conflict(context.Kind, name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {old.Uid()}")
            : new WantedObject(once ? obj : obj.Copy(), null));
    }

    /// <summary>
    /// Changes an object. <paramref name="change"/> gets the stored object, may use it up, and returns the wanted one; it may be
    /// called several times.
    /// </summary>
    /// <param name="context">The write.</param>
    /// <param name="name">The object.</param>
    /// <param name="change">The change.</param>
    /// <param name="seesManagers">Whether the change reads or writes managedFields; else the object comes without them.</param>
    public Task<Written> UpdateAsync(WriteContext context, string name, Func<JsonObject, JsonObject> change, bool seesManagers = false) =>
        ChangeAsync(context, name, (old, managed) =>
        {
            var copy = old.Copy();
            if (seesManagers)
            {
                ManagedFields.Put(copy, managed);
            }

            return new WantedObject(change(copy), null);
        });

    /// <summary>Applies a configuration, and makes the object when there is none.</summary>
    /// <exception cref="ApiError">409 when others own fields that it wants otherwise, unless forced.</exception>
    public async Task<Written> ApplyAsync(WriteContext context, string name, JsonObject applied, bool force)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await ChangeAsync(context, name, (old, managed) =>
                    ApplyChange.Of(served.Current, context, old, managed, applied, force, time.GetUtcNow())).ConfigureAwait(false);
            }
            catch (ApiError missing) when (missing.Code == 404 && context.ManagedBy is null)
            {
                ApplyRules.CheckNew(context.Kind, name, applied);
            }

            try
            {
                return await CreateAsync(context, applied.Copy(), now =>
                    ManagedFields.Ownership(served.Current, context).Apply(ManagedEntries.None, [], applied, ManagedFields.Writer(context, now), force).Managed).ConfigureAwait(false);
            }
            catch (ApiError taken) when (taken.Reason == "AlreadyExists" && attempt < Attempts)
            {
                // Somebody was faster: apply to what is there now.
            }
        }
    }

    /// <summary>Changes an object through its scale; as <see cref="UpdateAsync"/> otherwise.</summary>
    /// <param name="context">The write.</param>
    /// <param name="name">The object.</param>
    /// <param name="change">Gets the Scale, may use it up, and returns the wanted one.</param>
    /// <param name="applied">The applied Scale in place of a change; null for a change.</param>
    /// <param name="force">With an applied Scale: take the count over from whoever owns it.</param>
    public Task<Written> ScaleAsync(WriteContext context, string name, Func<JsonObject, JsonObject> change, JsonObject? applied, bool force)
    {
        var scaling = new ScaleChange(context, change, applied, force);
        return ChangeAsync(context, name, (old, managed) => scaling.Of(old, managed, time.GetUtcNow()));
    }

    private async Task<Written> ChangeAsync(WriteContext context, string name, Func<JsonObject, JsonNode?, WantedObject> change)
    {
        var kind = context.Kind;
        var key = KeyOf(context, name);
        for (var attempt = 1; ; attempt++)
        {
            var stored = await store.FindAsync(key, CancellationToken.None).ConfigureAwait(false) ?? throw ApiError.NotFound(kind, name);
            var old = ObjectForm.Parse(stored.Json, kind);
            var managed = ManagedFields.Take(old);
            served.Current.Normalize(kind, old, stored: true);
            var wanted = change(old, managed);
            var asked = wanted.Object.ResourceVersion();
            if (asked.Length > 0 && asked != old.ResourceVersion())
            {
                throw ApiError.Modified(kind, name);
            }

            var (candidate, owned, claims) = Prepare(context, old, managed, wanted);
            using var held = claims;
            if (owned is null)
            {
                return new Written(stored.Json, stored.Revision);
            }

            var gone = candidate.IsDeleting() && !Deletion.IsHeld(kind, candidate) && !PodGrace.Holds(kind, candidate);
            if (context.DryRun)
            {
                await StoreAsync(context, candidate, old, null).ConfigureAwait(false);
                return new Written(EncodedObject.From(ObjectForm.ToStored(candidate, kind), owned).At(stored.Revision), stored.Revision, Gone: gone);
            }

            var result = await StoreAsync(context, candidate, old, WriteOf(kind, stored, old, candidate, gone, owned)).ConfigureAwait(false);
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

    /// <summary>Deletes an object, or marks it as going when finalizers or the grace of a pod hold it.</summary>
    /// <param name="context">Whose, and of which kind.</param>
    /// <param name="name">Its name.</param>
    /// <param name="preconditions">What must hold.</param>
    /// <param name="grace">Seconds a pod has to end; null: what it asks for.</param>
    public async Task<Written> DeleteAsync(WriteContext context, string name, DeletePreconditions preconditions, long? grace = null)
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
            var seconds = PodsEndGracefully ? PodGrace.Of(kind, old, grace) : 0;
            var shortened = seconds < (old.Whole("metadata", "deletionGracePeriodSeconds") ?? 0);
            var held = Deletion.IsHeld(kind, candidate) || seconds > 0;
            if (held && old.IsDeleting() && !marked && !shortened)
            {
                return new Written(stored.Json, stored.Revision);
            }

            if (held && (!old.IsDeleting() || shortened))
            {
                Deletion.Begin(kind, candidate, time.GetUtcNow(), store.LeastGeneration, seconds);
            }

            if (context.DryRun)
            {
                return new Written(EncodedObject.From(ObjectForm.ToStored(candidate, kind)).At(stored.Revision), stored.Revision, Gone: !held);
            }

            var result = await store.WriteAsync(WriteOf(kind, stored, old, candidate, gone: !held)).ConfigureAwait(false);
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
        var wanted = old.Copy();
        var released = ServedCatalog.ResourceOf(kind) == ServedCatalog.CrdResource && Deletion.Release(wanted, time.GetUtcNow());
        var held = ObjectRules.IsHeld(wanted);
        if (!old.IsDeleting() || (held && !released))
        {
            return false;
        }

        var result = await store.WriteAsync(WriteOf(kind, stored, old, wanted, gone: !held)).ConfigureAwait(false);
        await AfterAsync(kind).ConfigureAwait(false);
        return result.Outcome == WriteOutcome.Committed;
    }

    /// <summary>Stores what quotas grant; without a write they are only asked.</summary>
    private async Task<WriteResult> StoreAsync(WriteContext context, JsonObject obj, JsonObject? old, StoreWrite? write)
    {
        var charge = Quotas is null ? null : await Quotas.ChargeAsync(context, obj, old).ConfigureAwait(false);
        try
        {
            var result = write is null ? default : await store.WriteAsync(write).ConfigureAwait(false);
            if (write is not null && result.Outcome == WriteOutcome.Committed)
            {
                charge?.Stored();
                if (charge is null && old is null)
                {
                    Quotas?.Uncharged(context);
                }
            }

            return result;
        }
        finally
        {
            if (charge is not null)
            {
                await charge.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    private async Task<ApiError> TakenAsync(KindInfo kind, StoreKey key) => ApiError.AlreadyExists(
        kind, key.Name, going: await store.FindAsync(key, CancellationToken.None).ConfigureAwait(false) is { } taken && ObjectForm.Parse(taken.Json, kind).IsDeleting());

    private static StoreKey KeyOf(WriteContext context, string name) =>
        new(ServedCatalog.ResourceOf(context.Kind), context.Kind.Namespaced ? context.Namespace : "", name);

    private static StoreWrite WriteOf(KindInfo kind, StoredObject stored, JsonObject old, JsonObject wanted, bool gone, ManagedEntries? managed = null)
    {
        var owners = gone ? [] : ObjectRules.Owners(wanted);
        return new StoreWrite
        {
            Key = stored.Key,
            Expected = stored.Revision,
            Delete = gone,
            Value = EncodedObject.From(ObjectForm.ToStored(wanted, kind), managed),
            Previous = stored.Json,
            Owners = owners.SequenceEqual(ObjectRules.Owners(old)) ? null : owners,
        };
    }

    /// <summary>The object to store and who owns its fields then; no owners at all when there is nothing to store.</summary>
    private (JsonObject Object, ManagedEntries? Owned, IDisposable? Claims) Prepare(WriteContext context, JsonObject old, JsonNode? managed, WantedObject change)
    {
        var wanted = change.Object;
        var sent = ManagedFields.Take(wanted);
        if (sent is not null && ManagedFields.IsEcho(sent, managed))
        {
            sent = null; // What the client read and sends back says nothing.
        }

        ManagedFields.Put(wanted, sent); // The schema has a say about what is new.
        var catalog = served.Current;
        catalog.Normalize(context.Kind, wanted, stored: false);
        ObjectRules.OnUpdate(context.Kind, old, wanted, context.Subresource);
        if (context.Kind is { Group: "apiextensions.k8s.io", Plural: "customresourcedefinitions" } && context.Subresource is null && !old.IsDeleting())
        {
            CrdStatus.Establish(wanted, old, time.GetUtcNow());
        }

        SchemaGate.Pass(catalog, context, wanted, old);
        ObjectRules.Count(context.Kind, old, wanted, store.LeastGeneration);
        sent = ManagedFields.Take(wanted);
        var stored = ManagedEntries.OfStored(managed);
        var start = ManagedFields.Start(context, old.Name(), sent, stored);
        var owned = change.Managed ?? (context.Subresource is null or "status" or "ephemeralcontainers"
            ? ManagedFields.Ownership(catalog, context).AfterUpdate(start, old, wanted, ManagedFields.Writer(context, time.GetUtcNow()))
            : start);
        var candidate = Admit(context, "update", wanted, old)!;
        Limits.Check(context, candidate, old);
        var claims = ClaimAddresses(context, candidate, old);
        var moved = change.Managed is null && ReferenceEquals(start, stored) ? !ReferenceEquals(owned, stored) : !owned.Says(stored);
        return (candidate, moved || !ManagedFields.Same(old, candidate) ? owned : null, claims);
    }

    /// <summary>The addresses of a Service, until its write has ended; null for other kinds and for what changes none of them.</summary>
    private IDisposable? ClaimAddresses(WriteContext context, JsonObject obj, JsonObject? old) =>
        Addresses is not null && context.Subresource is null && ServedCatalog.ResourceOf(context.Kind) == ServiceAddressTable.Resource ? Addresses.Claim(context.Kind, obj, old) : null;

    private JsonObject Admit(WriteContext context, string verb, JsonObject? obj, JsonObject? old)
    {
        foreach (var rule in admission)
        {
            var verdict = rule.Decide(new AdmissionRequest(context.User, verb, context.Kind.Group, context.Kind.Kind, context.Subresource, obj, old));
            if (verdict.Denial is { } denial)
            {
                throw verdict.Refusal ?? ApiError.Forbidden(context.Kind, (obj ?? old)!.Name(), denial);
            }

            obj = verdict.Object ?? obj;
        }

        return obj!;
    }

    private void CheckNamespace(WriteContext context, string name)
    {
        if (!context.Kind.Namespaced || namespaces is null)
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
