using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Validation;

/// <summary>Takes fields that the schema does not know out of an object and says which they were.</summary>
internal static class Pruner
{
    /// <summary>More paths than a user will read; the fields beyond are removed all the same.</summary>
    private const int MaxReported = 100;

    public static List<string> Prune(JsonObject obj, SchemaNode schema)
    {
        List<string> removed = [];
        if (HasUnknown(obj, schema))
            Prune(obj, schema, FieldPath.Root, removed);
        return removed;
    }

    /// <summary>Whether the schema says anything about the fields of an object in its place.</summary>
    public static bool HasFields(SchemaNode schema) => schema.Type is SchemaType.Object or SchemaType.Any || schema.Properties.Count > 0;

    private static bool HasUnknown(JsonNode? node, SchemaNode schema)
    {
        switch (node)
        {
            case JsonObject map when HasFields(schema):
                foreach ((string name, JsonNode? value) in map)
                {
                    if (schema.Field(name) is { } field ? value is JsonObject or JsonArray && HasUnknown(value, field) : !schema.PreserveUnknownFields)
                        return true;
                }
                return false;
            case JsonArray list when schema.Items is { } items:
                foreach (JsonNode? element in list)
                {
                    if (HasUnknown(element, items))
                        return true;
                }
                return false;
            default:
                return false;
        }
    }

    private static void Prune(JsonNode? node, SchemaNode schema, string path, List<string> removed)
    {
        switch (node)
        {
            case JsonObject map when HasFields(schema):
                PruneMap(map, schema, path, removed);
                break;
            case JsonArray list when schema.Items is { } items:
                for (int i = 0; i < list.Count; i++)
                    Prune(list[i], items, FieldPath.Element(path, i)!, removed);
                break;
        }
    }

    private static void PruneMap(JsonObject map, SchemaNode schema, string path, List<string> removed)
    {
        List<string>? unknown = null;
        foreach ((string name, JsonNode? value) in map)
        {
            if (schema.Field(name) is { } field)
            {
                if (value is JsonObject or JsonArray)
                    Prune(value, field, FieldPath.Field(path, name)!, removed);
            }
            else if (!schema.PreserveUnknownFields)
                (unknown ??= []).Add(name);
        }
        foreach (string name in unknown ?? [])
        {
            map.Remove(name);
            if (removed.Count < MaxReported)
                removed.Add(FieldPath.Field(path, name)!);
        }
    }
}
