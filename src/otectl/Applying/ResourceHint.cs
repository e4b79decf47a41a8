namespace Ote.Ctl.Applying;

/// <summary>What <c>--resource PLURAL[.GROUP]</c> says about a kind that the control API does not serve.</summary>
internal sealed record ResourceHint(string Plural, string Group)
{
    internal static ResourceHint Parse(string text)
    {
        var dot = text.IndexOf('.', StringComparison.Ordinal);
        return dot < 0 ? new ResourceHint(text, "") : new ResourceHint(text[..dot], text[(dot + 1)..]);
    }

    /// <summary>The hint meant for a manifest: the only one of its group, or the one whose plural begins like the kind.</summary>
    internal static ResourceHint? For(Manifest manifest, IReadOnlyCollection<ResourceHint> hints)
    {
        var group = hints.Where(hint => hint.Group == manifest.Group).ToArray();
        var stem = manifest.Kind.ToLowerInvariant();
        stem = stem.EndsWith('y') ? stem[..^1] : stem;
        return group is [var only] ? only : group.FirstOrDefault(hint => hint.Plural.StartsWith(stem, StringComparison.Ordinal));
    }
}
