using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Patching;

/// <summary>
/// Kubernetes' strategic merge patch: like a merge patch, but lists that have a merge key merge element by element, and directives
/// (<c>$patch</c>, <c>$retainKeys</c>, <c>$deleteFromPrimitiveList/x</c>, <c>$setElementOrder/x</c>) say the rest. Pure.
/// </summary>
public static class StrategicMergePatch
{
    private const string PatchDirective = "$patch";
    private const string RetainKeys = "$retainKeys";
    private const string DeletePrefix = "$deleteFromPrimitiveList/";
    private const string OrderPrefix = "$setElementOrder/";

    /// <summary>The document with the patch applied. Neither argument is changed.</summary>
    /// <exception cref="PatchException">The patch is malformed or lacks a merge key.</exception>
    public static JsonObject Apply(JsonObject doc, JsonObject patch, KindInfo kind)
    {
        ArgumentNullException.ThrowIfNull(kind);
        return Apply(doc, patch, kind.Schema);
    }

    /// <summary>The document with the patch applied. Without a schema lists are replaced, as where it does not know a field.</summary>
    /// <exception cref="PatchException">The patch is malformed or lacks a merge key.</exception>
    public static JsonObject Apply(JsonObject doc, JsonObject patch, SchemaNode? schema)
    {
        ArgumentNullException.ThrowIfNull(doc);
        ArgumentNullException.ThrowIfNull(patch);
        return MergeMap(doc.DeepClone().AsObject(), patch, schema);
    }

    /// <summary>Merges into <paramref name="target"/>, which the caller owns, and returns it or what replaces it.</summary>
    internal static JsonObject MergeMap(JsonObject target, JsonObject patch, SchemaNode? schema)
    {
        switch (patch.TextAt(PatchDirective))
        {
            case "replace":
                return MergeMap([], Without(patch, PatchDirective), schema);
            case "delete":
                return [];
            case null or "merge":
                break;
            case string other:
                throw new PatchException(PatchFailure.Malformed, $"unknown patch type found: {other}");
        }
        Retain(target, patch);
        HashSet<string>? gone = null;
        foreach ((string name, JsonNode? change) in patch)
        {
            if (name.StartsWith(DeletePrefix, StringComparison.Ordinal))
                DeleteScalars(target, name[DeletePrefix.Length..], change);
            else if (!IsDirective(name))
                MergeField(target, name, change, patch, schema?.Field(name), ref gone);
        }
        Removal.Remove(target, gone);
        foreach ((string name, JsonNode? order) in patch)
        {
            // An order may come without changes to its list.
            if (name.StartsWith(OrderPrefix, StringComparison.Ordinal) && !patch.ContainsKey(name[OrderPrefix.Length..]))
                Reorder(target, name[OrderPrefix.Length..], order, schema);
        }
        return target;
    }

    private static void MergeField(JsonObject target, string name, JsonNode? change, JsonObject patch, SchemaNode? field, ref HashSet<string>? gone)
    {
        PatchStrategy strategy = field?.PatchStrategy ?? PatchStrategy.None;
        switch (change)
        {
            case null:
                (gone ??= new(StringComparer.Ordinal)).Add(name);
                break;
            case JsonObject map:
                JsonObject into = target[name] is JsonObject existing && !strategy.HasFlag(PatchStrategy.Replace) ? existing : [];
                JsonObject merged = MergeMap(into, map, field);
                if (map.TextAt(PatchDirective) == "delete")
                    (gone ??= new(StringComparer.Ordinal)).Add(name);
                else if (!ReferenceEquals(merged, target[name]))
                    target[name] = merged;
                break;
            case JsonArray list when strategy.HasFlag(PatchStrategy.Merge):
                JsonArray before = target[name] is JsonArray old ? old : [];
                JsonArray? order = patch[OrderPrefix + name] as JsonArray;
                target[name] = StrategicList.Merge(before, list, order, field!, name);
                break;
            case JsonArray list:
                target[name] = StrategicList.WithoutDirectives(list);
                break;
            default:
                target[name] = change.DeepClone();
                break;
        }
    }

    private static void Retain(JsonObject target, JsonObject patch)
    {
        if (!patch.TryGetPropertyValue(RetainKeys, out JsonNode? node))
            return;
        if (node is not JsonArray)
            throw new PatchException(PatchFailure.Malformed, "invalid patch format of retainKeys: it must be a list of field names");
        HashSet<string> keep = [.. patch.TextsAt(RetainKeys)];
        foreach ((string name, JsonNode? value) in patch)
        {
            if (!IsDirective(name) && value is not null && !keep.Contains(name))
                throw new PatchException(PatchFailure.Malformed, $"invalid patch format of retainKeys: the field {name} is set but not among the retained ones");
        }
        Removal.Remove(target, target.Select(p => p.Key).Where(k => !keep.Contains(k)).ToHashSet(StringComparer.Ordinal));
    }

    private static void DeleteScalars(JsonObject target, string name, JsonNode? listed)
    {
        if (listed is not JsonArray gone || gone.Any(v => v is JsonObject or JsonArray))
            throw new PatchException(PatchFailure.Malformed, $"invalid patch format of primitive list: {DeletePrefix}{name} must be a list of scalars");
        if (target[name] is not JsonArray list)
            return;
        HashSet<JsonNode?> values = new(gone, ScalarComparer.Instance);
        target[name] = new JsonArray([.. list.Where(v => !values.Contains(v)).Select(v => v?.DeepClone())]);
    }

    private static void Reorder(JsonObject target, string name, JsonNode? order, SchemaNode? schema)
    {
        SchemaNode? field = schema?.Field(name);
        if (target[name] is JsonArray list && field is not null && field.PatchStrategy.HasFlag(PatchStrategy.Merge))
            target[name] = StrategicList.Merge(list, [], order as JsonArray, field, name);
    }

    internal static bool IsDirective(string name) => name.Length > 1 && name[0] == '$'
        && (name is PatchDirective or RetainKeys || name.StartsWith(DeletePrefix, StringComparison.Ordinal)
            || name.StartsWith(OrderPrefix, StringComparison.Ordinal));

    internal static JsonObject Without(JsonObject map, string name)
    {
        JsonObject copy = map.DeepClone().AsObject();
        copy.Remove(name);
        return copy;
    }
}
