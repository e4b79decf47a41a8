using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Patching;

/// <summary>JSON patch (RFC 6902): add, remove, replace, move, copy and test, all or nothing. Pure.</summary>
public static class JsonPatch
{
    /// <summary>The most operations one patch may have, as in the real server.</summary>
    public const int MaxOperations = 10_000;

    /// <summary>How many nodes all copies of one patch may make together: copies of copies grow without bound otherwise.</summary>
    private const int MaxCopiedNodes = 100_000;

    /// <summary>The document with the patch applied. Neither argument is changed.</summary>
    /// <exception cref="PatchException">An operation is malformed, leads nowhere, or a test failed.</exception>
    public static JsonNode? Apply(JsonNode? doc, JsonArray patch)
    {
        ArgumentNullException.ThrowIfNull(patch);
        if (patch.Count > MaxOperations)
            throw new PatchException(PatchFailure.TooLarge, $"The allowed maximum operations in a JSON patch is {MaxOperations}, got {patch.Count}");
        JsonNode? result = doc?.DeepClone();
        int copied = 0;
        for (int i = 0; i < patch.Count; i++)
        {
            if (patch[i] is not JsonObject operation)
                throw new PatchException(PatchFailure.Malformed, $"operation {i} of the JSON patch is not an object");
            result = Apply(result, operation, i, ref copied);
        }
        return result;
    }

    private static JsonNode? Apply(JsonNode? doc, JsonObject operation, int number, ref int copied)
    {
        string op = operation.TextAt("op") ?? throw Malformed(number, "has no \"op\"");
        JsonPointer path = JsonPointer.Parse(operation.TextAt("path") ?? throw Malformed(number, "has no \"path\""));
        switch (op)
        {
            case "add":
                return Add(doc, path, Value(operation, number));
            case "replace":
                return Replace(doc, path, Value(operation, number));
            case "remove":
                return Remove(doc, path);
            case "test":
                Test(doc, path, operation);
                return doc;
            case "copy":
                JsonNode? copy = From(operation, number).Find(doc)?.DeepClone();
                copied += Count(copy);
                if (copied > MaxCopiedNodes)
                    throw new PatchException(PatchFailure.TooLarge, $"the copies of the JSON patch make more than {MaxCopiedNodes} values");
                return Add(doc, path, copy);
            case "move":
                JsonPointer from = From(operation, number);
                if (from.Contains(path))
                    throw Malformed(number, $"moves {from.Text} into itself");
                JsonNode? moved = from.Find(doc)?.DeepClone();
                return Add(Remove(doc, from), path, moved);
            default:
                throw Malformed(number, $"has an unknown \"op\": {op}");
        }
    }

    private static JsonNode? Add(JsonNode? doc, JsonPointer path, JsonNode? value)
    {
        if (path.IsRoot)
            return value;
        JsonNode parent = path.Parent(doc);
        if (parent is JsonArray list)
            list.Insert(path.Index(path.Last, list.Count, adding: true), value);
        else
            parent.AsObject()[path.Last] = value;
        return doc;
    }

    private static JsonNode? Replace(JsonNode? doc, JsonPointer path, JsonNode? value)
    {
        if (path.IsRoot)
            return value;
        JsonNode parent = path.Parent(doc);
        if (parent is JsonArray list)
            list[path.Index(path.Last, list.Count, adding: false)] = value;
        else
            parent.AsObject()[path.Last] = value; // A field that is not there too, as the real server does: kubectl's rollback relies on it.
        return doc;
    }

    private static JsonNode? Remove(JsonNode? doc, JsonPointer path)
    {
        if (path.IsRoot)
            return null;
        JsonNode parent = path.Parent(doc);
        if (parent is JsonArray list)
            list.RemoveAt(path.Index(path.Last, list.Count, adding: false));
        else if (!parent.AsObject().Remove(path.Last))
            throw path.Missing();
        return doc;
    }

    private static void Test(JsonNode? doc, JsonPointer path, JsonObject operation)
    {
        JsonNode? actual;
        try
        {
            actual = path.Find(doc);
        }
        catch (PatchException missing)
        {
            throw new PatchException(PatchFailure.TestFailed, $"testing path {path.Text}: {missing.Message}");
        }
        if (!JsonNode.DeepEquals(actual, operation["value"]))
            throw new PatchException(PatchFailure.TestFailed, $"testing value {path.Text} failed");
    }

    private static JsonPointer From(JsonObject operation, int number) =>
        JsonPointer.Parse(operation.TextAt("from") ?? throw Malformed(number, "has no \"from\""));

    private static JsonNode? Value(JsonObject operation, int number) =>
        operation.TryGetPropertyValue("value", out JsonNode? value) ? value?.DeepClone() : throw Malformed(number, "has no \"value\"");

    private static int Count(JsonNode? node) => node switch
    {
        JsonObject map => 1 + map.Sum(p => Count(p.Value)),
        JsonArray list => 1 + list.Sum(Count),
        _ => 1,
    };

    private static PatchException Malformed(int number, string what) => new(PatchFailure.Malformed, $"operation {number} of the JSON patch {what}");
}
