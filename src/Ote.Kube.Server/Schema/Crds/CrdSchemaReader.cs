using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Ote.Kube.Server.Schema.Crds;

/// <summary>Turns the openAPIV3Schema of a custom resource into a <see cref="SchemaNode"/>.</summary>
internal static class CrdSchemaReader
{
    /// <summary>Bounds the time one pattern may take on one value: patterns come from whoever may create definitions.</summary>
    private static readonly TimeSpan s_patternTime = TimeSpan.FromMilliseconds(100);

    private const string ObjectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

    /// <summary>The schema of a whole object: apiVersion, kind and metadata are those of every object.</summary>
    public static SchemaNode ReadRoot(JsonObject schema, bool keepAll) => Read(schema, keepAll, embedded: true);

    public static SchemaNode Read(JsonObject schema, bool keepAll = false, bool embedded = false)
    {
        embedded |= schema["x-kubernetes-embedded-resource"].IsTrue();
        bool intOrString = schema["x-kubernetes-int-or-string"].IsTrue();
        Dictionary<string, SchemaNode> properties = new(StringComparer.Ordinal);
        foreach ((string name, JsonNode? property) in schema.ObjectAt("properties") ?? [])
        {
            if (property is JsonObject of)
                properties[name] = Read(of);
        }
        if (embedded)
            AddObjectFields(properties);
        JsonNode? additional = schema["additionalProperties"];
        return new SchemaNode
        {
            Type = intOrString ? SchemaType.Any : DefinitionReader.TypeOf(schema.TextAt("type")),
            Format = schema.TextAt("format"),
            Nullable = schema["nullable"].IsTrue(),
            IntOrString = intOrString,
            EmbeddedResource = embedded,
            PreserveUnknownFields = keepAll || schema["x-kubernetes-preserve-unknown-fields"].IsTrue(),
            Properties = properties,
            Required = [.. schema.TextsAt("required")],
            Items = schema["items"] is JsonObject items ? Read(items) : null,
            AdditionalProperties = additional is JsonObject values ? Read(values) : additional.IsTrue() ? SchemaNode.Anything : null,
            ListType = schema.TextAt("x-kubernetes-list-type") switch { "map" => ListType.Map, "set" => ListType.Set, _ => ListType.Atomic },
            MapKeys = [.. schema.TextsAt("x-kubernetes-list-map-keys")],
            AtomicMap = schema.TextAt("x-kubernetes-map-type") == "atomic",
            Enum = schema["enum"] is JsonArray choices ? [.. choices.Select(c => c?.DeepClone())] : [],
            HasDefault = schema["default"] is not null,
            Default = schema["default"]?.DeepClone(),
            Rules = Rules(schema),
        };
    }

    private static void AddObjectFields(Dictionary<string, SchemaNode> properties)
    {
        SchemaNode text = new() { Type = SchemaType.String };
        properties["apiVersion"] = text;
        properties["kind"] = text;
        properties["metadata"] = new SchemaNode(() => SchemaCatalog.BuiltIn.Data.Node(ObjectMeta));
    }

    private static SchemaRules? Rules(JsonObject schema)
    {
        string? pattern = schema.TextAt("pattern");
        SchemaRules rules = new()
        {
            Minimum = schema.RealAt("minimum"),
            Maximum = schema.RealAt("maximum"),
            ExclusiveMinimum = schema["exclusiveMinimum"].IsTrue(),
            ExclusiveMaximum = schema["exclusiveMaximum"].IsTrue(),
            MultipleOf = schema.RealAt("multipleOf"),
            MinLength = schema.NumberAt("minLength"),
            MaxLength = schema.NumberAt("maxLength"),
            MinItems = schema.NumberAt("minItems"),
            MaxItems = schema.NumberAt("maxItems"),
            MinProperties = schema.NumberAt("minProperties"),
            MaxProperties = schema.NumberAt("maxProperties"),
            UniqueItems = schema["uniqueItems"].IsTrue(),
            PatternText = pattern,
            Pattern = pattern is null ? null : new Regex(pattern, RegexOptions.CultureInvariant, s_patternTime),
            AllOf = [.. schema.ObjectsAt("allOf").Select(s => Read(s))],
            AnyOf = [.. schema.ObjectsAt("anyOf").Select(s => Read(s))],
            OneOf = [.. schema.ObjectsAt("oneOf").Select(s => Read(s))],
            Not = schema.ObjectAt("not") is { } not ? Read(not) : null,
        };
        bool any = pattern is not null || rules.Minimum is not null || rules.Maximum is not null || rules.MultipleOf is not null
            || rules.MinLength is not null || rules.MaxLength is not null || rules.MinItems is not null || rules.MaxItems is not null
            || rules.MinProperties is not null || rules.MaxProperties is not null || rules.UniqueItems
            || rules.AllOf.Count + rules.AnyOf.Count + rules.OneOf.Count > 0 || rules.Not is not null;
        return any ? rules : null;
    }
}
