using Ote.Cluster.Identity;

namespace Ote.Cluster.Tunnel;

/// <summary>What is fixed for the life of one link.</summary>
/// <param name="Peer">From the certificate.</param>
/// <param name="Epoch">Of the attachment.</param>
/// <param name="Agreed">The figures both ends hold to.</param>
/// <param name="IsParent">True at the parent's end.</param>
/// <param name="Phase">0 to 1: where in the interval this link's heartbeats fall.</param>
/// <param name="Beat">What heartbeats tell; null: nothing. Called often: quick, no waiting.</param>
/// <param name="Stop">Given to the handler.</param>
/// <param name="Provisional">The peer's certificate when the root has not issued it.</param>
internal sealed record LinkSetup(
    PeerIdentity Peer, ulong Epoch, TunnelOptions Agreed, bool IsParent, double Phase, Func<BeatFacts>? Beat, CancellationToken Stop, ProvisionalCertificate? Provisional = null)
{
    /// <summary>Neither end is the other's parent: the link is for messages between clusters alone.</summary>
    public bool IsLateral { get; init; }

    /// <summary>Which side the peer is, for meters.</summary>
    public KeyValuePair<string, object?> SideTag => new("peer", IsLateral ? "lateral" : IsParent ? "child" : "parent");
}
