using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Validation;

/// <summary>
/// Finds the first value of a built-in object that is not of its field's type. The real server decodes into Go structs, so such an object does not
/// get as far as validation; the words are those of its decoder. Null reads as absent everywhere.
/// </summary>
internal static class Decoder
{
    public static string? Error(KindInfo kind, JsonObject obj) =>
        Check(obj, kind.Schema, kind.Kind, null) is null ? null : Say(kind, Check(obj, kind.Schema, kind.Kind, FieldPath.Root));

    /// <summary>Looks at one field of the object only.</summary>
    public static string? ErrorOf(KindInfo kind, JsonObject obj, string field) => kind.Schema.Field(field) is { } schema
        ? Say(kind, Check(obj[field], schema, kind.Schema.Name is { } name ? name[(name.LastIndexOf('.') + 1)..] : kind.Kind, field))
        : null;

    /// <summary>The same of a value that stands in an object of another kind, without saying of which.</summary>
    public static string? ErrorAt(JsonNode value, SchemaNode schema, string owner, string path) => Check(value, schema, owner, path);

    /// <summary>Says of which kind something is wrong; null when nothing is.</summary>
    [return: NotNullIfNotNull(nameof(wrong))]
    public static string? Say(KindInfo kind, string? wrong) =>
        wrong is null ? null : $"{kind.Kind} in version \"{kind.Version}\" cannot be handled as a {kind.Kind}: {wrong}";

    private static string? Check(JsonNode? value, SchemaNode schema, string owner, string? path)
    {
        if (value is null)
            return null;
        if (schema.IntOrString)
            return value.IsText() || value.IsInteger() ? null : $"json: cannot unmarshal {Word(value)} into Go struct field {owner}.{path} of type intstr.IntOrString";
        bool fits = schema.Type switch
        {
            SchemaType.Object => value is JsonObject,
            SchemaType.Array => value is JsonArray,
            SchemaType.String => value.IsText() || (schema.AcceptsNumberAsString && value.IsNumber()),
            SchemaType.Integer => value.IsInteger() && value.Whole() is { } n && (schema.Format != "int32" || n is >= int.MinValue and <= int.MaxValue),
            SchemaType.Number => value.IsNumber(),
            SchemaType.Boolean => value is JsonValue flag && flag.GetValueKind() is JsonValueKind.True or JsonValueKind.False,
            _ => true,
        };
        if (!fits)
            return $"json: cannot unmarshal {Word(value)} into Go struct field {owner}.{path} of type {GoType(schema)}";
        return value switch
        {
            JsonObject map => CheckMap(map, schema, owner, path),
            JsonArray list when schema.Items is { } items => CheckList(list, items, owner, path),
            _ => CheckText(value, schema),
        };
    }

    private static string? CheckList(JsonArray list, SchemaNode items, string owner, string? path)
    {
        foreach (JsonNode? element in list)
        {
            if (Check(element, items, owner, path) is { } wrong)
                return wrong;
        }
        return null;
    }

    private static string? CheckMap(JsonObject map, SchemaNode schema, string owner, string? path)
    {
        string self = path is not null && schema.Name is { } name ? name[(name.LastIndexOf('.') + 1)..] : owner;
        foreach ((string key, JsonNode? value) in map)
        {
            if (schema.Field(key) is { } field && Check(value, field, self, FieldPath.Field(path, key)) is { } wrong)
                return wrong;
        }
        return null;
    }

    private static string? CheckText(JsonNode value, SchemaNode schema)
    {
        bool hasForm = schema.AcceptsNumberAsString || schema.Format is "date-time" or "byte";
        if (!hasForm || schema.Type != SchemaType.String || value.Text() is not { } text)
            return null;
        if (schema.AcceptsNumberAsString && !Quantity.TryParse(text, out _))
            return "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
        if (schema.Format == "date-time")
            return GoTime.Fault(text, CanonicalForms.IsMicro(schema));
        if (schema.Format == "byte" && !Formats.Fits("byte", text))
            return "illegal base64 data at input byte " + text.AsSpan().IndexOfAnyExcept(Base64Letters).ToString(System.Globalization.CultureInfo.InvariantCulture);
        return null;
    }

    private static readonly System.Buffers.SearchValues<char> Base64Letters =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=");

    private static string Word(JsonNode value) => value switch
    {
        JsonObject => "object",
        JsonArray => "array",
        _ when value.IsText() => "string",
        _ when value.IsNumber() => value.IsInteger() ? "number" : "number " + value.ToJsonString(),
        _ => "bool",
    };

    private static string GoType(SchemaNode schema) => schema.Type switch
    {
        SchemaType.Integer => schema.Format ?? "int64",
        SchemaType.Number => "float64",
        SchemaType.Boolean => "bool",
        SchemaType.String when schema.Name is null => "string",
        SchemaType.Array => "[]" + (schema.Items is null ? "interface {}" : GoType(schema.Items)),
        SchemaType.Object when schema.Name is null => "map[string]" + (schema.AdditionalProperties is null ? "interface {}" : GoType(schema.AdditionalProperties)),
        _ => schema.Name is { } name && name.Split('.') is { Length: > 1 } parts ? parts[^2] + "." + parts[^1] : "interface {}",
    };
}
