using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Selectors;

/// <summary>
/// A label selector: all of its requirements must hold. Text form as in <c>labelSelector=</c> queries, object form as in
/// <c>spec.selector</c>. Immutable; safe on any thread.
/// </summary>
public sealed class LabelSelector
{
    private readonly LabelRequirement[] _requirements;

    internal LabelSelector(IEnumerable<LabelRequirement> requirements) => _requirements = [.. requirements];

    /// <summary>Selects every object.</summary>
    public static LabelSelector Everything { get; } = new([]);

    /// <summary>Whether every object is selected, so that matching can be skipped.</summary>
    public bool IsEverything => _requirements.Length == 0;

    /// <summary>The requirements in the order they were written.</summary>
    public IReadOnlyList<LabelRequirement> Requirements => _requirements;

    /// <summary>Reads the text form: <c>a=b,c!=d,e in (x,y),f notin (z),g,!h,i&gt;3</c>. Empty text selects everything.</summary>
    /// <exception cref="SelectorException">The text is malformed; the message names the position.</exception>
    public static LabelSelector Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return string.IsNullOrWhiteSpace(text) ? Everything : new LabelSelector(new LabelSelectorParser(text).Parse());
    }

    /// <summary>
    /// Reads the object form: <c>matchLabels</c> and <c>matchExpressions</c>, or a plain map of labels as Services and
    /// ReplicationControllers have it.
    /// </summary>
    /// <param name="selector">The object; null selects nothing and gives null.</param>
    /// <exception cref="SelectorException">An expression has an unknown operator or lacks its values.</exception>
    public static LabelSelector? FromObject(JsonObject? selector)
    {
        if (selector is null)
            return null;
        bool structured = selector.Count == 0 || selector.At("matchLabels") is JsonObject || selector.At("matchExpressions") is JsonArray;
        List<LabelRequirement> requirements = [];
        foreach ((string key, JsonNode? value) in (structured ? selector.ObjectAt("matchLabels") : selector) ?? [])
            requirements.Add(new LabelRequirement(key, LabelOperator.In, [value.Text() ?? ""]));
        foreach (JsonObject expression in structured ? selector.ObjectsAt("matchExpressions") : [])
        {
            LabelOperator op = expression.TextAt("operator") switch
            {
                "In" => LabelOperator.In,
                "NotIn" => LabelOperator.NotIn,
                "Exists" => LabelOperator.Exists,
                "DoesNotExist" => LabelOperator.DoesNotExist,
                string other => throw new SelectorException($"\"{other}\" is not a valid label selector operator", -1),
                null => throw new SelectorException("a label selector expression has no operator", -1),
            };
            string[] values = [.. expression.TextsAt("values")];
            if (values.Length == 0 && op is LabelOperator.In or LabelOperator.NotIn)
                throw new SelectorException("for 'in', 'notin' operators, values set can't be empty", -1);
            requirements.Add(new LabelRequirement(expression.TextAt("key") ?? "", op, values));
        }
        return new LabelSelector(requirements);
    }

    /// <summary>Whether an object with these labels is selected; null stands for no labels.</summary>
    public bool Matches(JsonObject? labels)
    {
        foreach (LabelRequirement requirement in _requirements)
        {
            if (!requirement.Matches(labels))
                return false;
        }
        return true;
    }

    /// <summary>The text form, which <see cref="Parse"/> reads back to an equal selector.</summary>
    public override string ToString() => string.Join(',', _requirements.Select(r => r.ToString()));
}
