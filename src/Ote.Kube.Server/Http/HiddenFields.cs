using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Http;

/// <summary>
/// The fields of a kind that are not shown here and are there at its cluster. Whoever writes what was shown here leaves them out without meaning to; this tells which of them a write would take away.
/// What a write names by itself, or takes away by name, is meant. Pure.
/// </summary>
internal sealed class HiddenFields
{
    private const string EachItem = "*";
    private readonly (string Text, string[] Steps)[] _fields;

    /// <summary>Takes the fields.</summary>
    /// <param name="fields">Property names with dots between; <c>[]</c> behind one means each item of a list.</param>
    public HiddenFields(IEnumerable<string> fields) =>
        _fields = [.. fields.Select(f => (f, f.Replace("[]", "." + EachItem, StringComparison.Ordinal).Split('.')))];

    /// <summary>Whether there are any.</summary>
    public bool Any => _fields.Length > 0;

    /// <summary>What a JSON merge patch would take away: lists go whole, with what is in them or was. Null: nothing.</summary>
    public string? LostByMerge(JsonObject patch) => First(steps => ByMerge(patch, steps));

    /// <summary>What a strategic merge patch would take away: where it replaces, and where the kind's lists are replaced. Null: nothing.</summary>
    public string? LostByStrategicMerge(JsonObject patch, SchemaNode schema) => First(steps => ByStrategicMerge(patch, steps, schema));

    /// <summary>What a JSON patch would take away: what it puts in the place of something goes whole. Null: nothing.</summary>
    public string? LostByJsonPatch(JsonArray operations) => First(steps => operations.OfType<JsonObject>().Any(o => ByOperation(o, steps)));

    /// <summary>What would go as a subresource is replaced. Null: nothing.</summary>
    public string? LostByReplace(string subresource) => First(steps => (steps[0] == "status") == (subresource == "status"));

    /// <summary>
    /// What a server-side apply would take away: what its manager has applied before and leaves out now goes. Null: nothing.
    /// </summary>
    /// <param name="applied">The configuration.</param>
    /// <param name="owned">The <c>fieldsV1</c> of what the manager has applied.</param>
    public string? LostByApply(JsonObject applied, JsonObject owned) => First(steps => ByApply(applied, owned, steps));

    private string? First(Func<string[], bool> isLost) => _fields.FirstOrDefault(f => isLost(f.Steps)).Text;

    /// <summary>One thing, of which nobody thinks to keep a part: whoever writes it says all of it.</summary>
    private static bool IsOneThing(string field) => field is "command" or "args" || field.EndsWith("Probe", StringComparison.Ordinal);

    private static bool ByMerge(JsonObject patch, ReadOnlySpan<string> steps)
    {
        JsonNode? at = patch;
        foreach (var step in steps)
        {
            if (at is not JsonObject map || !map.TryGetPropertyValue(step, out at))
            {
                return false;
            }

            if (at is JsonArray)
            {
                return true;
            }
        }

        return false;
    }

    private static bool ByStrategicMerge(JsonNode? patch, ReadOnlySpan<string> steps, SchemaNode? schema)
    {
        if (steps[0] == EachItem)
        {
            foreach (var item in patch as JsonArray ?? [])
            {
                if (item.Text("$patch") == "replace" || ByStrategicMerge(item, steps[1..], schema?.Items))
                {
                    return true; // of an item in the list it means the list
                }
            }

            return false;
        }

        if (patch is not JsonObject map || map.Text("$patch") == "delete")
        {
            return false;
        }

        var step = steps[0];
        if (map.Text("$patch") == "replace" || (map["$retainKeys"] is JsonArray kept && kept.All(k => k?.ToString() != step)))
        {
            return true;
        }

        var field = schema?.Field(step);
        var value = map[step];
        return steps.Length > 1
            ? ByStrategicMerge(value, steps[1..], field)
            : !IsOneThing(step) && ((value is JsonArray && field?.PatchStrategy.HasFlag(PatchStrategy.Merge) != true) || value.Text("$patch") == "replace" || IsReplaced(value));
    }

    private static bool IsReplaced(JsonNode? list) => (list as JsonArray ?? []).Any(item => item.Text("$patch") == "replace");

    private static bool ByOperation(JsonObject operation, string[] steps)
    {
        var kind = operation.Text("op");
        if (kind is not ("add" or "replace" or "copy" or "move") || operation.Text("path") is not { } path)
        {
            return false;
        }

        var target = path.Split('/').Skip(1).Select(s => s.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)).ToArray();
        if (target.Length > steps.Length || target.Where((step, i) => steps[i] != EachItem && steps[i] != step).Any())
        {
            return false;
        }

        if (target.Length == steps.Length)
        {
            return !IsOneThing(steps[^1]) && (kind is "copy" or "move" || operation["value"] is JsonArray or JsonObject);
        }

        return target.Length == 0 || steps[target.Length - 1] != EachItem || kind == "replace"; // another item is put in beside the others
    }

    private static bool ByApply(JsonNode? applied, JsonObject owned, ReadOnlySpan<string> steps)
    {
        if (steps[0] == EachItem)
        {
            foreach (var (key, below) in owned)
            {
                if (key.StartsWith("k:", StringComparison.Ordinal) && below is JsonObject fields && Item(applied, key[2..]) is { } item && ByApply(item, fields, steps[1..]))
                {
                    return true;
                }
            }

            return false; // an item that is left out is shown, and meant to go
        }

        return owned["f:" + steps[0]] is JsonObject there
            && (applied is JsonObject map && map[steps[0]] is { } value ? steps.Length > 1 && ByApply(value, there, steps[1..]) : steps.Length == 1);
    }

    /// <summary>The item of a list that has these values of its keys, with a default of the kind where it has none.</summary>
    private static JsonNode? Item(JsonNode? list, string keys)
    {
        var wanted = (JsonNode.Parse(keys) as JsonObject)?.Select(k => (k.Key, Value: k.Value)).ToArray() ?? [];
        return (list as JsonArray ?? []).FirstOrDefault(item => wanted.All(w => item is JsonObject map && (map[w.Key] is not { } value || JsonNode.DeepEquals(value, w.Value))));
    }
}
