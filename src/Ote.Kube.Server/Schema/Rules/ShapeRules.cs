using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Rules;

/// <summary>What the schema data alone says of a built-in object: enumerations and required fields.</summary>
internal static class ShapeRules
{
    public static void Check(JsonObject obj, SchemaNode schema, Faults faults)
    {
        Faults any = new();
        CheckObject(obj, schema, null, any);
        if (any.Errors.Count > 0)
            CheckObject(obj, schema, FieldPath.Root, faults);
    }

    private static void CheckObject(JsonObject obj, SchemaNode schema, string? root, Faults faults)
    {
        foreach ((string name, JsonNode? value) in obj)
        {
            // Status is written by controllers and the real server takes what they write; metadata has rules of its own.
            if (name is not ("status" or "metadata") && value is not null && schema.Field(name) is { } field)
                Check(value, field, FieldPath.Field(root, name), faults);
        }
        Required(obj, schema, root, faults);
    }

    private static void Check(JsonNode? value, SchemaNode schema, string? path, Faults faults)
    {
        switch (value)
        {
            case JsonObject map:
                Required(map, schema, path, faults);
                foreach ((string name, JsonNode? inner) in map)
                {
                    if (inner is not null && schema.Field(name) is { } field && !(name == "metadata" && field.Name?.EndsWith("ObjectMeta", StringComparison.Ordinal) == true))
                        Check(inner, field, FieldPath.Field(path, name), faults);
                }
                break;
            case JsonArray list when schema.Items is { } items:
                for (int i = 0; i < list.Count; i++)
                    Check(list[i], items, FieldPath.Element(path, i), faults);
                break;
            case JsonValue when schema.Enum.Count > 0 && value.Text() is { Length: > 0 } text && !schema.Enum.Any(e => e.Text() == text):
                faults.Add(FieldError.NotSupported(path ?? FieldPath.Root, value, schema.Enum.Select(e => e.Text()!).Where(e => e.Length > 0).Order(StringComparer.Ordinal)));
                break;
        }
    }

    /// <summary>
    /// Texts and objects only. An absent number, flag or list is Go's zero, which the data also marks as required although the real server takes
    /// it; where it does not, the rules of the kind say so.
    /// </summary>
    private static void Required(JsonObject map, SchemaNode schema, string? path, Faults faults)
    {
        foreach (string name in schema.Required)
        {
            if (name == "metadata" || schema.Field(name) is not { } field)
                continue;
            bool missing = field.Type switch
            {
                SchemaType.String => map[name] is null || map[name].Text() is { Length: 0 },
                SchemaType.Object => map[name] is null,
                _ => false,
            };
            if (missing)
                faults.Required(FieldPath.Field(path, name) ?? name);
        }
    }
}
