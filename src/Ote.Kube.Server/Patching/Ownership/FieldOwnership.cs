using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Patching.Ownership;

/// <summary>A field that an applier wants otherwise than the manager who owns it.</summary>
/// <param name="Owner">The other manager's entry.</param>
/// <param name="Fields">The fields in question.</param>
internal sealed record FieldConflict(ManagedEntry Owner, FieldSet Fields);

/// <summary>What an apply comes to: conflicts and nothing else, or the object as it is wanted and who owns its fields then.</summary>
internal sealed record Applied(JsonObject? Object, ManagedEntries Managed, IReadOnlyList<FieldConflict> Conflicts);

/// <summary>
/// Who owns which field after a write, by the rules of Kubernetes' server-side apply: a writer owns what it changed, an applier what it states; who else
/// owned a field that changed or went loses it. Pure: objects given are not changed, unless said.
/// </summary>
/// <param name="kind">The kind in the version of the write.</param>
/// <param name="versions">The same kind in another version; null when that is no longer served, and then its entries are dropped.</param>
internal sealed class FieldOwnership(TypedKind kind, Func<string, TypedKind?> versions)
{
    /// <summary>Stands for everybody who wrote an object before its first apply, when nobody kept note.</summary>
    public const string Before = "before-first-apply";

    /// <summary>After a create or an update; the same instance when no field changed.</summary>
    /// <param name="managed">Who owned what.</param>
    /// <param name="before">The object before, without its managedFields; null for a create.</param>
    /// <param name="after">The object after.</param>
    /// <param name="writer">Who wrote.</param>
    /// <param name="given">Fields that the server gave, so that nobody comes to own them.</param>
    public ManagedEntries AfterUpdate(ManagedEntries managed, JsonObject? before, JsonObject after, FieldWriter writer, FieldSet? given = null)
    {
        // Whoever resets the entries of an object has it untracked until somebody applies.
        if (managed.IsNone && before is not null)
            return managed;
        FieldChanges changes = new FieldComparison(kind).Compare(before ?? [], after);
        if (given is { IsEmpty: false })
            changes = changes.Without(given);
        return changes.IsNone ? managed : Track(managed, before ?? [], after, changes, writer);
    }

    /// <summary>An apply to an object, without its managedFields.</summary>
    public Applied Apply(ManagedEntries managed, JsonObject live, JsonObject applied, FieldWriter writer, bool force)
    {
        if (managed.IsNone && live.Count > 0)
            managed = Track(managed, [], live, new FieldComparison(kind).Compare([], live), writer with { Manager = Before });
        JsonObject merged = (JsonObject)live.DeepClone();
        new TypedMerge(kind).Into(merged, applied);
        FieldSet all = new AppliedFields(kind).Of(applied);
        ManagedEntry own = new(writer.Manager, true, kind.ApiVersion, writer.Subresource, writer.Time, all.Difference(Untracked.Fields));
        ManagedEntry? last = managed.All.FirstOrDefault(own.IsOf);
        List<ManagedEntry> others = [.. managed.All.Where(e => !e.IsOf(own)).Select(e => Fitted(e, live))];
        if (last is not null)
            merged = new FieldPruning(kind, versions).Prune(merged, Fitted(last, live), all, others); // the name is nobody's, and yet metadata is not given up with the last of its other fields
        VersionedChanges changes = new(kind, versions, live, merged, new FieldComparison(kind).Compare(live, merged));
        List<FieldConflict> conflicts = [.. others.Select(e => new FieldConflict(e, changes.In(e.ApiVersion)?.Written.Intersection(e.Fields) ?? FieldSet.Empty))
            .Where(c => !c.Fields.IsEmpty).OrderBy(c => c.Owner, Comparer<ManagedEntry>.Create(ByName))];
        if (conflicts.Count > 0 && !force)
            return new Applied(null, managed, conflicts);
        if (last is not null && changes.Main.IsNone && last.ApiVersion == own.ApiVersion && last.Fields.SetEquals(own.Fields))
            own = last;
        return new Applied(merged, ManagedEntries.Of(Left(others, changes).Append(own)), []);
    }

    private static int ByName(ManagedEntry a, ManagedEntry b)
    {
        int order = string.CompareOrdinal(a.Manager, b.Manager);
        return order != 0 ? order : ManagedEntry.Compare(a, b);
    }

    private ManagedEntries Track(ManagedEntries managed, JsonObject before, JsonObject after, FieldChanges changes, FieldWriter writer)
    {
        FieldSet written = changes.Written.Difference(Untracked.Fields);
        ManagedEntry own = new(writer.Manager, false, kind.ApiVersion, writer.Subresource, writer.Time, written);
        VersionedChanges versioned = new(kind, versions, before, after, changes);
        List<ManagedEntry> entries = Left(managed.All.Where(e => !e.IsOf(own)), versioned);
        if (managed.All.FirstOrDefault(own.IsOf) is { } last)
        {
            FieldSet kept = last.Fields.Difference(changes.Removed);
            entries.Add(last with { Fields = kept.Union(written), Time = written.IsEmpty ? last.Time : writer.Time });
        }
        else
            entries.Add(own);
        return ManagedEntries.Of(entries);
    }

    /// <summary>What is left to others of what they owned.</summary>
    private static List<ManagedEntry> Left(IEnumerable<ManagedEntry> others, VersionedChanges changes)
    {
        List<ManagedEntry> left = [];
        foreach (ManagedEntry entry in others)
        {
            if (changes.In(entry.ApiVersion) is not { } of)
                continue;
            FieldSet fields = entry.Fields.Difference(of.Written).Difference(of.Removed);
            left.Add(ReferenceEquals(fields, entry.Fields) ? entry : entry with { Fields = fields });
        }
        return left;
    }

    /// <summary>
    /// The entry with its fields as the schema of today and the live object have them. An update does without: it would have to look at every field of
    /// every manager, and nobody can tell before somebody applies.
    /// </summary>
    private ManagedEntry Fitted(ManagedEntry entry, JsonObject before)
    {
        if ((entry.ApiVersion == kind.ApiVersion ? kind : versions(entry.ApiVersion)) is not { } typed)
            return entry;
        FieldSet fields = new SchemaFit(typed).Of(entry.Fields, before);
        return ReferenceEquals(fields, entry.Fields) ? entry : entry with { Fields = fields };
    }
}
