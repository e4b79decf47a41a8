using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Patching;

/// <summary>
/// Server-side apply in its first form: the applied configuration is merged over the live object by list-map keys, and makes the object when
/// there is none. Nobody's ownership is recorded, so a field that an earlier configuration had and this one has not stays. Pure.
/// </summary>
public static class ApplyPatch
{
    /// <summary>The live object with the configuration applied; a copy of the configuration when there is no live object.</summary>
    /// <exception cref="PatchException">An element of a keyed list lacks a key, or occurs twice.</exception>
    public static JsonObject Apply(JsonObject? live, JsonObject applied, KindInfo kind)
    {
        ArgumentNullException.ThrowIfNull(applied);
        ArgumentNullException.ThrowIfNull(kind);
        JsonObject result = live?.DeepClone().AsObject() ?? [];
        MergeMap(result, applied, kind.Schema, "");
        return result;
    }

    private static void MergeMap(JsonObject target, JsonObject applied, SchemaNode? schema, string path)
    {
        foreach ((string name, JsonNode? value) in applied)
        {
            SchemaNode? field = schema?.Field(name);
            string at = path.Length == 0 ? "." + name : path + "." + name;
            if (value is JsonObject map && field?.AtomicMap != true)
            {
                if (target[name] is not JsonObject into)
                    target[name] = into = [];
                MergeMap(into, map, field, at);
            }
            else if (value is JsonArray list && field?.ListType is ListType.Map or ListType.Set)
            {
                JsonArray before = target[name] as JsonArray ?? [];
                target[name] = field.ListType == ListType.Map ? MergeKeyed(before, list, field, at) : MergeSet(before, list);
            }
            else
                target[name] = value?.DeepClone();
        }
    }

    private static JsonArray MergeKeyed(JsonArray before, JsonArray applied, SchemaNode field, string path)
    {
        JsonArray result = [.. before.Select(e => e?.DeepClone())];
        Dictionary<string, int> where = new(StringComparer.Ordinal);
        for (int i = 0; i < result.Count; i++)
        {
            if (result[i] is JsonObject element && Key(element, field) is { } key)
                where.TryAdd(key, i);
        }
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (JsonNode? node in applied)
        {
            if (node is not JsonObject element || Key(element, field) is not { } key)
            {
                throw new PatchException(PatchFailure.Malformed,
                    $"failed to create typed patch object: {path}: element: associative list with keys has an element that omits key field \"{field.MapKeys[0]}\"");
            }
            if (!seen.Add(key))
                throw new PatchException(PatchFailure.Malformed, $"failed to create typed patch object: {path}: duplicate entries for key [{key}]");
            if (where.TryGetValue(key, out int at))
                MergeMap((JsonObject)result[at]!, element, field.Items, path + "[" + key + "]");
            else
            {
                JsonObject fresh = [];
                MergeMap(fresh, element, field.Items, path + "[" + key + "]");
                result.Add((JsonNode)fresh);
            }
        }
        return result;
    }

    private static JsonArray MergeSet(JsonArray before, JsonArray applied)
    {
        JsonArray result = [.. before.Select(e => e?.DeepClone())];
        foreach (JsonNode? value in applied)
        {
            if (!result.Any(r => JsonNode.DeepEquals(r, value)))
                result.Add(value?.DeepClone());
        }
        return result;
    }

    /// <summary>The element's name among its siblings; null when a key is missing that has no default.</summary>
    private static string? Key(JsonObject element, SchemaNode field)
    {
        string[] parts = new string[field.MapKeys.Count];
        for (int i = 0; i < parts.Length; i++)
        {
            string name = field.MapKeys[i];
            // A port's protocol is a key with a default; ports written without it are TCP.
            string? value = element[name].Scalar() ?? field.Items?.Field(name)?.Default.Scalar() ?? (name == "protocol" ? "TCP" : null);
            // A key may be absent as long as not all are: an optional one counts as empty.
            parts[i] = $"{name}={(value is null ? "" : "\"" + value + "\"")}";
            if (value is null && parts.Length == 1)
                return null;
        }
        return string.Join(',', parts);
    }
}
