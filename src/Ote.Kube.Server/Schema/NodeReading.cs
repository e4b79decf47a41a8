using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema;

/// <summary>Reads fields of objects that may be absent or of another type than hoped: absent and ill-typed both read as null or empty.</summary>
internal static class NodeReading
{
    public static JsonNode? At(this JsonNode? node, params ReadOnlySpan<string> path)
    {
        foreach (string name in path)
        {
            if (node is not JsonObject map || !map.TryGetPropertyValue(name, out node))
                return null;
        }
        return node;
    }

    public static JsonObject? ObjectAt(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path) as JsonObject;

    public static string? TextAt(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path).Text();

    public static long? NumberAt(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path).Whole();

    public static bool FlagAt(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path).IsTrue();

    public static double? RealAt(this JsonNode? node, string name) => node.At(name).Real();

    public static IEnumerable<JsonObject> ObjectsAt(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonArray array ? array.OfType<JsonObject>() : [];

    public static IEnumerable<string> TextsAt(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonArray array ? array.Select(Text).OfType<string>() : [];

    public static string? Text(this JsonNode? node) =>
        node is JsonValue value && value.GetValueKind() == JsonValueKind.String && value.TryGetValue(out string? text) ? text : null;

    /// <summary>Whether it is a string, without reading it.</summary>
    public static bool IsText(this JsonNode? node) => node is JsonValue value && value.GetValueKind() == JsonValueKind.String;

    public static bool IsTrue(this JsonNode? node) => node is JsonValue value && value.GetValueKind() == JsonValueKind.True;

    public static bool IsNumber(this JsonNode? node) => node is JsonValue value && value.GetValueKind() == JsonValueKind.Number;

    /// <summary>Whether it is a number that is written without a point and an exponent: what Go reads as a whole one.</summary>
    public static bool IsInteger(this JsonNode? node) => node is JsonValue value && value.IsNumber() && (value.TryGetValue(out long _) || value.TryGetValue(out int _));

    /// <summary>A number without a fraction. JSON does not say of which CLR type, and code that builds objects uses int and long alike.</summary>
    public static long? Whole(this JsonNode? node)
    {
        if (node is not JsonValue value || value.GetValueKind() != JsonValueKind.Number)
            return null;
        if (value.TryGetValue(out long number))
            return number;
        if (value.TryGetValue(out int small))
            return small;
        return double.TryParse(value.ToJsonString(), CultureInfo.InvariantCulture, out double real)
            && Math.Floor(real) == real && Math.Abs(real) < 9.2e18 ? (long)real : null;
    }

    public static double? Real(this JsonNode? node) =>
        node.IsNumber() && double.TryParse(node!.ToJsonString(), CultureInfo.InvariantCulture, out double real) ? real : null;

    /// <summary>A scalar as text the way it is written without quotes; null for objects, lists and null.</summary>
    public static string? Scalar(this JsonNode? node) => node is JsonValue value ? value.Text() ?? value.ToJsonString() : null;

    public static JsonArray ToJsonArray(this IEnumerable<string> texts) => new([.. texts.Select(t => (JsonNode?)JsonValue.Create(t))]);
}
