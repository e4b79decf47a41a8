namespace Ote.Kube.Server.Store;

/// <summary>A kind as clusters report it.</summary>
/// <param name="Group">API group; empty for core.</param>
/// <param name="Version">The version in which their objects are.</param>
/// <param name="Plural">Plural, lower case.</param>
/// <param name="Kind">The kind.</param>
/// <param name="Namespaced">Whether objects live in a namespace.</param>
/// <param name="Definition">JSON, what else is known of it: <c>names</c> and <c>version</c>, as a CustomResourceDefinition has them; empty for nothing. Clusters say it: nothing of it need be sound.</param>
public sealed record MirroredKind(string Group, string Version, string Plural, string Kind, bool Namespaced, string Definition)
{
    /// <summary>How many clusters report it so.</summary>
    public int Clusters { get; init; } = 1;

    /// <summary>Where its objects are, <c>group/plural</c>.</summary>
    public string Resource => $"{Group}/{Plural}";

    /// <summary>The same, however many clusters say so.</summary>
    public MirroredKind Form => this with { Clusters = 1 };

    /// <summary>
    /// Of each kind the form in which it is served: the version that Kubernetes prefers among all that are reported (stable before beta before alpha, higher numbers first), and of that version what most clusters say, or else what comes first as text.
    /// Whoever knows the same comes to the same.
    /// </summary>
    public static IEnumerable<MirroredKind> Choose(IEnumerable<MirroredKind> reported) => reported.GroupBy(k => k.Form).Select(g => g.Key with { Clusters = g.Sum(k => k.Clusters) }).GroupBy(k => k.Resource, StringComparer.Ordinal)
        .Select(g => g.OrderBy(k => k.Version, Schema.Crds.VersionOrder.Instance).ThenByDescending(k => k.Clusters).ThenBy(k => k.Kind, StringComparer.Ordinal).ThenBy(k => k.Namespaced).ThenBy(k => k.Definition, StringComparer.Ordinal).First());
}
