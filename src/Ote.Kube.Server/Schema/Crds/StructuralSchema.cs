using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Ote.Kube.Server.Schema.Rules;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Kube.Server.Schema.Crds;

/// <summary>
/// Whether a custom resource's schema is structural: every value has its type stated where it stands, so that unknown fields can be told from known
/// ones and defaults have a place. Expressions in CEL are refused: a rule that is accepted and not enforced would be worse than none.
/// </summary>
internal static class StructuralSchema
{
    /// <summary>Deeper than any real schema; bounds the work that a definition may cause.</summary>
    private const int MaxDepth = 100;

    private static readonly string[] s_types = ["array", "boolean", "integer", "number", "object", "string"];
    private static readonly string[] s_forbidden = ["$ref", "definitions", "dependencies", "deprecated", "discriminator", "id", "patternProperties", "readOnly", "writeOnly", "xml", "additionalItems"];

    public static void Check(JsonObject schema, string path, Faults faults)
    {
        if (schema.TextAt("type") is not { Length: > 0 } type)
            faults.Required(path + ".type", "must not be empty at the root");
        else if (type != "object")
            faults.Invalid(path + ".type", type, "must be object at the root");
        Check(schema, path, faults, MaxDepth, root: true);
    }

    private static void Check(JsonObject schema, string path, Faults faults, int depth, bool root)
    {
        if (depth == 0)
        {
            faults.Forbidden(path, $"schemas nested deeper than {MaxDepth} are not supported");
            return;
        }
        string? type = schema.TextAt("type");
        bool intOrString = schema["x-kubernetes-int-or-string"].IsTrue(), preserve = schema["x-kubernetes-preserve-unknown-fields"].IsTrue();
        if (string.IsNullOrEmpty(type) && !root && !intOrString && !preserve)
            faults.Required(path + ".type", "must not be empty for specified " + (path.EndsWith(".items", StringComparison.Ordinal) ? "array items" : "object fields"));
        else if (type is { Length: > 0 } && !s_types.Contains(type))
            faults.Add(FieldError.NotSupported(path + ".type", type, s_types));
        Forbidden(schema, path, faults);
        Pattern(schema, path, faults);
        ListSchema.Check(schema, path, faults);
        Objects(schema, path, faults, root);
        foreach ((string name, JsonNode? property) in schema.ObjectAt("properties") ?? [])
        {
            if (property is JsonObject of)
                Check(of, $"{path}.properties[{name}]", faults, depth - 1, root: false);
        }
        if (schema["items"] is JsonObject items)
            Check(items, path + ".items", faults, depth - 1, root: false);
        else if (schema["items"] is JsonArray)
            faults.Forbidden(path + ".items", "items must be a schema object and not an array");
        else if (type == "array")
            faults.Required(path + ".items", "must be specified");
        if (schema["additionalProperties"] is JsonObject additional)
            Check(additional, path + ".additionalProperties", faults, depth - 1, root: false);
        if (schema["additionalProperties"] is not null && schema.ObjectAt("properties") is { Count: > 0 })
            faults.Forbidden(path + ".additionalProperties", "must not be used together with properties");
        foreach (string junctor in (ReadOnlySpan<string>)["allOf", "anyOf", "oneOf"])
        {
            int index = 0;
            foreach (JsonObject part in schema.ObjectsAt(junctor))
                ValueOnly(part, $"{path}.{junctor}[{index++}]", faults, intOrString, depth - 1);
        }
        if (schema.ObjectAt("not") is { } not)
            ValueOnly(not, path + ".not", faults, intOrString, depth - 1);
        Default(schema, path, faults);
    }

    private static void Forbidden(JsonObject schema, string path, Faults faults)
    {
        if (schema["x-kubernetes-validations"] is JsonArray { Count: > 0 })
        {
            faults.Forbidden(path + ".x-kubernetes-validations",
                "validation rules in CEL are not supported by this server; remove them or check the objects in a controller");
        }
        foreach (string name in s_forbidden)
        {
            if (schema[name] is not null)
                faults.Forbidden($"{path}.{name}", $"{name} is not supported");
        }
        if (schema["additionalProperties"] is JsonValue flag && !flag.IsTrue())
            faults.Forbidden(path + ".additionalProperties", "additionalProperties cannot be set to false");
        if (schema["uniqueItems"].IsTrue())
            faults.Forbidden(path + ".uniqueItems", "uniqueItems cannot be set to true since the runtime complexity becomes quadratic");
    }

