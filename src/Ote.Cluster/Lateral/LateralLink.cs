using System.Collections.Frozen;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Lateral;

/// <summary>
/// One lateral link: takes messages between clusters and how the peer stands, and nothing else. It is not resumed: what was not acknowledged when it
/// ends goes by another way. Thread-safe.
/// </summary>
internal sealed class LateralLink : ILinkHandler
{
    private readonly LateralLinks _owner;
    private volatile LateralState _standing = LateralState.Unknown;
    private volatile LateralState? _told;

    /// <param name="owner">Whom it tells what comes.</param>
    /// <param name="conversation">What it carries, for this link alone.</param>
    /// <param name="allowed">Who the peer is, and for whom it may speak.</param>
    public LateralLink(LateralLinks owner, Conversation conversation, LateralPeer allowed) => (_owner, Conversation, Allowed) = (owner, conversation, allowed);

    public Conversation Conversation { get; }

    /// <summary>Who the peer is, and for whom it may speak.</summary>
    public LateralPeer Allowed { get; set; }

    /// <summary>The link, once it is made.</summary>
    public Link Link { get; set; } = null!;

    /// <summary>How the peer stands.</summary>
    public LateralState Standing => _standing;

    /// <summary>Whether the last message that could go both ways went over this link.</summary>
    public bool IsTaken { get; set; }

    /// <summary>Messages that the peer brought; written in its order, read by anyone.</summary>
    public long Brought { get; set; }

    /// <summary>What it costs a message, by what is measured here.</summary>
    public Way Way => new(Link.IsUp && !Conversation.HoldsWork(), Link.SmoothRoundTrip, Conversation.Budget?.BytesPerSecond);

    /// <summary>Whether the peer says that a cluster is itself or below it, and may say so.</summary>
    public bool IsBehind(string cluster) => cluster == Allowed.Name || (Allowed.Subtree && _standing.Below.Contains(cluster));

    /// <summary>Whether the peer was told that a cluster is this one or below it: it would refuse messages in any other name.</summary>
    public bool Knows(string self, string cluster) => cluster == self || (Allowed.Subtree && _told?.Below.Contains(cluster) == true);

    /// <summary>Tells the peer how this cluster stands, if that is news. The peer gets it before any message that is sent later.</summary>
    public void Tell(LateralState state)
    {
        var said = Allowed.Subtree ? state : state with { Below = FrozenSet<string>.Empty };
        if (said.IsNews(_told) && Link.TrySend(new Message { Lane = Lane.Control, LateralNews = said.ToWire() }))
        {
            _told = said;
        }
    }

    public void Attached(ILink link, Welcome welcome, Hello? hello) => _owner.Attached(this);

    public void Detached(ILink link, string reason)
    {
        _owner.Detached(this);
        Conversation.Abandon(link.Peer, reason);
    }

    public async ValueTask ReceiveAsync(ILink link, Message message, CancellationToken ct)
    {
        switch (message.PayloadCase)
        {
            case Message.PayloadOneofCase.ClusterMessage when message.ClusterMessage.Turned:
                _owner.Violated(link, ViolationReason.MessageTurned, "a message that had gone down or across before");
                break;
            case Message.PayloadOneofCase.ClusterMessage:
                await _owner.TakeAsync(this, link, message).ConfigureAwait(false);
                break;
            case Message.PayloadOneofCase.LateralNews:
                _standing = LateralState.From(message.LateralNews);
                _owner.Heard();
                break;
            default:
                _owner.Violated(link, ViolationReason.NotLateral, message.PayloadCase.ToString());
                break;
        }
    }
}
