using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ote.Kube.Objects;

/// <summary>
/// JSON nodes as block-style YAML in the order they have, the way Kubernetes' tools print it. What a reader of YAML 1.1 or 1.2
/// would take for something else than text is quoted, so the text reads back as the same JSON everywhere.
/// </summary>
internal sealed class YamlWriter
{
    private const string Indicators = "-?:,[]{}#&*!|>'\"%@`";
    private static readonly SearchValues<char> TypedCharacters = SearchValues.Create("0123456789abcdefABCDEFxXoO_+-.:inINtTzZ ");
    private readonly StringBuilder _text = new();

    internal static string Write(JsonNode? node)
    {
        var writer = new YamlWriter();
        writer.Block(node, 0);
        return writer._text.ToString();
    }

    /// <summary>Writes a node that starts on a line of its own, each line ending in a line feed.</summary>
    private void Block(JsonNode? node, int indent)
    {
        switch (node)
        {
            case JsonObject { Count: > 0 } obj:
                Mapping(obj, indent);
                break;
            case JsonArray { Count: > 0 } array:
                Sequence(array, indent);
                break;
            default:
                _text.Append(' ', indent);
                Inline(node, indent);
                break;
        }
    }

    private void Mapping(JsonObject obj, int indent, bool firstInPlace = false)
    {
        foreach (var (key, value) in obj)
        {
            _text.Append(' ', firstInPlace ? 0 : indent);
            firstInPlace = false;
            _text.Append(IsPlain(key) ? key : Quoted(key)).Append(':');
            switch (value)
            {
                case JsonObject { Count: > 0 } child:
                    _text.Append('\n');
                    Mapping(child, indent + 2);
                    break;
                case JsonArray { Count: > 0 } items:
                    _text.Append('\n');
                    Sequence(items, indent);
                    break;
                default:
                    _text.Append(' ');
                    Inline(value, indent);
                    break;
            }
        }
    }

    private void Sequence(JsonArray array, int indent)
    {
        foreach (var item in array)
        {
            _text.Append(' ', indent).Append('-');
            switch (item)
            {
                case JsonObject { Count: > 0 } obj:
                    _text.Append(' ');
                    Mapping(obj, indent + 2, firstInPlace: true);
                    break;
                case JsonArray { Count: > 0 } inner:
                    _text.Append('\n');
                    Sequence(inner, indent + 2);
                    break;
                default:
                    _text.Append(' ');
                    Inline(item, indent);
                    break;
            }
        }
    }

    /// <summary>Writes what fits behind a key or dash, and the line end.</summary>
    private void Inline(JsonNode? node, int indent)
    {
        if (node is JsonValue value && value.GetValueKind() == JsonValueKind.String)
        {
            Text(value.GetValue<string>(), indent);
            return;
        }

        // Empty collections, numbers, truth values and null are written in JSON's own form, which is YAML.
        _text.Append(node?.ToJsonString() ?? "null").Append('\n');
    }

    private void Text(string text, int indent)
    {
        if (IsPlain(text))
        {
            _text.Append(text).Append('\n');
        }
        else if (IsLiteral(text))
        {
            Literal(text, indent + 2);
        }
        else
        {
            _text.Append(Quoted(text)).Append('\n');
        }
    }

    private void Literal(string text, int indent)
    {
        var body = text.TrimEnd('\n');
        var ends = text.Length - body.Length;
        _text.Append('|');
        if (body.StartsWith(' ') || body.StartsWith('\n'))
        {
            _text.Append('2');
        }

        _text.Append(ends switch { 0 => "-", 1 => "", _ => "+" }).Append('\n');
        foreach (var line in body.Split('\n'))
        {
            if (line.Length > 0)
            {
                _text.Append(' ', indent).Append(line);
            }

            _text.Append('\n');
        }

        _text.Append('\n', Math.Max(0, ends - 1));
    }

    /// <summary>Several lines of printable text, none of them of white space alone where it would be taken for indentation.</summary>
    private static bool IsLiteral(string text) =>
        text.Contains('\n', StringComparison.Ordinal)
        && text.AsSpan().Trim('\n').Length > 0
        && text.All(c => c is '\n' or '\t' || IsPrintable(c))
        && !text.Split('\n').Any(line => line.Length > 0 && string.IsNullOrWhiteSpace(line))
        && !text.AsSpan().TrimStart('\n').StartsWith("\t");

    private static bool IsPlain(string text)
    {
        if (text.Length == 0 || char.IsWhiteSpace(text[0]) || char.IsWhiteSpace(text[^1]) || !text.All(IsPrintable))
        {
            return false;
        }

        var indicated = Indicators.Contains(text[0], StringComparison.Ordinal)
            && !(text[0] is '-' or '?' or ':' && text.Length > 1 && !char.IsWhiteSpace(text[1]) && !Indicators.Contains(text[1], StringComparison.Ordinal));
        return !indicated
            && !text.Contains(": ", StringComparison.Ordinal)
            && !text.Contains(" #", StringComparison.Ordinal)
            && !text.Contains(" *", StringComparison.Ordinal) // plain by the standard, yet some readers take it for an alias
            && !text.EndsWith(':')
            && !text.StartsWith("---", StringComparison.Ordinal)
            && !text.StartsWith("...", StringComparison.Ordinal)
            && !LooksTyped(text);
    }

    /// <summary>Whether some YAML reader takes the bare text for null, a truth value, a number, a date or a merge key.</summary>
    private static bool LooksTyped(string text)
    {
        if (text.ToLowerInvariant() is "~" or "null" or "true" or "false" or "yes" or "no" or "on" or "off" or "y" or "n" or "<<" or "=" or ".nan")
        {
            return true;
        }

        var body = text.AsSpan().TrimStart("+-");
        return body.Length > 0
            && (char.IsAsciiDigit(body[0]) || (body[0] == '.' && body.Length > 1))
            && (body.IndexOfAnyExcept(TypedCharacters) < 0
                || double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _));
    }

    private static bool IsPrintable(char c) => c is >= ' ' and < '\x7f' or >= '\xa0' and not ('\u2028' or '\u2029' or '\ufeff' or '\ufffe' or '\uffff');

    private static string Quoted(string text)
    {
        var quoted = new StringBuilder(text.Length + 2).Append('"');
        foreach (var c in text)
        {
            _ = c switch
            {
                '"' => quoted.Append("\\\""),
                '\\' => quoted.Append("\\\\"),
                '\n' => quoted.Append("\\n"),
                '\t' => quoted.Append("\\t"),
                '\r' => quoted.Append("\\r"),
                _ when IsPrintable(c) => quoted.Append(c),
                _ => quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
            };
        }

        return quoted.Append('"').ToString();
    }
}
