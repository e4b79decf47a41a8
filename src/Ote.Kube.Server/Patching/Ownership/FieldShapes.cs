using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Patching.Ownership;

/// <summary>How the fields of a value are owned.</summary>
internal enum Shape
{
    /// <summary>The value is owned as a whole: scalars, nulls, atomic lists and maps.</summary>
    Leaf,
    /// <summary>Each field has its own owners.</summary>
    Map,
    /// <summary>A list whose elements are told apart by keys.</summary>
    Keyed,
    /// <summary>A list of scalars, each at most once.</summary>
    Set,
}

/// <summary>Reads out of a kind's schema how values are owned. Immutable.</summary>
/// <param name="custom">
/// Whether the kind is a custom one: what its schema does not describe, but keeps, is owned map by map as it comes. Built-in kinds own such values as a whole.
/// </param>
internal sealed class FieldShapes(bool custom)
{
    public Shape Of(SchemaNode? schema, JsonNode? value) => value switch
    {
        JsonObject when schema is not null && !schema.AtomicMap && IsMap(schema) => Shape.Map,
        JsonArray when schema?.ListType == ListType.Map => Shape.Keyed,
        JsonArray when schema?.ListType == ListType.Set => Shape.Set,
        _ => Shape.Leaf,
    };

    /// <summary>The schema of a map's field; null when it is owned as a whole whatever it is.</summary>
    public SchemaNode? Below(SchemaNode? schema, string name) =>
        schema?.Field(name) ?? (custom && schema?.PreserveUnknownFields == true ? SchemaNode.Anything : null);

    /// <summary>Whether a list or map of this schema is owned as a whole.</summary>
    public static bool IsAtomic(SchemaNode schema) => schema.AtomicMap || (schema.Type == SchemaType.Array && schema.ListType == ListType.Atomic);

    /// <summary>Whether the schema says nothing of what is in the value.</summary>
    public static bool IsFree(SchemaNode schema) => schema.PreserveUnknownFields && schema.Properties.Count == 0;

    /// <summary>The step to a list's element; null when its keys do not tell it from others.</summary>
    public PathElement? Element(SchemaNode list, JsonNode? element)
    {
        if (list.ListType == ListType.Set)
            return PathElement.Value(element);
        if (element is not JsonObject map)
            return null;
        List<(string, JsonNode?)> keys = new(list.MapKeys.Count);
        foreach (string name in list.MapKeys)
        {
            if ((map[name] ?? KeyDefault(list, name)) is { } value)
                keys.Add((name, value));
        }
        if (keys.Count > 1)
            keys.Sort(static (a, b) => string.CompareOrdinal(a.Item1, b.Item1));
        return keys.Count == 0 ? null : PathElement.Key(keys);
    }

    /// <summary>Whether a key may be left out: custom kinds say so by a default, built-in ones are complete with Go's zero values.</summary>
    public JsonNode? KeyDefault(SchemaNode list, string name)
    {
        SchemaNode? key = list.Items?.Field(name);
        if (key?.Default is { } given)
            return given;
        if (custom || key is null)
            return null;
        // A port's protocol is the one key of built-in kinds whose default is no zero.
        return name == "protocol" ? "TCP" : key.Type == SchemaType.Integer ? 0 : key.Type == SchemaType.String ? "" : null;
    }

    private bool IsMap(SchemaNode schema) => schema.Properties.Count > 0 || schema.AdditionalProperties is not null
        || (schema.PreserveUnknownFields ? custom : schema.Type == SchemaType.Object);
}
