namespace Ote.Cluster.Namespaces;

/// <summary>That a namespace is not as it should be in a cluster.</summary>
/// <param name="Cluster">The cluster.</param>
/// <param name="Namespace">The namespace.</param>
/// <param name="Reason">Why, as one word.</param>
/// <param name="Text">For people.</param>
internal sealed record LackingNamespace(string Cluster, string Namespace, string Reason, string Text);

/// <summary>How the namespaces of one cluster stand. Immutable.</summary>
/// <param name="Lacking">What is not as it should be, by namespace.</param>
/// <param name="Policies">The policies that mean the cluster, by name, as they were when it was looked at.</param>
/// <param name="Sent">By namespace what was done last and is not reported yet, and until when that is waited for.</param>
internal sealed record ClusterNamespaces(
    IReadOnlyDictionary<string, LackingNamespace> Lacking, IReadOnlyDictionary<string, AcceptedPolicy> Policies, IReadOnlyDictionary<string, (string Mark, DateTimeOffset Until)> Sent)
{
    /// <summary>What is not as a policy wants it.</summary>
    public IEnumerable<LackingNamespace> LackingOf(string policy) => Policies.TryGetValue(policy, out var accepted) ? Lacking.Values.Where(l => accepted.IsAbout(l.Namespace)) : [];
}
