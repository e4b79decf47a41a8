using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Patching;

/// <summary>JSON merge patch (RFC 7396): objects merge, null removes, anything else replaces. Pure.</summary>
public static class MergePatch
{
    /// <summary>The document with the patch applied. Neither argument is changed and the result shares nothing with them.</summary>
    public static JsonNode? Apply(JsonNode? doc, JsonNode? patch)
    {
        if (patch is not JsonObject changes)
            return patch?.DeepClone();
        JsonObject result = doc is JsonObject map ? map.DeepClone().AsObject() : [];
        MergeInto(result, changes);
        return result;
    }

    /// <summary>The smallest patch that leads from one document to the other; an empty object when they are equal.</summary>
    /// <remarks>A merge patch cannot say that a field holds null, so objects within <paramref name="to"/> must hold none.</remarks>
    public static JsonNode? Diff(JsonNode? from, JsonNode? to)
    {
        if (from is not JsonObject before || to is not JsonObject after)
            return to?.DeepClone();
        JsonObject patch = [];
        foreach ((string name, _) in before)
        {
            if (!after.ContainsKey(name))
                patch[name] = null;
        }
        foreach ((string name, JsonNode? value) in after)
        {
            if (!before.TryGetPropertyValue(name, out JsonNode? old))
                patch[name] = value?.DeepClone();
            else if (!JsonNode.DeepEquals(old, value))
                patch[name] = Diff(old, value);
        }
        return patch;
    }

    private static void MergeInto(JsonObject target, JsonObject changes)
    {
        HashSet<string>? gone = null;
        foreach ((string name, JsonNode? change) in changes)
        {
            if (change is null)
                (gone ??= new(StringComparer.Ordinal)).Add(name);
            else if (change is not JsonObject inner)
                target[name] = change.DeepClone();
            else if (target[name] is JsonObject existing)
                MergeInto(existing, inner);
            else
            {
                // Nulls inside a new object still mean "not there".
                JsonObject fresh = [];
                MergeInto(fresh, inner);
                target[name] = fresh;
            }
        }
        Removal.Remove(target, gone);
    }
}
