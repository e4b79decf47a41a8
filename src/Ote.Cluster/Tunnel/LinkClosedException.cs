namespace Ote.Cluster.Tunnel;

/// <summary>The link, or the conversation it carried, ended before the message was taken. The caller may send it on another.</summary>
/// <param name="peer">Who it was linked to.</param>
/// <param name="reason">Why it ended.</param>
public sealed class LinkClosedException(PeerIdentity peer, string reason) : Exception($"the link with {peer} ended: {reason}")
{
    /// <summary>Who it was linked to.</summary>
    public PeerIdentity Peer { get; } = peer;
}
