using System.Collections.Immutable;
using Ote.Kube.Mirrors;
using Ote.Kube.Objects;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Cluster.Namespaces;

/// <summary>A policy whose ledger is on the control API's disk, so that it may be carried out.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="Wishes">One for each namespace it carries.</param>
/// <param name="Retired">Names and uids of those that were deleted here.</param>
internal sealed record AcceptedPolicy(NamespacePolicy Policy, IReadOnlyList<NamespaceWish> Wishes, IReadOnlySet<(string Name, string Uid)> Retired)
{
    private readonly HashSet<string> _about = [.. Wishes.Select(w => w.Name), .. Retired.Select(r => r.Name)];

    /// <summary>Whether it has something to say of a namespace.</summary>
    public bool IsAbout(string name) => _about.Contains(name);

    /// <summary>Whether it says the same.</summary>
    public bool IsAs(AcceptedPolicy other) =>
        Policy.IsAs(other.Policy) && Retired.SetEquals(other.Retired) && Wishes.Count == other.Wishes.Count && Wishes.Zip(other.Wishes).All(w => w.First.IsAs(w.Second));
}

/// <summary>What is to be done about one namespace of a cluster.</summary>
/// <param name="Namespace">Its name.</param>
/// <param name="Policy">Which policy says so.</param>
/// <param name="Step">What.</param>
internal sealed record PlannedStep(string Namespace, NamespacePolicy Policy, NamespaceStep Step);

/// <summary>The policies that are carried out. Pure, immutable.</summary>
/// <param name="Policies">By name.</param>
internal sealed record NamespaceBook(ImmutableSortedDictionary<string, AcceptedPolicy> Policies)
{
    /// <summary>Without policies.</summary>
    public static NamespaceBook Empty { get; } = new(ImmutableSortedDictionary<string, AcceptedPolicy>.Empty.WithComparers(StringComparer.Ordinal));

    /// <summary>The policies that mean a cluster, in the order of names.</summary>
    public IReadOnlyList<AcceptedPolicy> For(RouteEntry cluster) => [.. Policies.Values.Where(p => p.Policy.Means(cluster))];

    /// <summary>
    /// What is to be done about each namespace that policies are about, those that are as they should be included. Where several want one, the first by name has its way.
    /// </summary>
    /// <param name="policies">Those that mean the cluster.</param>
    /// <param name="there">What the cluster has reported of its namespaces, with something reported.</param>
    /// <param name="entry">The cluster whose control API has the policies.</param>
    public static IReadOnlyList<PlannedStep> Plan(IReadOnlyList<AcceptedPolicy> policies, MirroredCopies there, string entry)
    {
        var spaces = there.Objects.ToDictionary(s => s.Name(), StringComparer.Ordinal);
        var steps = new Dictionary<string, PlannedStep>(StringComparer.Ordinal);
        foreach (var policy in policies)
        {
            foreach (var wish in policy.Wishes.Where(w => !steps.ContainsKey(w.Name)))
            {
                steps[wish.Name] = new PlannedStep(wish.Name, policy.Policy, wish.Against(spaces.GetValueOrDefault(wish.Name), uid => policy.Retired.Contains((wish.Name, uid))));
            }
        }

        foreach (var policy in policies.Where(p => p.Policy.Deletes))
        {
            foreach (var (name, uid) in policy.Retired.Where(r => !steps.ContainsKey(r.Name)))
            {
                // Only what this very policy made of that very namespace.
                if (spaces.GetValueOrDefault(name) is { } space && NamespaceMark.Of(space) is { } mark && mark.Entry == entry && mark.Policy == policy.Policy.Name && mark.Uid == uid)
                {
                    steps[name] = new PlannedStep(name, policy.Policy, space.IsDeleting()
                        ? NamespaceStep.Leave("Terminating", "it was deleted here, and the cluster is deleting its own")
                        : new NamespaceStep(NamespaceDeed.Delete, Uid: space.Uid()));
                }
            }
        }

        return [.. steps.Values.OrderBy(s => s.Namespace, StringComparer.Ordinal)];
    }
}
