using Ote.Cluster.Budgets;
using Ote.Cluster.Tunnel;

namespace Ote.Cluster.Lateral;

/// <summary>A cluster that this one may have a lateral link with. Immutable.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Uid">Its identity: another cluster of that name is another.</param>
/// <param name="Address">host:port to dial; empty when it listens nowhere and must dial itself.</param>
/// <param name="Subtree">Whether it may speak for what it says hangs below it, and is told what hangs below here.</param>
/// <param name="Budget">What this end may send on the link; null: anything.</param>
internal sealed record LateralPeer(string Name, string Uid, string Address, bool Subtree, LinkBudget? Budget)
{
    /// <summary>Whether a certificate is this cluster's.</summary>
    public bool Is(PeerIdentity peer) => peer.Name == Name && peer.Uid == Uid;

    /// <summary>
    /// Whether this end dials: where only one of the two listens, the other does; where both do, the one whose name comes first, so that there is
    /// one link and not two.
    /// </summary>
    /// <param name="self">The own name.</param>
    /// <param name="ownAddress">Where this cluster can be dialled; empty: nowhere.</param>
    public bool IsDialled(string self, string ownAddress) =>
        Address.Length > 0 && (ownAddress.Length == 0 || string.CompareOrdinal(self, Name) < 0);

    /// <summary>All of it on one line, the same for equal ones.</summary>
    public override string ToString() => $"{Name} {Uid} {Address} {Subtree} {Budget}";
}
