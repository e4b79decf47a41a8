using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Patching.Ownership;

/// <summary>
/// Takes out of an object what its applier stated the last time, does not state now, and nobody else owns. Pure: the object given is not changed.
/// </summary>
internal sealed class FieldPruning(TypedKind kind, Func<string, TypedKind?> versions)
{
    /// <param name="merged">The live object with the configuration merged in.</param>
    /// <param name="last">What the applier owned until now.</param>
    /// <param name="now">What it states now.</param>
    /// <param name="others">What all others own.</param>
    public JsonObject Prune(JsonObject merged, ManagedEntry last, FieldSet now, IReadOnlyList<ManagedEntry> others)
    {
        if (last.Fields.Difference(now).IsEmpty || Kind(last.ApiVersion) is not { } lastKind)
            return merged;
        FieldSet lastFields = FieldRemoval.WithNamedFields(lastKind, last.Fields);
        JsonObject pruned = Without(lastKind, merged, lastFields);
        foreach (IGrouping<string, FieldSet> owned in others.Select(e => (e.ApiVersion, e.Fields)).Append((kind.ApiVersion, now)).GroupBy(e => e.Item1, e => e.Item2))
        {
            if (Kind(owned.Key) is not { } typed)
                continue;
            FieldSet all = owned.Aggregate(FieldSet.Empty, static (union, fields) => union.Union(fields));
            FieldSet keep = Fields(typed, pruned).Union(FieldRemoval.WithNamedFields(typed, all));
            pruned = Without(typed, merged, Fields(typed, merged).Difference(keep));
        }
        // What nobody owns goes only along with what it is part of.
        return Without(lastKind, merged, Fields(lastKind, merged).Difference(Fields(lastKind, pruned)).Intersection(lastFields));
    }

    private TypedKind? Kind(string apiVersion) => apiVersion == kind.ApiVersion ? kind : versions(apiVersion);

    private static FieldSet Fields(TypedKind typed, JsonObject obj) => FieldRemoval.WithNamedFields(typed, new AppliedFields(typed).Of(obj));

    private static JsonObject Without(TypedKind typed, JsonObject obj, FieldSet fields)
    {
        JsonObject copy = (JsonObject)obj.DeepClone();
        FieldRemoval.From(typed, copy, fields);
        return copy;
    }
}
