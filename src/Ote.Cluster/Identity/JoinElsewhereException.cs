using Ote.Cluster.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>Who was asked to let a cluster join is a replica that does not lead, and says which one does.</summary>
/// <param name="why">In its own words.</param>
/// <param name="leader">Where the one that leads is.</param>
/// <param name="peer">Who said so, by its certificate: whoever is found there must be the same.</param>
internal sealed class JoinElsewhereException(string why, Uri leader, PeerIdentity peer) : IOException(why)
{
    /// <summary>Where the one that leads is.</summary>
    public Uri Leader => leader;

    /// <summary>Who said so.</summary>
    public PeerIdentity Peer => peer;
}
