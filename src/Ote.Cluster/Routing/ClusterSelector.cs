using System.Diagnostics.CodeAnalysis;

namespace Ote.Cluster.Routing;

/// <summary>
/// Says which clusters are meant, by name and by tag; the language is docs/reference/selectors.md. Immutable and thread-safe.
/// Compiled once; matching is anchored to the whole name or tag, so <c>c1</c> never reaches <c>c10</c>, and allocates nothing.
/// </summary>
public sealed class ClusterSelector
{
    /// <summary>Longest text, in characters.</summary>
    public const int MaxLength = 256 * 1024;

    /// <summary>Deepest nesting of parentheses and negations.</summary>
    public const int MaxDepth = 32;

    /// <summary>Selects every cluster.</summary>
    public static readonly ClusterSelector Everything = new(new EveryCluster());

    private ClusterSelector(SelectorNode root)
    {
        Root = root;
        Canonical = root.Canonical();
    }

    /// <summary>One normal form: parses back to a selector with the same meaning and the same canonical text.</summary>
    public string Canonical { get; }

    /// <summary>The names, sorted, when the selector is nothing but exact names; otherwise null.</summary>
    public IReadOnlyList<string>? ExactNames => (Root as NameTerm)?.Names;

    internal SelectorNode Root { get; }

    /// <summary>Compiles <paramref name="text"/>; on failure says where and why.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out ClusterSelector? selector, [NotNullWhen(false)] out SelectorError? error)
    {
        SelectorParser parser = new(text ?? "");
        SelectorNode? root = parser.Parse();
        selector = root is null ? null : new ClusterSelector(root);
        error = root is null ? parser.Error ?? new SelectorError(0, "not a selector", []) : null;
        return root is not null;
    }

    /// <summary>Like <see cref="TryParse"/>.</summary>
    /// <exception cref="FormatException">Not a selector; the message has the position and the reason.</exception>
    public static ClusterSelector Parse(string text) =>
        TryParse(text, out ClusterSelector? selector, out SelectorError? error) ? selector : throw new FormatException(error.ToString());

    /// <summary>Selects exactly these clusters.</summary>
    /// <exception cref="ArgumentException">No name, an invalid one, or so many that the text would exceed <see cref="MaxLength"/>.</exception>
    public static ClusterSelector OfNames(IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        NameTerm term = new(names);
        if (term.Names.Count == 0) throw new ArgumentException("A selector needs at least one name.", nameof(names));
        foreach (string name in term.Names)
        {
            if (ClusterName.Check(name) is { } error) throw new ArgumentException(error, nameof(names));
        }

        ClusterSelector selector = new(term);
        return selector.Canonical.Length <= MaxLength
            ? selector
            : throw new ArgumentException($"{term.Names.Count} names make a selector longer than {MaxLength} characters; split them.", nameof(names));
    }

    /// <summary>True when the cluster of this name and these tags is meant.</summary>
    public bool Matches(string name, TagSet tags) => Root.Matches(name, tags);

    /// <summary>Like the other overload, for tags that are not a <see cref="TagSet"/> yet.</summary>
    /// <exception cref="ArgumentException">A tag is invalid.</exception>
    public bool Matches(string name, IReadOnlyCollection<string> tags) => Root.Matches(name, tags as TagSet ?? TagSet.Of(tags));

    /// <inheritdoc/>
    public override string ToString() => Canonical;
}
