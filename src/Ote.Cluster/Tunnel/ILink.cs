using Ote.Cluster.Budgets;
using Ote.Cluster.Identity;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>
/// One attached pair, seen from either end. Thread-safe. What was accepted for sending survives a cut: it is sent again on the
/// next link with the same peer, in order within its lane, until the peer acknowledged it or the conversation is given up
/// (<see cref="TunnelOptions.Retention"/>). A lost link accepts nothing more.
/// </summary>
public interface ILink
{
    /// <summary>The peer, from its certificate.</summary>
    PeerIdentity Peer { get; }

    /// <summary>The peer's certificate when the root has not issued it, for as long as this link lasts; null otherwise.</summary>
    ProvisionalCertificate? Provisional => null;

    /// <summary>The attachment's epoch: of one uid, the newest wins.</summary>
    ulong Epoch { get; }

    /// <summary>The last measured round trip; null before the first heartbeat was echoed.</summary>
    TimeSpan? RoundTrip { get; }

    /// <summary>The round trip over the last measurements, each new one an eighth of it, as TCP does; null before the first.</summary>
    TimeSpan? SmoothRoundTrip => RoundTrip;

    /// <summary>What the link costs, by this end's books, which outlive the link; a snapshot.</summary>
    LinkCost Cost { get; }

    /// <summary>True until the link is lost, replaced or closed.</summary>
    bool IsUp { get; }

    /// <summary>
    /// Queues on the message's lane without waiting; the link sets sequence, hops, and id when it is empty. The message is encoded
    /// before this returns and is not kept.
    /// </summary>
    /// <returns>False when the lane is full or the link is gone.</returns>
    /// <exception cref="ArgumentException">No lane, no payload, or larger than the agreed message size.</exception>
    bool TrySend(Message message);

    /// <summary>
    /// Like <see cref="TrySend(Message)"/>, and takes the place of a queued, not yet sent message of the same lane and key: for
    /// reports, of which only the newest matters.
    /// </summary>
    bool TrySend(Message message, string replaces);

    /// <summary>Queues a message that was encoded once for many links.</summary>
    bool TrySend(SharedMessage message);

    /// <summary>Waits for room; completes when queued.</summary>
    /// <exception cref="LinkClosedException">The link was lost first.</exception>
    ValueTask SendAsync(Message message, CancellationToken ct);

    /// <summary>
    /// Like <see cref="SendAsync"/>, but completes when the peer acknowledged, so when its handler had completed. Waits across
    /// reconnects.
    /// </summary>
    /// <exception cref="LinkClosedException">The link was lost before the message was queued, or the conversation was given up.</exception>
    Task SendDurableAsync(Message message, CancellationToken ct);

    /// <summary>
    /// Another budget holds at this end from now on, until the child names one when it attaches anew; null: none. Takes effect with the
    /// next packet. What is on its way or queued stays.
    /// </summary>
    /// <param name="budget">The budget.</param>
    /// <param name="revision">The child's count of its budgets: a smaller one than the last came late and is ignored.</param>
    /// <param name="today">What the child says its link has carried today, under whatever parent; null: it does not say.</param>
    void Limit(LinkBudget? budget, ulong revision, LinkDay? today = null);

    /// <summary>Ends the link; what was queued is kept for the next one. Does not wait.</summary>
    /// <param name="reason">Told to the peer and logged.</param>
    /// <param name="planned">Somebody wished it: it is no fault of either end, and told to the peer as such.</param>
    void Close(string reason, bool planned = false);

    /// <summary>Whether its end was wished for, at this end or the other.</summary>
    bool IsPlanned { get; }
}
