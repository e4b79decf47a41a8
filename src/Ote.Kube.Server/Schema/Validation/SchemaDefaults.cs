using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Validation;

/// <summary>Fills the defaults that a custom resource's schema states.</summary>
internal static class SchemaDefaults
{
    public static void Fill(JsonNode? node, SchemaNode schema)
    {
        switch (node)
        {
            case JsonObject map:
                foreach ((string name, SchemaNode field) in schema.Properties)
                {
                    bool present = map.TryGetPropertyValue(name, out JsonNode? value);
                    // A null where null is no value of its own counts as absent.
                    if (field.HasDefault && (!present || (value is null && !field.Nullable)))
                        map[name] = field.Default?.DeepClone();
                }
                // Where there is no default either, as if it were not there.
                foreach (string name in map.Where(f => f.Value is null && schema.Field(f.Key) is { Nullable: false }).Select(f => f.Key).ToArray())
                    map.Remove(name);
                foreach ((string name, JsonNode? value) in map)
                {
                    if (value is JsonObject or JsonArray && schema.Field(name) is { } field)
                        Fill(value, field);
                }
                break;
            case JsonArray list when schema.Items is { } items:
                foreach (JsonNode? element in list)
                    Fill(element, items);
                break;
        }
    }
}
