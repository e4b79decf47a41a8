using System.Text;

namespace Ote.Cluster.Routing;

/// <summary>One node of a compiled selector. Immutable; matching allocates nothing.</summary>
internal abstract class SelectorNode
{
    public abstract bool Matches(string name, TagSet tags);

    /// <summary>Appends the canonical text, such that it can stand as a term beside <c>&amp;</c>.</summary>
    public abstract void Write(StringBuilder text);

    /// <summary>Appends the canonical text of this node's negation.</summary>
    public virtual void WriteNegated(StringBuilder text)
    {
        text.Append("!(");
        Write(text);
        text.Append(')');
    }

    public string Canonical()
    {
        StringBuilder text = new();
        Write(text);
        return text.ToString();
    }
}

internal sealed class EveryCluster : SelectorNode
{
    public override bool Matches(string name, TagSet tags) => true;

    public override void Write(StringBuilder text) => text.Append('*');

    public override void WriteNegated(StringBuilder text) => text.Append("!*");
}

/// <summary>Any of these exact names.</summary>
internal sealed class NameTerm : SelectorNode
{
    private readonly HashSet<string> names;

    public NameTerm(IEnumerable<string> names)
    {
        this.names = new HashSet<string>(names, StringComparer.Ordinal);
        Names = [.. this.names.Order(StringComparer.Ordinal)];
    }

    public IReadOnlyList<string> Names { get; }

    public override bool Matches(string name, TagSet tags) => names.Contains(name);

    public override void Write(StringBuilder text)
    {
        // More than one name is an alternative list; beside '&' it needs parentheses, which AnyOf and AllOf decide.
        text.AppendJoin(',', Names);
    }
}

/// <summary>A wildcard over the name and over each tag's whole text.</summary>
internal sealed class GlobTerm(string pattern) : SelectorNode
{
    public override bool Matches(string name, TagSet tags)
    {
        if (Glob.Matches(pattern, name)) return true;
        foreach (string tag in tags.Texts)
        {
            if (Glob.Matches(pattern, tag)) return true;
        }

        return false;
    }

    public override void Write(StringBuilder text) => text.Append(pattern);

    public override void WriteNegated(StringBuilder text) => text.Append('!').Append(pattern);
}

internal sealed class HasTag(string key) : SelectorNode
{
    public string Key { get; } = key;

    public override bool Matches(string name, TagSet tags) => tags.TryGet(Key, out _);

    public override void Write(StringBuilder text) => text.Append("has(").Append(Key).Append(')');

    public override void WriteNegated(StringBuilder text) => text.Append('!').Append(Key);
}

/// <summary>The tag's value is one of a list, each exact or a wildcard.</summary>
internal sealed class TagValueIn : SelectorNode
{
    private readonly string[] values;
    private readonly bool anyPattern;

    public TagValueIn(string key, IEnumerable<string> values)
    {
        Key = key;
        this.values = [.. values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        anyPattern = this.values.Any(static v => Glob.IsPattern(v));
    }

    public string Key { get; }

    /// <summary>The exact values, or null when one is a wildcard.</summary>
    public IReadOnlyList<string>? ExactValues => anyPattern ? null : values;

    public override bool Matches(string name, TagSet tags)
    {
        if (!tags.TryGet(Key, out string? value) || value is null) return false;
        foreach (string candidate in values)
        {
            if (anyPattern ? Glob.Matches(candidate, value) : candidate == value) return true;
        }

        return false;
    }

    public override void Write(StringBuilder text) => Write(text, "=", " in (");

    public override void WriteNegated(StringBuilder text) => Write(text, "!=", " notin (");

    private void Write(StringBuilder text, string one, string many)
    {
        text.Append(Key);
        if (values.Length == 1) text.Append(one).Append(values[0]);
        else text.Append(many).AppendJoin(',', values).Append(')');
    }
}

internal sealed class NotTerm(SelectorNode inner) : SelectorNode
{
    public SelectorNode Inner { get; } = inner;

    public override bool Matches(string name, TagSet tags) => !Inner.Matches(name, tags);

    public override void Write(StringBuilder text) => Inner.WriteNegated(text);
}
