using Ote.Cluster.Budgets;
using Ote.Cluster.Failover;

namespace Ote.Cluster.Tunnel;

/// <summary>What a child tells its parent about itself; asked at each attempt, so that changes show.</summary>
public sealed record EdgeFacts
{
    /// <summary>
    /// The epoch of the next attachment: greater than any given before, also over restarts, and than the argument (0 when nothing is
    /// known). See <see cref="Identity.EpochCounter"/>.
    /// </summary>
    public required Func<ulong, ulong> NextEpoch { get; init; }

    /// <summary>The cluster's tags.</summary>
    public Func<IEnumerable<string>> Tags { get; init; } = static () => [];

    /// <summary>Where children of ours could dial, <c>host:port</c>; null when nowhere. A wildcard is left out.</summary>
    public Func<string?> AdvertisedAddress { get; init; } = static () => null;

    /// <summary>Version of the newest list of revocations we hold; 0 for none. The parent sends a newer one.</summary>
    public Func<ulong> Revocations { get; init; } = static () => 0;

    /// <summary>Version of the tree's trust we hold; 0 for none. The parent sends a newer one.</summary>
    public Func<ulong> Trust { get; init; } = static () => 0;

    /// <summary>The proof that the root has admitted us; empty for none.</summary>
    public Func<ReadOnlyMemory<byte>> Membership { get; init; } = static () => default;

    /// <summary>Product version.</summary>
    public string Version { get; init; } = "";

    /// <summary>The digest of our subtree, for heartbeats; null when there is none. Called often: quick, no waiting.</summary>
    public Func<ulong>? Digest { get; init; }

    /// <summary>Name of the parent we were set up with; empty until it has answered once.</summary>
    public Func<string> HomeName { get; init; } = static () => "";

    /// <summary>What the link to the parent may carry; null: anything. Asked when the tunnel is made; see <see cref="EdgeTunnel.Limit"/> for changes.</summary>
    public Func<LinkBudget?> Budget { get; init; } = static () => null;

    /// <summary>Counts the changes of <see cref="Budget"/> over the life of the cluster, so that an older word of it that comes late is known.</summary>
    public Func<ulong> BudgetRevision { get; init; } = static () => 0;

    /// <summary>The position in the tree that we have told our own children, which the parent's must be above.</summary>
    public Func<TreePosition> Position { get; init; } = static () => TreePosition.None;
}
