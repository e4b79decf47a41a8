using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Defaults;

/// <summary>
/// Takes nulls out of a built-in object: to the real server a null field is an absent one, and what it stores has none. Values about which the
/// schema knows nothing stay as they are.
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
                    if (value is null)
                        (nulls ??= []).Add(name);
                    else if (value is JsonObject or JsonArray)
                        Sweep(value, field);
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
}
