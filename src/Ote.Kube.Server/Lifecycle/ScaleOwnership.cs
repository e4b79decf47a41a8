using Ote.Kube.Server.Patching.Ownership;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>
/// Who owns the replicas of an object, seen through its <c>scale</c> subresource and back: managers of the object's count are managers of the Scale's, and
/// who takes the count through the Scale takes it from them. Pure.
/// </summary>
internal sealed class ScaleOwnership(KindInfo kind)
{
    private readonly FieldSet _path = FieldSet.Of([.. kind.Scale!.SpecReplicas.Split('.').Select(PathElement.Field)]);

    private static FieldSet Replicas { get; } = FieldSet.Of(PathElement.Field("spec"), PathElement.Field("replicas"));

    /// <summary>The kind of a Scale.</summary>
    public static TypedKind Kind { get; } = new("autoscaling/v1", SchemaCatalog.BuiltIn.Data.Node("io.k8s.api.autoscaling.v1.Scale"), false, OwnedPart.Whole);

    /// <summary>The Scale's entries.</summary>
    public ManagedEntries ToScale(ManagedEntries parent) => ManagedEntries.Of(parent.All
        .Where(e => !e.Fields.Intersection(_path).IsEmpty).Select(e => e with { ApiVersion = Kind.ApiVersion, Fields = Replicas }));

    /// <summary>The object's entries, given those of its Scale after a write.</summary>
    public ManagedEntries ToParent(ManagedEntries parent, ManagedEntries scale)
    {
        var owners = scale.All.Where(e => !e.Fields.Intersection(Replicas).IsEmpty).ToList();
        var entries = new List<ManagedEntry>();
        foreach (var entry in parent.All)
        {
            var owner = entry.Fields.Intersection(_path).IsEmpty ? null : owners.Find(entry.IsSameWriter);
            entries.Add(owner is null ? entry with { Fields = entry.Fields.Difference(_path) } : entry with { Time = owner.Time });
            owners.RemoveAll(o => ReferenceEquals(o, owner));
        }

        foreach (var owner in owners)
        {
            var fresh = owner with { ApiVersion = kind.ApiVersion, Fields = _path };
            var known = entries.FindIndex(fresh.IsOf);
            if (known < 0)
            {
                entries.Add(fresh);
            }
            else
            {
                entries[known] = fresh with { Fields = entries[known].Fields.Union(_path) };
            }
        }

        return ManagedEntries.Of(entries);
    }
}
