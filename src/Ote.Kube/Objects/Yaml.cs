using System.Buffers;
using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Ote.Kube.Objects;

/// <summary>YAML text as JSON nodes, by YAML 1.2's core schema the way Kubernetes' tools read it.</summary>
public static class Yaml
{
    private const int MaxDepth = 128;
    private const int MaxNodes = 1_000_000;
    private static readonly SearchValues<char> FloatCharacters = SearchValues.Create("0123456789+-.eE");

    /// <summary>Reads every document of a text; empty documents are left out.</summary>
    /// <exception cref="FormatException">The text is no YAML, nests too deep, or is too large when aliases are followed.</exception>
    public static IReadOnlyList<JsonNode> Read(string text)
    {
        var stream = new YamlStream();
        try
        {
            using var reader = new StringReader(text);
            stream.Load(reader);
        }
        catch (YamlException bad)
        {
            throw new FormatException($"not valid YAML at line {bad.Start.Line}, column {bad.Start.Column}: {bad.Message}", bad);
        }

        var budget = MaxNodes;
        var documents = new List<JsonNode>();
        foreach (var document in stream.Documents)
        {
            if (Convert(document.RootNode, 0, ref budget) is { } node)
            {
                documents.Add(node);
            }
        }

        return documents;
    }

    /// <summary>Reads the only document of a text, which must be a mapping.</summary>
    /// <exception cref="FormatException">Otherwise.</exception>
    public static JsonObject ReadObject(string text)
    {
        var documents = Read(text);
        return documents is [JsonObject only]
            ? only
            : throw new FormatException($"expected one YAML mapping, found {documents.Count} document(s)");
    }

    /// <summary>One document as block-style YAML ending in a line feed; <see cref="Read"/> gives back an equal node.</summary>
    public static string Write(JsonNode? node) => YamlWriter.Write(node);

    private static JsonNode? Convert(YamlNode node, int depth, ref int budget)
    {
        if (depth > MaxDepth)
        {
            throw new FormatException($"YAML nests deeper than {MaxDepth} levels at line {node.Start.Line}");
        }

        if (--budget < 0)
        {
            throw new FormatException($"YAML has more than {MaxNodes} nodes when its aliases are followed");
        }

        switch (node)
        {
            case YamlMappingNode mapping:
                var obj = new JsonObject();
                foreach (var (key, value) in mapping.Children)
                {
                    if (key is not YamlScalarNode { Value: { } name })
                    {
                        throw new FormatException($"YAML key at line {key.Start.Line} is not a plain value");
                    }

                    obj[name] = Convert(value, depth + 1, ref budget);
                }

                return obj;
            case YamlSequenceNode sequence:
                var array = new JsonArray();
                foreach (var item in sequence.Children)
                {
                    array.Add(Convert(item, depth + 1, ref budget));
                }

                return array;
            case YamlScalarNode scalar:
                return Scalar(scalar);
            default:
                throw new FormatException($"YAML node at line {node.Start.Line} is of an unsupported type");
        }
    }

    private static JsonValue? Scalar(YamlScalarNode scalar)
    {
        var text = scalar.Value ?? "";
        if (scalar.Style is not (ScalarStyle.Plain or ScalarStyle.Any) || (!scalar.Tag.IsEmpty && scalar.Tag == "tag:yaml.org,2002:str"))
        {
            return JsonValue.Create(text);
        }

        switch (text)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return null;
            case "true" or "True" or "TRUE":
                return JsonValue.Create(true);
            case "false" or "False" or "FALSE":
                return JsonValue.Create(false);
        }

        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) && !HasLeadingZero(text))
        {
            return JsonValue.Create(whole);
        }

        if (IsWhole(text) && !HasLeadingZero(text) && decimal.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var large))
        {
            return JsonValue.Create(large);
        }

        if (text.StartsWith("0x", StringComparison.Ordinal)
            && long.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hex))
        {
            return JsonValue.Create(hex);
        }

        return IsFloat(text) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real)
            ? JsonValue.Create(real)
            : JsonValue.Create(text);
    }

    private static bool HasLeadingZero(string text)
    {
        var digits = text.TrimStart('+', '-');
        return digits.Length > 1 && digits[0] == '0';
    }

    private static bool IsWhole(string text) => text.AsSpan().TrimStart("+-") is { Length: > 0 } digits && digits.IndexOfAnyExceptInRange('0', '9') < 0;

    private static bool IsFloat(string text) =>
        text.AsSpan().IndexOfAnyExcept(FloatCharacters) < 0 && text.AsSpan().IndexOfAnyInRange('0', '9') >= 0 && text.AsSpan().IndexOfAny(".eE") >= 0;
}
