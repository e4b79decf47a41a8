using System.Text;

namespace Ote.Cluster.Routing;

/// <summary>All of several terms.</summary>
internal sealed class AllOf : SelectorNode
{
    private AllOf(SelectorNode[] terms) => Terms = terms;

    public SelectorNode[] Terms { get; }

    /// <summary>Flattens, drops repeats and <c>*</c>.</summary>
    public static SelectorNode Create(List<SelectorNode> terms)
    {
        List<SelectorNode> kept = [];
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (SelectorNode term in terms.SelectMany(static t => t is AllOf all ? all.Terms : [t]))
        {
            if (term is not EveryCluster && (terms.Count == 1 || seen.Add(term.Canonical()))) kept.Add(term);
        }

        return kept.Count switch { 0 => new EveryCluster(), 1 => kept[0], _ => new AllOf([.. kept]) };
    }

    public override bool Matches(string name, TagSet tags)
    {
        foreach (SelectorNode term in Terms)
        {
            if (!term.Matches(name, tags)) return false;
        }

        return true;
    }

    public override void Write(StringBuilder text)
    {
        for (int i = 0; i < Terms.Length; i++)
        {
            if (i > 0) text.Append('&');
            bool list = Terms[i] is AnyOf or NameTerm { Names.Count: > 1 };
            if (list) text.Append('(');
            Terms[i].Write(text);
            if (list) text.Append(')');
        }
    }
}

/// <summary>Any of several alternatives; exact names among them are one hashed set.</summary>
internal sealed class AnyOf : SelectorNode
{
    private AnyOf(SelectorNode[] alternatives) => Alternatives = alternatives;

    public SelectorNode[] Alternatives { get; }

    /// <summary>Flattens, gathers the names, drops repeats; <c>*</c> swallows everything.</summary>
    public static SelectorNode Create(List<SelectorNode> alternatives)
    {
        if (alternatives.Count == 1) return alternatives[0];
        List<string> names = [];
        List<SelectorNode> kept = [];
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (SelectorNode alternative in alternatives.SelectMany(static a => a is AnyOf any ? any.Alternatives : [a]))
        {
            if (alternative is EveryCluster) return alternative;
            if (alternative is NameTerm name) names.AddRange(name.Names);
            else if (seen.Add(alternative.Canonical())) kept.Add(alternative);
        }

        if (names.Count > 0) kept.Insert(0, new NameTerm(names));
        return kept.Count == 1 ? kept[0] : new AnyOf([.. kept]);
    }

    public override bool Matches(string name, TagSet tags)
    {
        foreach (SelectorNode alternative in Alternatives)
        {
            if (alternative.Matches(name, tags)) return true;
        }

        return false;
    }

    public override void Write(StringBuilder text)
    {
        for (int i = 0; i < Alternatives.Length; i++)
        {
            if (i > 0) text.Append(',');
            Alternatives[i].Write(text);
        }
    }
}
