using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Patching.Ownership;

/// <summary>
/// One step of a path into an object, as its text in a <c>fieldsV1</c> document: <c>f:name</c> a field, <c>k:{"key":"v"}</c> an element of a keyed
/// list, <c>v:value</c> an element of a set, <c>i:n</c> a place in a list. The text is canonical, so equal steps have equal texts.
/// </summary>
/// <remarks>Ordered as the real server orders them: fields by name, then keys, values and places, numbers within them by size.</remarks>
internal readonly record struct PathElement(string Text) : IComparable<PathElement>
{
    /// <summary>What stands for the step itself in a document whose step has steps below it.</summary>
    public const string Self = ".";

    private const string Kinds = "fkvi";

    public bool IsField => Text[0] == 'f';

    /// <summary>The name; only of a field.</summary>
    public string Name => Text[2..];

    public static PathElement Field(string name) => new("f:" + name);

    public static PathElement Value(JsonNode? value) => new("v:" + Canonical(value));

    /// <summary>An element by its keys, sorted by name.</summary>
    public static PathElement Key(IEnumerable<(string Name, JsonNode? Value)> keys) =>
        new("k:{" + string.Join(',', keys.Select(k => FieldError.Quote(k.Name) + ":" + Canonical(k.Value))) + "}");

    /// <summary>
    /// Reads a step that somebody sent; null for one of a kind that this server does not know, which is to be passed over: a later version may know it.
    /// </summary>
    /// <exception cref="FormatException">It has no kind, or what follows is not of its kind.</exception>
    public static PathElement? Parse(string text)
    {
        if (text.Length < 2 || text[1] != ':')
            throw new FormatException($"\"{text}\" is no step of a path: missing colon");
        string rest = text[2..];
        try
        {
            return text[0] switch
            {
                'f' => new PathElement(text),
                'v' => Value(JsonNode.Parse(rest)),
                'i' => new PathElement("i:" + int.Parse(rest, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture)),
                'k' => Key((JsonNode.Parse(rest) as JsonObject ?? throw new FormatException($"\"{text}\" does not hold an object"))
                    .OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => (p.Key, p.Value))),
                _ => null,
            };
        }
        catch (Exception bad) when (bad is JsonException or OverflowException or ArgumentException or InvalidOperationException)
        {
            throw new FormatException($"\"{text}\" is no step of a path: {bad.Message}", bad);
        }
    }

    public int CompareTo(PathElement other)
    {
        if (Text[0] != other.Text[0])
            return Kinds.IndexOf(Text[0], StringComparison.Ordinal) - Kinds.IndexOf(other.Text[0], StringComparison.Ordinal);
        return IsField ? string.CompareOrdinal(Text, other.Text) : CompareValues(Text, other.Text);
    }

    /// <summary>The step as messages show it: <c>.name</c>, <c>[name="web"]</c>, <c>[="value"]</c>, <c>[0]</c>.</summary>
    public override string ToString() => Text[0] switch
    {
        'f' => "." + Name,
        'v' => "[=" + Text[2..] + "]",
        'i' => "[" + Text[2..] + "]",
        _ => "[" + string.Join(',', ((JsonObject)JsonNode.Parse(Text[2..])!).Select(p => $"{p.Key}={Canonical(p.Value)}")) + "]",
    };

    /// <summary>Compares the texts but for numbers outside quotes, which count by their size: port 80 comes before port 443.</summary>
    private static int CompareValues(string a, string b)
    {
        int common = Math.Min(a.Length, b.Length), at = 2, number = -1;
        bool quoted = false;
        while (at < common && a[at] == b[at])
        {
            if (a[at] == '"' && a[at - 1] != '\\')
                quoted = !quoted;
            number = quoted || !IsNumeric(a[at]) ? -1 : number < 0 ? at : number;
            at++;
        }
        if (quoted || (number < 0 && !(at < common && IsNumeric(a[at]) && IsNumeric(b[at]))))
            return string.CompareOrdinal(a, b);
        int from = number < 0 ? at : number;
        return Number(a, from).CompareTo(Number(b, from)) is var order and not 0 ? order : string.CompareOrdinal(a, b);
    }

    private static double Number(string text, int from)
    {
        int end = from;
        while (end < text.Length && IsNumeric(text[end]))
            end++;
        return double.TryParse(text.AsSpan(from, end - from), CultureInfo.InvariantCulture, out double number) ? number : 0;
    }

    private static bool IsNumeric(char c) => char.IsAsciiDigit(c) || c is '-' or '.' or '+' or 'e' or 'E';

    private static string Canonical(JsonNode? value) => value switch
    {
        null => "null",
        // 80 and 80.0 name the same port.
        JsonValue number when number.Whole() is { } whole => whole.ToString(CultureInfo.InvariantCulture),
        _ => value.ToJsonString(ObjectJson.Plain),
    };
}
