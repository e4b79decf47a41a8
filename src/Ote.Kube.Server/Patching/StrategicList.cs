using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Patching;

/// <summary>The list half of a strategic merge patch: elements told apart by their merge key, or by their value when scalar.</summary>
internal static class StrategicList
{
    /// <summary>More elements than any list that is merged has.</summary>
    private const int MaxElements = 20_000;

    /// <summary>A new list: what was there, changed as the patch says, in the order that the patch asks for or else lists its elements in.</summary>
    public static JsonArray Merge(JsonArray before, JsonArray patch, JsonArray? order, SchemaNode field, string name)
    {
        if (before.Count + patch.Count + (order?.Count ?? 0) > MaxElements)
            throw new PatchException(PatchFailure.TooLarge, $"the list {name} and its patch have more than {MaxElements} elements");
        bool scalars = field.Items?.Type is not (SchemaType.Object or SchemaType.Any) || field.PatchMergeKey is null;
        if (scalars)
        {
            JsonArray union = [.. before.Select(v => v?.DeepClone())];
            HashSet<JsonNode?> there = new(before, ScalarComparer.Instance);
            foreach (JsonNode? value in patch)
            {
                if (value is JsonObject or JsonArray)
                    throw NoKey(field, name, value);
                if (there.Add(value))
                    union.Add(value?.DeepClone());
            }
            return Arrange(before, union, order ?? patch, v => v.Scalar());
        }
        string key = field.PatchMergeKey!;
        JsonArray merged = MergeObjects(before, patch, field, key, name);
        return Arrange(before, merged, order ?? patch, v => v.At(key).Scalar());
    }

    /// <summary>A copy of a list that is taken as a whole: elements that only carry directives are dropped.</summary>
    public static JsonArray WithoutDirectives(JsonArray list)
    {
        JsonArray copy = [];
        foreach (JsonNode? element in list)
        {
            if (element is JsonObject map && map.Count == 1 && map.ContainsKey("$patch"))
                continue;
            copy.Add(element is JsonObject inner ? StrategicMergePatch.MergeMap([], inner, null) : element?.DeepClone());
        }
        return copy;
    }

    private static JsonArray MergeObjects(JsonArray before, JsonArray patch, SchemaNode field, string key, string name)
    {
        bool replace = patch.Any(p => p.TextAt("$patch") == "replace");
        List<JsonNode?> result = replace ? [] : [.. before.Select(v => v?.DeepClone())];
        Dictionary<string, List<int>> places = new(StringComparer.Ordinal);
        for (int i = 0; i < result.Count; i++)
            Note(places, result[i].At(key).Scalar(), i);
        HashSet<int> gone = [];
        foreach (JsonNode? element in patch)
        {
            JsonObject change = element as JsonObject
                ?? throw new PatchException(PatchFailure.Malformed, $"the patch of the list {name} holds something that is not an object");
            string? directive = change.TextAt("$patch");
            if (directive == "replace" && !change.ContainsKey(key))
                continue;
            string wanted = change[key].Scalar() ?? throw NoKey(field, name, change);
            bool there = places.TryGetValue(wanted, out List<int>? at);
            if (directive == "delete")
            {
                gone.UnionWith(at ?? []);
                places.Remove(wanted);
            }
            else if (there)
            {
                result[at![0]] = StrategicMergePatch.MergeMap((JsonObject)result[at[0]]!, change, field.Items);
            }
            else
            {
                Note(places, wanted, result.Count);
                result.Add(StrategicMergePatch.MergeMap([], change, field.Items));
            }
        }
        return [.. result.Where((_, i) => !gone.Contains(i))];
    }

    private static void Note(Dictionary<string, List<int>> places, string? key, int at)
    {
        if (key is null)
            return;
        if (places.TryGetValue(key, out List<int>? all))
            all.Add(at);
        else
            places[key] = [at];
    }

    /// <summary>
    /// The elements that the order names stand in that order; those it does not name (the server's own) keep their place among them: each goes
    /// before the first named one that it stood before. New elements thus come before the server's, as clients of the real server see it.
    /// </summary>
    private static JsonArray Arrange(JsonArray before, JsonArray merged, JsonArray order, Func<JsonNode?, string?> keyOf)
    {
        Dictionary<string, int> wanted = Positions(order, v => v is JsonObject ? keyOf(v) : v.Scalar());
        Dictionary<string, int> was = Positions(before, keyOf);
        List<JsonNode?> named = [], own = [];
        foreach (JsonNode? element in merged.ToList())
        {
            bool isNamed = keyOf(element) is { } k && wanted.ContainsKey(k);
            (isNamed ? named : own).Add(element);
        }
        named = [.. named.OrderBy(e => wanted[keyOf(e)!])];
        List<JsonNode?> arranged = new(merged.Count);
        int next = 0;
        foreach (JsonNode? element in named)
        {
            while (next < own.Count && Before(own[next], element))
                arranged.Add(own[next++]);
            arranged.Add(element);
        }
        arranged.AddRange(own.Skip(next));
        return [.. arranged.Select(a => a?.DeepClone())];

        bool Before(JsonNode? left, JsonNode? right) =>
            was.TryGetValue(keyOf(left) ?? "", out int l) && was.TryGetValue(keyOf(right) ?? "", out int r) && l < r;
    }

    private static Dictionary<string, int> Positions(JsonArray list, Func<JsonNode?, string?> keyOf)
    {
        Dictionary<string, int> positions = new(StringComparer.Ordinal);
        for (int i = 0; i < list.Count; i++)
        {
            if (keyOf(list[i]) is { } key)
                positions.TryAdd(key, i);
        }
        return positions;
    }

    private static PatchException NoKey(SchemaNode field, string name, JsonNode? element) => field.PatchMergeKey is { } key
        ? new(PatchFailure.Malformed, $"map: {element?.ToJsonString()} does not contain declared merge key: {key}")
        : new(PatchFailure.Malformed, $"invalid patch format of primitive list: {name} must hold scalars");
}
