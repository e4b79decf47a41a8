using System.Text.Json.Nodes;
using Ote.Kube.Server.Patching.Ownership;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>What an applied configuration makes of an object that is there. Pure.</summary>
internal static class ApplyChange
{
    /// <summary>
    /// Merges a configuration into an object. kubectl's applier takes over, without a conflict, what kubectl applied by the annotation before: that is how
    /// somebody goes over from applying at the client (the rule is kubectl's migration of <c>last-applied-configuration</c>).
    /// </summary>
    /// <param name="catalog">The kinds served now.</param>
    /// <param name="context">The write.</param>
    /// <param name="old">The stored object, without its managedFields.</param>
    /// <param name="managed">These.</param>
    /// <param name="applied">The configuration; not used up.</param>
    /// <param name="force">Take over what others own.</param>
    /// <param name="now">The time of the write.</param>
    /// <exception cref="Http.ApiError">409 when others own fields that it wants otherwise, unless forced; 422 for the uid of another object.</exception>
    public static WantedObject Of(SchemaCatalog catalog, WriteContext context, JsonObject old, JsonNode? managed, JsonObject applied, bool force, DateTimeOffset now)
    {
        ApplyRules.CheckSame(context.Kind, old, applied);
        var kind = TypedKind.Of(context.Kind, context.Subresource);
        var ownership = ManagedFields.Ownership(catalog, context);
        var (entries, writer) = (ManagedEntries.OfStored(managed), ManagedFields.Writer(context, now));
        var outcome = ownership.Apply(entries, old, applied, writer, force);
        var isKubectl = context.Manager == LastApplied.Kubectl;
        if (outcome.Conflicts.Count > 0 && isKubectl && LastApplied.Accounted(kind, old) is { IsEmpty: false } accounted)
        {
            var left = outcome.Conflicts.Select(c => c with { Fields = c.Fields.Difference(accounted) }).Where(c => !c.Fields.IsEmpty).ToList();
            outcome = left.Count == 0 ? ownership.Apply(entries, old, applied, writer, force: true) : outcome with { Conflicts = left };
        }

        var granted = ManagedFields.Granted(outcome);
        if (isKubectl)
        {
            LastApplied.Renew(granted.Object!, applied);
        }

        ApplyRules.KeepVersion(granted.Object!, applied);
        return new WantedObject(granted.Object!, granted.Managed);
    }
}
