using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Defaults;

/// <summary>
/// Takes nulls, and lists and maps without an element, out of a built-in object: to the real server they are absent fields, and what it stores
/// has none. Lists that must be there stay, as do values about which the schema knows nothing.
/// </summary>
internal static class NullSweep
{
    public static void Sweep(JsonNode? node, SchemaNode schema)
    {
        switch (node)
        {
            case JsonObject map:
                List<string>? nulls = null;
                foreach ((string name, JsonNode? value) in map)
                {
                    if (schema.Field(name) is not { } field)
                        continue;
                    if (value is JsonObject or JsonArray)
                        Sweep(value, field);
                    if (value is null || IsNothing(value, field, schema.Required.Contains(name)))
                        (nulls ??= []).Add(name);
                }
                foreach (string name in nulls ?? [])
                {
                    // A null in a map of texts is the empty text; a null field is no field.
                    if (!schema.Properties.ContainsKey(name) && schema.AdditionalProperties?.Type == SchemaType.String)
                        map[name] = "";
                    else
                        map.Remove(name);
                }
                break;
            case JsonArray list when schema.Items is { } items:
                foreach (JsonNode? element in list)
                    Sweep(element, items);
                break;
        }
    }

    /// <summary>A map here is what has keys of the writer's choice; an object with named fields says something even when it is empty.</summary>
    private static bool IsNothing(JsonNode value, SchemaNode schema, bool required) => !required && value switch
    {
        JsonArray list => list.Count == 0 && schema.Items is not null,
        JsonObject map => map.Count == 0 && schema.AdditionalProperties is not null && schema.Properties.Count == 0,
        _ => false,
    };
}
