using Ote.Cluster.Failover;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>
/// What a controller does with its links. Calls for one peer never overlap in their synchronous part and come in this order:
/// Attached, any number of ReceiveAsync and Beat, Detached; the Detached of a replaced link comes before the Attached of the new
/// one. They are made under that peer's gate: return quickly and do not block.
/// </summary>
public interface ILinkHandler
{
    /// <summary>
    /// Takes one message. Within a lane the synchronous parts run in order. The message is acknowledged when the task completes, so
    /// complete it only when durable if it must survive. Acknowledgements are cumulative: an early completion waits for its
    /// elders. A throw closes the link and the message is delivered again on the next one. The payload is never empty.
    /// </summary>
    /// <param name="link">Where it came from; may be down by the time the task completes.</param>
    /// <param name="message">The message, owned by the handler.</param>
    /// <param name="ct">Cancelled when the tunnel stops, not when the link is lost.</param>
    ValueTask ReceiveAsync(ILink link, Message message, CancellationToken ct);

    /// <summary>The link is up: registration takes effect here.</summary>
    /// <param name="link">The new link.</param>
    /// <param name="welcome">What the parent said.</param>
    /// <param name="hello">What the child said; null at the child. Its advertised address is checked: empty when unusable.</param>
    void Attached(ILink link, Welcome welcome, Hello? hello);

    /// <summary>The link is gone, for whatever reason.</summary>
    void Detached(ILink link, string reason);

    /// <summary>A heartbeat stated the digest of the peer's subtree.</summary>
    void Beat(ILink link, ulong digest)
    {
    }

    /// <summary>A heartbeat stated the parent's position.</summary>
    void Rose(ILink link, TreePosition parent)
    {
    }
}
