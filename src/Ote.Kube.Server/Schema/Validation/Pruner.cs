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
        Prune(obj, schema, "", removed);
        return removed;
    }

    private static void Prune(JsonNode? node, SchemaNode schema, string path, List<string> removed)
    {
        switch (node)
        {
            case JsonObject map when schema.Type is SchemaType.Object or SchemaType.Any || schema.Properties.Count > 0:
                PruneMap(map, schema, path, removed);
                break;
            case JsonArray list when schema.Items is { } items:
                for (int i = 0; i < list.Count; i++)
                    Prune(list[i], items, $"{path}[{i}]", removed);
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
                    Prune(value, field, Join(path, name), removed);
            }
            else if (!schema.PreserveUnknownFields)
                (unknown ??= []).Add(name);
        }
        foreach (string name in unknown ?? [])
        {
            map.Remove(name);
            if (removed.Count < MaxReported)
                removed.Add(Join(path, name));
        }
    }

    private static string Join(string path, string name) => path.Length == 0 ? name : path + "." + name;
}