    private static void Pattern(JsonObject schema, string path, Faults faults)
    {
        if (schema.TextAt("pattern") is not { } pattern)
            return;
        try
        {
            _ = new Regex(pattern, RegexOptions.CultureInvariant, TimeSpan.FromMilliseconds(100));
        }
        catch (ArgumentException e)
        {
            faults.Invalid(path + ".pattern", pattern, "must be a valid regular expression, but isn't: " + e.Message);
        }
    }

    private static void Objects(JsonObject schema, string path, Faults faults, bool root)
    {
        string? type = schema.TextAt("type"), map = schema.TextAt("x-kubernetes-map-type");
        if (map is not (null or "atomic" or "granular"))
            faults.Add(FieldError.NotSupported(path + ".x-kubernetes-map-type", map, ["atomic", "granular"]));
        else if (map is not null && type != "object")
            faults.Invalid(path + ".type", type ?? "", "must be object if x-kubernetes-map-type is specified");
        if (schema["x-kubernetes-preserve-unknown-fields"] is { } preserve && !preserve.IsTrue())
            faults.Invalid(path + ".x-kubernetes-preserve-unknown-fields", preserve, "must be true or undefined");
        if (schema["x-kubernetes-embedded-resource"].IsTrue())
        {
            if (string.IsNullOrEmpty(type))
                faults.Required(path + ".type", "must be object if x-kubernetes-embedded-resource is true");
            else if (type != "object")
                faults.Invalid(path + ".type", type, "must be object if x-kubernetes-embedded-resource is true");
            if (schema.ObjectAt("properties") is not { Count: > 0 } && !schema["x-kubernetes-preserve-unknown-fields"].IsTrue())
                faults.Required(path + ".properties", "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields");
        }
        if (root && schema.ObjectAt("properties", "metadata") is { } metadata
            && (metadata.Any(f => f.Key is not ("type" or "description" or "properties")) || (metadata.ObjectAt("properties") ?? []).Any(p => p.Key is not ("name" or "generateName"))))
        {
            faults.Forbidden(path + ".properties[metadata]", "must not specify anything other than name and generateName, but metadata is implicitly specified");
        }
    }

    /// <summary>Inside a combination only values may be constrained, not the structure.</summary>
    private static void ValueOnly(JsonObject schema, string path, Faults faults, bool intOrString, int depth)
    {
        if (depth <= 0)
        {
            faults.Forbidden(path, $"schemas nested deeper than {MaxDepth} are not supported");
            return;
        }
        // The one idiom in which a type stands inside: anyOf integer or string, beside x-kubernetes-int-or-string.
        if (schema["type"] is not null && !(intOrString && schema.TextAt("type") is "integer" or "string"))
            faults.Forbidden(path + ".type", "must be empty to be structural");
        foreach (string name in (ReadOnlySpan<string>)["default", "nullable", "additionalProperties", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string", "x-kubernetes-validations", "description"])
        {
            if (schema[name] is { } value && !(value is JsonValue flag && flag.GetValueKind() == System.Text.Json.JsonValueKind.False))
                faults.Forbidden($"{path}.{name}", "must be undefined to be structural");
        }
        foreach ((string name, JsonNode? property) in schema.ObjectAt("properties") ?? [])
        {
            if (property is JsonObject of)
                ValueOnly(of, $"{path}.properties[{name}]", faults, intOrString: false, depth - 1);
        }
        if (schema.ObjectAt("items") is { } items)
            ValueOnly(items, path + ".items", faults, intOrString: false, depth - 1);
    }

    private static void Default(JsonObject schema, string path, Faults faults)
    {
        if (schema["default"] is not { } value)
            return;
        JsonObject without = schema.DeepClone().AsObject();
        without.Remove("default");
        try
        {
            SchemaNode read = CrdSchemaReader.Read(without);
            foreach (FieldError error in SchemaValidator.Validate(value, read, path + ".default"))
                faults.Add(error);
            if (value is JsonObject && Pruner.Prune((JsonObject)value.DeepClone(), read).Count > 0)
                faults.Invalid(path + ".default", value, "must not have unknown fields");
        }
        catch (RegexParseException)
        {
            // The pattern has been complained about.
        }
    }
}
