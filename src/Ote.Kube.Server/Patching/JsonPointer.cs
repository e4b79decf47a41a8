using System.Globalization;
using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Patching;

/// <summary>A JSON pointer (RFC 6901) taken apart.</summary>
internal readonly struct JsonPointer
{
    private readonly string[] _parts;

    private JsonPointer(string text, string[] parts)
    {
        Text = text;
        _parts = parts;
    }

    public string Text { get; }

    public bool IsRoot => _parts.Length == 0;

    public string Last => _parts[^1];

    public static JsonPointer Parse(string text)
    {
        if (text.Length == 0)
            return new JsonPointer(text, []);
        if (text[0] != '/')
            throw new PatchException(PatchFailure.Malformed, $"JSON pointer \"{text}\" must be empty or begin with '/'");
        string[] parts = text[1..].Split('/');
        for (int i = 0; i < parts.Length; i++)
            parts[i] = parts[i].Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
        return new JsonPointer(text, parts);
    }

    /// <summary>Whether the other pointer leads to a place inside what this one leads to.</summary>
    public bool Contains(JsonPointer other) =>
        other._parts.Length > _parts.Length && other._parts.AsSpan(0, _parts.Length).SequenceEqual(_parts);

    /// <summary>The node that holds the last part.</summary>
    public JsonNode Parent(JsonNode? root)
    {
        JsonNode? node = root;
        for (int i = 0; i < _parts.Length - 1; i++)
            node = Step(node, _parts[i]);
        return node is JsonObject or JsonArray ? node : throw Missing();
    }

    /// <summary>The node at the end of the pointer; it may be a JSON null.</summary>
    public JsonNode? Find(JsonNode? root)
    {
        JsonNode? node = root;
        foreach (string part in _parts)
            node = Step(node, part);
        return node;
    }

    /// <summary>An index into a list; <paramref name="count"/> itself, or "-", is allowed where an element is added.</summary>
    public int Index(string part, int count, bool adding)
    {
        if (part == "-" && adding)
            return count;
        bool written = part.Length > 0 && (part.Length == 1 || part[0] != '0');
        if (!written || !int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int index))
            throw new PatchException(PatchFailure.Unprocessable, $"jsonpatch path \"{Text}\": '{part}' is not an index of a list");
        return index < count || (adding && index == count)
            ? index
            : throw new PatchException(PatchFailure.Unprocessable, $"jsonpatch path \"{Text}\": index {index} is out of the list's bounds (it has {count})");
    }

    public PatchException Missing() => new(PatchFailure.Unprocessable, $"the jsonpatch path does not exist: {Text}");

    private JsonNode? Step(JsonNode? node, string part) => node switch
    {
        JsonObject map when map.TryGetPropertyValue(part, out JsonNode? value) => value,
        JsonArray list => list[Index(part, list.Count, adding: false)],
        _ => throw Missing(),
    };
}
