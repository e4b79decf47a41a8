using System.Buffers;
using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Ote.Kube.Objects;

/// <summary>
/// Makes JSON nodes of the parser's events as they come, so that a text that nests without end is refused where it passes the limit. A tree of YAML's own
/// nodes is not made: the library builds it by recursion, and hashes a key that is a collection of aliases once for each way through them.
/// </summary>
internal sealed class YamlReader(string text, int depthAllowed)
{
    /// <summary>How many nodes a text may have when its aliases are followed, and how many characters the aliases may stand for.</summary>
    private const int MaxNodes = 1_000_000;
    private const int MaxAliasCharacters = 16 * 1024 * 1024;

    private static readonly SearchValues<char> FloatCharacters = SearchValues.Create("0123456789+-.eE");

    private readonly Parser _parser = new(new StringReader(text));
    private readonly Dictionary<AnchorName, Anchored> _anchors = [];
    private int _nodes;
    private long _characters;
    private long _ofAliases;

    /// <summary>Reads every document; empty ones are left out.</summary>
    /// <exception cref="FormatException">See <see cref="Yaml.Read"/>.</exception>
    public IReadOnlyList<JsonNode> Read()
    {
        var documents = new List<JsonNode>();
        try
        {
            _parser.Consume<StreamStart>();
            while (!_parser.TryConsume<StreamEnd>(out _))
            {
                _parser.Consume<DocumentStart>();
                _anchors.Clear();
                if (Node(0, out _) is { } document)
                {
                    documents.Add(document);
                }

                _parser.Consume<DocumentEnd>();
            }
        }
        catch (YamlException bad)
        {
            throw Bad(bad.Start, bad.Message, bad);
        }
        catch (Exception bad) when (bad is InvalidOperationException or ArgumentException)
        {
            // The library's scanner gives up so on some texts: a brace that closes nothing within a plain value, an escaped pair of surrogates that is none.
            throw Bad(_parser.Current?.End ?? Mark.Empty, "it cannot be read from there on", bad);
        }

        return documents;
    }

    private static FormatException Bad(Mark at, string what, Exception? why = null) => new($"not valid YAML at line {at.Line}, column {at.Column}: {what}", why);

    /// <summary>The next node; its height is 0 for what holds nothing.</summary>
    private JsonNode? Node(int depth, out int height)
    {
        var start = _parser.Current!.Start;
        if (depth > depthAllowed)
        {
            throw new FormatException($"YAML nests deeper than {depthAllowed} levels at line {start.Line}");
        }

        if (_parser.TryConsume<AnchorAlias>(out var alias))
        {
            return Followed(alias, depth, out height);
        }

        Spend(1);
        var anchor = _parser.Current is NodeEvent { Anchor.IsEmpty: false } named ? named.Anchor : default;
        if (!anchor.IsEmpty)
        {
            // From here on the name means this node, which is not whole yet.
            _anchors.Remove(anchor);
        }

        var (nodes, characters) = (_nodes, _characters);
        JsonNode? node;
        if (_parser.TryConsume<MappingStart>(out _))
        {
            node = Mapping(depth, out height);
        }
        else if (_parser.TryConsume<SequenceStart>(out _))
        {
            node = Sequence(depth, out height);
        }
        else
        {
            var scalar = _parser.Consume<Scalar>();
            height = 0;
            _characters += scalar.Value.Length;
            node = Value(scalar);
            if (!anchor.IsEmpty)
            {
                _anchors[anchor] = new Anchored(node, scalar.Value, 1, scalar.Value.Length, 0);
            }

            return node;
        }

        if (!anchor.IsEmpty)
        {
            _anchors[anchor] = new Anchored(node, null, 1 + _nodes - nodes, _characters - characters, height);
        }

        return node;
    }

    private JsonObject Mapping(int depth, out int height)
    {
        var map = new JsonObject();
        height = 0;
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            var start = _parser.Current!.Start;
            var name = Key();
            _characters += name.Length;
            var value = Node(depth + 1, out var below);
            height = Math.Max(height, below + 1);
            if (!map.TryAdd(name, value))
            {
                throw Bad(start, $"duplicate key {name}");
            }
        }

        return map;
    }

    private JsonArray Sequence(int depth, out int height)
    {
        var list = new JsonArray();
        height = 0;
        while (!_parser.TryConsume<SequenceEnd>(out _))
        {
            list.Add(Node(depth + 1, out var below));
            height = Math.Max(height, below + 1);
        }

        return list;
    }

    private string Key()
    {
        if (_parser.TryConsume<AnchorAlias>(out var alias))
        {
            return Find(alias) is { Text: { } known } of ? Spend(of, known) : throw new FormatException($"YAML key at line {alias.Start.Line} is not a plain value");
        }

        if (!_parser.TryConsume<Scalar>(out var scalar))
        {
            throw new FormatException($"YAML key at line {_parser.Current!.Start.Line} is not a plain value");
        }

        Whole(scalar);
        if (!scalar.Anchor.IsEmpty)
        {
            _anchors[scalar.Anchor] = new Anchored(Value(scalar), scalar.Value, 1, scalar.Value.Length, 0);
        }

        return scalar.Value;
    }

    private JsonNode? Followed(AnchorAlias alias, int depth, out int height)
    {
        var of = Find(alias);
        height = of.Height;
        if (depth + height > depthAllowed)
        {
            throw new FormatException($"YAML nests deeper than {depthAllowed} levels at line {alias.Start.Line}, where *{alias.Value} is followed");
        }

        return Spend(of, of.Node)?.DeepClone();
    }

    private Anchored Find(AnchorAlias alias) =>
        _anchors.TryGetValue(alias.Value, out var of) ? of : throw Bad(alias.Start, $"*{alias.Value} stands for nothing before it");

    private T Spend<T>(Anchored of, T what)
    {
        Spend(of.Nodes);
        _characters += of.Characters;
        _ofAliases += of.Characters;
        return _ofAliases <= MaxAliasCharacters ? what : throw new FormatException($"YAML has more than {MaxAliasCharacters} characters when its aliases are followed");
    }

    private void Spend(int nodes)
    {
        _nodes += nodes;
        if (_nodes > MaxNodes)
        {
            throw new FormatException($"YAML has more than {MaxNodes} nodes when its aliases are followed");
        }
    }

    /// <summary>Refuses half of a surrogate pair, which an escape can write and nobody can read.</summary>
    private static void Whole(Scalar scalar)
    {
        var value = scalar.Value;
        for (var i = 0; i < value.Length; i++)
        {
            if (char.IsSurrogate(value[i]) && !(i + 1 < value.Length && char.IsSurrogatePair(value[i], value[i + 1]) && ++i > 0))
            {
                throw Bad(scalar.Start, "a text has half of a surrogate pair");
            }
        }
    }

    private static JsonValue? Value(Scalar scalar)
    {
        Whole(scalar);
        var text = scalar.Value;
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

    /// <summary>A node that aliases may name.</summary>
    /// <param name="Node">What it is; copied where it is named.</param>
    /// <param name="Text">Its text, of a plain value.</param>
    /// <param name="Nodes">How many nodes it has.</param>
    /// <param name="Characters">How many characters of text.</param>
    /// <param name="Height">How deep it nests.</param>
    private readonly record struct Anchored(JsonNode? Node, string? Text, int Nodes, long Characters, int Height);
}
