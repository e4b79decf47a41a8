using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Tables;

/// <summary>
/// The part of kubectl's JSONPath that printer columns use: fields (<c>.a.b</c>, <c>['a']</c>), indices from either end, <c>[*]</c>, and
/// filters comparing one field with a text or number (<c>[?(@.type=="Ready")]</c>). Immutable.
/// </summary>
internal sealed class JsonPath
{
    private readonly List<Func<JsonNode?, IEnumerable<JsonNode?>>> _steps = [];

    private JsonPath()
    {
    }

    /// <summary>A path that is not understood finds nothing: the definition's validation has told its author.</summary>
    public static JsonPath Parse(string text) => TryParse(text, out JsonPath? path, out _) ? path! : new JsonPath { _steps = { static _ => [] } };

    public static bool TryParse(string text, out JsonPath? path, out string? error)
    {
        path = new JsonPath();
        int at = text.StartsWith('$') ? 1 : 0;
        while (at < text.Length)
        {
            error = text[at] switch
            {
                '.' => path.Field(text, ref at),
                '[' => path.Bracket(text, ref at),
                char c => $"unexpected '{c}' at position {at}",
            };
            if (error is not null)
                return false;
        }
        error = null;
        return true;
    }

    public List<JsonNode?> Find(JsonNode? root)
    {
        List<JsonNode?> found = [root];
        foreach (Func<JsonNode?, IEnumerable<JsonNode?>> step in _steps)
            found = [.. found.SelectMany(step)];
        return found;
    }

    private string? Field(string text, ref int at)
    {
        int start = ++at;
        while (at < text.Length && text[at] is not ('.' or '['))
            at += text[at] == '\\' ? 2 : 1;
        at = Math.Min(at, text.Length);
        string name = text[start..at].Replace("\\", "", StringComparison.Ordinal);
        if (name.Length == 0)
            return at < text.Length && text[at] == '[' ? null : $"a field name is missing at position {start}";
        _steps.Add(name == "*" ? Every : n => Child(n, name));
        return null;
    }

    private string? Bracket(string text, ref int at)
    {
        int end = End(text, at);
        if (end < 0)
            return $"'[' at position {at} is not closed";
        string inner = text[(at + 1)..end].Trim();
        int start = at;
        at = end + 1;
        if (inner == "*")
            _steps.Add(Every);
        else if (inner.Length > 1 && inner[0] is '\'' or '"' && inner[^1] == inner[0])
            _steps.Add(n => Child(n, inner[1..^1]));
        else if (int.TryParse(inner, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int index))
            _steps.Add(n => n is JsonArray list && (index < 0 ? index + list.Count : index) is int i && i >= 0 && i < list.Count ? [list[i]] : []);
        else if (inner.StartsWith("?(", StringComparison.Ordinal) && inner.EndsWith(')'))
            return Filter(inner[2..^1], start);
        else
            return $"'[{inner}]' at position {start} is not supported";
        return null;
    }

    private string? Filter(string condition, int position)
    {
        string op = condition.Contains("==", StringComparison.Ordinal) ? "==" : "!=";
        int at = condition.IndexOf(op, StringComparison.Ordinal);
        string left = (at < 0 ? condition : condition[..at]).Trim();
        if (!left.StartsWith('@') || !TryParse(left[1..], out JsonPath? path, out _))
            return $"the filter at position {position} must compare a field of '@' with a value";
        if (at < 0)
        {
            _steps.Add(n => Elements(n).Where(e => path!.Find(e).Count > 0));
            return null;
        }
        string right = condition[(at + 2)..].Trim();
        if (right.Length > 1 && right[0] is '\'' or '"' && right[^1] == right[0])
            right = right[1..^1];
        bool equal = op == "==";
        _steps.Add(n => Elements(n).Where(e => path!.Find(e) is [{ } value, ..] && (value.Scalar() == right) == equal));
        return null;
    }

    /// <summary>Where the bracket closes, texts within it skipped.</summary>
    private static int End(string text, int at)
    {
        char quote = '\0';
        for (int i = at + 1, depth = 1; i < text.Length; i++)
        {
            char c = text[i];
            if (quote != '\0')
                quote = c == quote ? '\0' : quote;
            else if (c is '\'' or '"')
                quote = c;
            else if (c == '[')
                depth++;
            else if (c == ']' && --depth == 0)
                return i;
        }
        return -1;
    }

    private static IEnumerable<JsonNode?> Child(JsonNode? node, string name) =>
        node is JsonObject map && map.TryGetPropertyValue(name, out JsonNode? value) ? [value] : [];

    private static IEnumerable<JsonNode?> Every(JsonNode? node) => node switch
    {
        JsonArray list => list,
        JsonObject map => map.Select(p => p.Value),
        _ => [],
    };

    private static JsonArray Elements(JsonNode? node) => node as JsonArray ?? [];
}
