using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>Answers clusters that are nobody's children here and want a link for messages alone. Thread-safe.</summary>
internal interface ILateralDoor
{
    /// <summary>Decides, says so to the peer, and makes the link when it may be.</summary>
    /// <param name="channel">The channel; the caller's when there is no link.</param>
    /// <param name="peer">Who it is, by its certificate.</param>
    /// <param name="hello">What it said first.</param>
    /// <returns>The link, attached, for the caller to run; null when it was refused.</returns>
    Task<Link?> AnswerAsync(IPacketChannel channel, PeerIdentity peer, Hello hello);
}
