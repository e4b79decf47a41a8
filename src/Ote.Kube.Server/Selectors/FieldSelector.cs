using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Selectors;

/// <summary>
/// A field selector: <c>path=value</c> and <c>path!=value</c>, joined by commas; <c>\</c> escapes a comma, an equals sign or itself in a value.
/// An absent field has the value "". Immutable; safe on any thread.
/// </summary>
public sealed class FieldSelector
{
    private readonly FieldTerm[] _terms;

    private FieldSelector(IEnumerable<FieldTerm> terms) => _terms = [.. terms];

    /// <summary>Selects every object.</summary>
    public static FieldSelector Everything { get; } = new([]);

    /// <summary>Whether every object is selected, so that matching can be skipped.</summary>
    public bool IsEverything => _terms.Length == 0;

    /// <summary>The terms in the order they were written.</summary>
    public IReadOnlyList<FieldTerm> Terms => _terms;

    /// <summary>Reads the text form. Empty text selects everything.</summary>
    /// <exception cref="SelectorException">The text is malformed; the message names the position.</exception>
    public static FieldSelector Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<FieldTerm> terms = [];
        int start = 0;
        for (int at = 0; at <= text.Length; at++)
        {
            // What is escaped is passed over; after a last one comes the end, which must not be.
            if (at < text.Length - 1 && text[at] == '\\')
            {
                at++;
                continue;
            }
            if (at < text.Length && text[at] != ',')
                continue;
            if (at > start)
                terms.Add(Term(text, start, at));
            start = at + 1;
        }
        return terms.Count == 0 ? Everything : new FieldSelector(terms);
    }

    /// <summary>Reads the text form and checks that the kind offers each field.</summary>
    /// <exception cref="SelectorException">The text is malformed or names a field by which this kind cannot be selected.</exception>
    public static FieldSelector Parse(string text, KindInfo kind)
    {
        ArgumentNullException.ThrowIfNull(kind);
        FieldSelector selector = Parse(text);
        foreach (FieldTerm term in selector._terms)
        {
            if (!SelectableFields.Offers(kind, term.Path))
                throw new SelectorException(SelectableFields.Refusal(kind, term.Path), text.IndexOf(term.Path, StringComparison.Ordinal));
        }
        return selector;
    }

    /// <summary>The value that the selector demands of a field, such as a name; null when it demands none.</summary>
    public string? Required(string path) => Array.Find(_terms, t => t.Equal && t.Path == path)?.Value;

    /// <summary>Whether the object is selected.</summary>
    public bool Matches(JsonObject obj)
    {
        ArgumentNullException.ThrowIfNull(obj);
        foreach (FieldTerm term in _terms)
        {
            if ((SelectableFields.ValueOf(obj, term.Path) == term.Value) != term.Equal)
                return false;
        }
        return true;
    }

    /// <summary>The text form, which <see cref="Parse(string)"/> reads back to an equal selector.</summary>
    public override string ToString() => string.Join(',', _terms.Select(t => t.ToString()));

    private static FieldTerm Term(string text, int start, int end)
    {
        for (int at = start; at < end; at++)
        {
            bool not = text[at] == '!' && at + 1 < end && text[at + 1] == '=';
            if (!not && text[at] != '=')
                continue;
            int value = not ? at + 2 : at + 1 < end && text[at + 1] == '=' ? at + 2 : at + 1;
            string path = text[start..at];
            return path.Length > 0
                ? new FieldTerm(path, !not, Unescape(text, value, end))
                : throw new SelectorException($"invalid field selector: no field before '{(not ? "!=" : "=")}' (at position {at})", at);
        }
        throw new SelectorException($"invalid selector: '{text[start..end]}'; can't understand '{text[start..end]}'", start);
    }

    private static string Unescape(string text, int start, int end)
    {
        StringBuilder value = new(end - start);
        for (int at = start; at < end; at++)
        {
            if (text[at] is '=' or ',')
                throw new SelectorException($"invalid field selector: '{text[at]}' in a value must be escaped with '\\' (at position {at})", at);
            if (text[at] == '\\' && (++at == end || text[at] is not ('\\' or ',' or '=')))
                throw new SelectorException($"invalid field selector: '\\' may only escape '\\', ',' and '=' (at position {at - 1})", at - 1);
            value.Append(text[at]);
        }
        return value.ToString();
    }
}

/// <summary>One comparison of a field selector.</summary>
/// <param name="Path">Dotted path of the field.</param>
/// <param name="Equal">True for equal, false for different.</param>
/// <param name="Value">The value compared with, unescaped.</param>
public sealed record FieldTerm(string Path, bool Equal, string Value)
{
    /// <inheritdoc/>
    public override string ToString() => Path + (Equal ? "=" : "!=") + Value
        .Replace("\\", "\\\\", StringComparison.Ordinal).Replace(",", "\\,", StringComparison.Ordinal).Replace("=", "\\=", StringComparison.Ordinal);
}
