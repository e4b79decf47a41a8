using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema;

/// <summary>Turns a definition of the bundled data into a <see cref="SchemaNode"/>. References stay unread until they are followed.</summary>
internal static class DefinitionReader
{
    private const string ReferencePrefix = "#/definitions/";
    private const string Quantity = "io.k8s.apimachinery.pkg.api.resource.Quantity";

    public static SchemaNode Read(string name, JsonObject definition, SchemaData data) => Read(definition, data, name);

    private static SchemaNode Read(JsonObject schema, SchemaData data, string? name = null)
    {
        if (schema["$ref"] is JsonValue reference)
        {
            string target = reference.GetValue<string>()[ReferencePrefix.Length..];
            return new SchemaNode(() => data.Node(target))
            {
                PatchMergeKey = (string?)schema["x-kubernetes-patch-merge-key"],
                PatchStrategy = Strategy((string?)schema["x-kubernetes-patch-strategy"]),
                AtomicMap = (string?)schema["x-kubernetes-map-type"] == "atomic",
            };
        }
        SchemaType type = TypeOf((string?)schema["type"]);
        string? format = (string?)schema["format"];
        bool intOrString = format == "int-or-string";
        JsonObject? properties = schema["properties"] as JsonObject;
        JsonObject? additional = schema["additionalProperties"] as JsonObject;
        return new SchemaNode
        {
            Name = name,
            Type = intOrString ? SchemaType.Any : type,
            Format = format,
            IntOrString = intOrString,
            AcceptsNumberAsString = name == Quantity,
            PreserveUnknownFields = (type is SchemaType.Any or SchemaType.Object) && properties is null && additional is null && !intOrString,
            Properties = properties is null
                ? new Dictionary<string, SchemaNode>()
                : properties.ToDictionary(p => p.Key, p => Read(p.Value!.AsObject(), data), StringComparer.Ordinal),
            Required = Texts(schema["required"]),
            Items = schema["items"] is JsonObject items ? Read(items, data) : null,
            AdditionalProperties = additional is null ? null : Read(additional, data),
            ListType = (string?)schema["x-kubernetes-list-type"] switch { "map" => ListType.Map, "set" => ListType.Set, _ => ListType.Atomic },
            MapKeys = Texts(schema["x-kubernetes-list-map-keys"]),
            AtomicMap = (string?)schema["x-kubernetes-map-type"] == "atomic",
            PatchMergeKey = (string?)schema["x-kubernetes-patch-merge-key"],
            PatchStrategy = Strategy((string?)schema["x-kubernetes-patch-strategy"]),
            Enum = schema["enum"] is JsonArray values ? [.. values.Select(v => v?.DeepClone())] : [],
        };
    }

    public static SchemaType TypeOf(string? text) => text switch
    {
        "object" => SchemaType.Object,
        "array" => SchemaType.Array,
        "string" => SchemaType.String,
        "integer" => SchemaType.Integer,
        "number" => SchemaType.Number,
        "boolean" => SchemaType.Boolean,
        _ => SchemaType.Any,
    };

    private static PatchStrategy Strategy(string? text)
    {
        PatchStrategy strategy = PatchStrategy.None;
        foreach (string part in text?.Split(',') ?? [])
        {
            strategy |= part switch
            {
                "merge" => PatchStrategy.Merge,
                "replace" => PatchStrategy.Replace,
                "retainKeys" => PatchStrategy.RetainKeys,
                _ => PatchStrategy.None,
            };
        }
        return strategy;
    }

    private static string[] Texts(JsonNode? node) => node is JsonArray array ? [.. array.Select(v => v!.GetValue<string>())] : [];
}
