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

    /// <summary>How many characters of text all copies of one patch may make together, as in the real server.</summary>
    private const int MaxCopiedCharacters = 3 * 1024 * 1024;

    /// <summary>How many elements and fields all operations of one patch may push aside: what goes or comes at the front moves all that stands behind it.</summary>
    private const long MaxMoved = 100_000_000;

    /// <summary>The document with the patch applied. Neither argument is changed.</summary>
    /// <exception cref="PatchException">An operation is malformed, leads nowhere, or a test failed.</exception>
    public static JsonNode? Apply(JsonNode? doc, JsonArray patch)
    {
        ArgumentNullException.ThrowIfNull(patch);
        if (patch.Count > MaxOperations)
            throw new PatchException(PatchFailure.TooLarge, $"The allowed maximum operations in a JSON patch is {MaxOperations}, got {patch.Count}");
        JsonNode? result = doc?.DeepClone();
        Spent spent = new();
        for (int i = 0; i < patch.Count; i++)
        {
            if (patch[i] is not JsonObject operation)
                throw new PatchException(PatchFailure.Malformed, $"operation {i} of the JSON patch is not an object");
            result = Apply(result, operation, i, spent);
        }
        return result;
    }

    private static JsonNode? Apply(JsonNode? doc, JsonObject operation, int number, Spent spent)
    {
        string op = operation.TextAt("op") ?? throw Malformed(number, "has no \"op\"");
        JsonPointer path = JsonPointer.Parse(operation.TextAt("path") ?? throw Malformed(number, "has no \"path\""));
        switch (op)
        {
            case "add":
                return Add(doc, path, Value(operation, number), spent);
            case "replace":
                return Replace(doc, path, Value(operation, number));
            case "remove":
                return Remove(doc, path, spent);
            case "test":
                Test(doc, path, operation);
                return doc;
            case "copy":
                JsonNode? copy = From(operation, number).Find(doc)?.DeepClone();
                spent.Copy(copy);
                return Add(doc, path, copy, spent);
            case "move":
                JsonPointer from = From(operation, number);
                if (from.Contains(path))
                    throw Malformed(number, $"moves {from.Text} into itself");
                JsonNode? moved = from.Find(doc);
                return Add(Remove(doc, from, spent), path, moved, spent);
            default:
                throw Malformed(number, $"has an unknown \"op\": {op}");
        }
    }

    private static JsonNode? Add(JsonNode? doc, JsonPointer path, JsonNode? value, Spent spent)
    {
        if (path.IsRoot)
            return value;
        JsonNode parent = path.Parent(doc);
        if (parent is JsonArray list)
        {
            int index = path.Index(path.Last, list.Count, adding: true);
            spent.Move(list.Count - index);
            list.Insert(index, value);
        }
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

    private static JsonNode? Remove(JsonNode? doc, JsonPointer path, Spent spent)
    {
        if (path.IsRoot)
            return null;
        JsonNode parent = path.Parent(doc);
        spent.Move(parent is JsonArray elements ? elements.Count : parent.AsObject().Count);
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

    private static PatchException Malformed(int number, string what) => new(PatchFailure.Malformed, $"operation {number} of the JSON patch {what}");

    /// <summary>What the operations of one patch have cost so far.</summary>
    private sealed class Spent
    {
        private int _nodes;
        private long _characters;
        private long _moved;

        public void Copy(JsonNode? copy)
        {
            Count(copy);
            if (_nodes > MaxCopiedNodes || _characters > MaxCopiedCharacters)
                throw new PatchException(PatchFailure.TooLarge, $"the copies of the JSON patch make more than {MaxCopiedNodes} values or {MaxCopiedCharacters} characters");
        }

        public void Move(int others)
        {
            _moved += others;
            if (_moved > MaxMoved)
                throw new PatchException(PatchFailure.TooLarge, "the JSON patch changes the front of large lists or objects too often; send the whole list in one operation");
        }

        private void Count(JsonNode? node)
        {
            _nodes++;
            switch (node)
            {
                case JsonObject map:
                    foreach ((string name, JsonNode? value) in map)
                    {
                        _characters += name.Length;
                        Count(value);
                    }
                    break;
                case JsonArray list:
                    foreach (JsonNode? element in list)
                        Count(element);
                    break;
                default:
                    _characters += node.Scalar()?.Length ?? 0;
                    break;
            }
        }
    }
}
