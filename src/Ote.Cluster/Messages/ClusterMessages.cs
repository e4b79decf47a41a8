using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Access;
using Ote.Cluster.Handling;
using Ote.Cluster.Journal;
using Ote.Cluster.Lateral;
using Ote.Cluster.Routing;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Messages;

/// <summary>
/// What the applications of this cluster and of others say to each other, through the tree. A message is on disk when
/// <see cref="SendAsync"/> completes, on the next controller's disk before it leaves this one's, and ends in one known way. Thread-safe.
/// </summary>
public sealed class ClusterMessages : IDisposable
{
    private readonly RouteKeeper _routes;
    private readonly MessageRelay _relay;
    private readonly Inbox _inbox;
    private readonly SentMessages _sent;
    private readonly LostNames _lost;
    private readonly TimeProvider _time;
    private readonly MessageAccess _access;
    private readonly CancellationToken _stop;
    private readonly Action<ViolationReason> _violated;
    private readonly ILogger _log;

    internal ClusterMessages(
        RouteKeeper routes, MessageAccess access, Uplink uplink, Func<string, ILink?> linkTo, Func<LateralLinks?> lateral, Action<ViolationReason> violated, int mostHops, IJournal journal, TimeProvider time, ILogger log,
        CancellationToken stop)
    {
        (_access, _stop, _violated) = (access, stop, violated);
        (_routes, _time, _log) = (routes, time, log);
        var self = routes.Self.Name;
        _lost = new LostNames(time);
        _inbox = new Inbox(journal, time, log);
        _relay = new MessageRelay(
            self,
            journal,
            (message, fromAbove) => routes.Read(t => MessageRoute.Decide(t, message.To, uplink.IsRoot, fromAbove, _lost.MayReturn))
                .Or(() => lateral()?.Choose(message.From, message.To, message.CalculateSize(), _relay!.WentAcross(message))),
            step => step.Step switch { MessageStep.Up => uplink.Link, MessageStep.Across => lateral()?.LinkTo(step.Next), _ => linkTo(step.Next) },
            ArrivedAsync, mostHops, time, log);

        // What nobody can judge yet is sent when it is looked at again.
        _sent = new SentMessages(self, journal, message => _access.IsKnown ? JudgeAsync(message, fromAbove: false, 0) : Task.CompletedTask, time, log);
    }

    /// <summary>Raised when more is known of a message that was sent, on the thread that brought it: queue, do not work.</summary>
    public event Action<SentMessage>? Changed
    {
        add => _sent.Changed += value;
        remove => _sent.Changed -= value;
    }

    /// <summary>Messages on their way through here.</summary>
    public int Relaying => _relay.Count;

    /// <summary>Messages that no application here has taken yet.</summary>
    public int Waiting => _inbox.Count;

    /// <summary>Messages sent from here whose fate is not known yet.</summary>
    public int Open => _sent.Open;

    /// <summary>Most links that a message, or word of one, had travelled when it came here, since this process began.</summary>
    public int Farthest => (int)_relay.Farthest;

    /// <summary>Sends a message to one cluster. Completes when it is on this disk.</summary>
    /// <param name="to">The target's name; the own one too.</param>
    /// <param name="topic">What it is about; who takes messages chooses by it. See <see cref="MessageLimits"/>.</param>
    /// <param name="contentType">Of the body, for who takes it; empty for none.</param>
    /// <param name="body">The content, up to <see cref="MessageLimits.BodyBytes"/>.</param>
    /// <param name="life">How long it may wait; null for <see cref="MessageLimits.DefaultLife"/>.</param>
    /// <param name="id">16 bytes nobody can guess, for who may have to send it a second time; null for random ones.</param>
    /// <returns>What is known of it.</returns>
    /// <exception cref="MessageException">It cannot be sent as asked.</exception>
    /// <exception cref="JournalException">It could not be kept, and is not sent.</exception>
    public Task<SentMessage> SendAsync(string to, string topic, string contentType, ReadOnlyMemory<byte> body, TimeSpan? life = null, byte[]? id = null)
    {
        ArgumentNullException.ThrowIfNull(to);
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(contentType);
        var wait = life ?? MessageLimits.DefaultLife;
        if (id is not null && id.Length != MessageLimits.IdBytes)
        {
            throw new MessageException($"an id has {MessageLimits.IdBytes} bytes, not {id.Length}");
        }

        if (MessageLimits.Fault(to, topic, contentType, body.Length, wait) is { } fault)
        {
            throw new MessageException(fault);
        }

        return _sent.SendAsync(id, to, new MessageData { Topic = topic, ContentType = contentType, Body = ByteString.CopyFrom(body.Span) }, wait);
    }

    /// <summary>What is known of a message sent from here; null when it was never sent, or ended more than an hour ago.</summary>
    public SentMessage? Find(string id) => _sent.Find(id);

    /// <summary>Completes when a message has ended, or at once when it is not known.</summary>
    public async Task<SentMessage?> WaitAsync(string id, CancellationToken ct)
    {
        TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        void Look(SentMessage message)
        {
            if (message.Id == id && message.Ended is not null)
            {
                ended.TrySetResult();
            }
        }

        _sent.Changed += Look;
        try
        {
            if (_sent.Find(id) is not { Ended: null } known)
            {
                return _sent.Find(id);
            }

            await ended.Task.WaitAsync(ct).ConfigureAwait(false);
            return _sent.Find(id) ?? known;
        }
        finally
        {
            _sent.Changed -= Look;
        }
    }

    /// <summary>Waits for messages to this cluster and gives the oldest; each is given out again if it is not acknowledged in 30 seconds.</summary>
    /// <param name="topic">Of this topic only; null for any.</param>
    /// <param name="most">At most so many; at least 1.</param>
    /// <param name="ct">Ends the wait.</param>
    public async Task<IReadOnlyList<ReceivedMessage>> ReceiveAsync(string? topic, int most, CancellationToken ct)
    {
        while (true)
        {
            var news = _inbox.NewsAsync();
            if (_inbox.Give(topic, most) is { Count: > 0 } given)
            {
                return given;
            }

            // What another taker has not acknowledged comes free without news.
            using var round = CancellationTokenSource.CreateLinkedTokenSource(ct);
            await Task.WhenAny(news, Task.Delay(Inbox.Hold, _time, round.Token)).ConfigureAwait(false);
            await round.CancelAsync().ConfigureAwait(false);
            ct.ThrowIfCancellationRequested();
        }
    }

    /// <summary>The oldest messages that wait and that nobody holds, as <see cref="ReceiveAsync"/> gives them; empty when there are none.</summary>
    /// <param name="topic">Of this topic only; null for any.</param>
    /// <param name="most">At most so many; at least 1.</param>
    public IReadOnlyList<ReceivedMessage> Take(string? topic, int most) => _inbox.Give(topic, most);

    /// <summary>An application has done with a message. Completes when that is on disk; false when no such message waits.</summary>
    public Task<bool> AcknowledgeAsync(string id) => _inbox.AcknowledgeAsync(id);

    /// <inheritdoc/>
    public void Dispose()
    {
        _relay.Dispose();
        _sent.Dispose();
    }

    /// <summary>Takes up what the last run left. Call once, when its routes are.</summary>
    internal void Restore()
    {
        if (_routes.Read(t => t.Count) > 1)
        {
            _lost.Restarted();
        }

        _inbox.Restore();
        _relay.Restore();
        _sent.Restore();
    }

    internal void Wake() => _relay.Wake();

    /// <summary>Somebody came, went, or is elsewhere now.</summary>
    internal void RoutesChanged(IReadOnlyList<RouteChange> changes)
    {
        _lost.Learn(changes);
        Wake();
    }

    /// <summary>Finds ways for messages that pass through, until stopped.</summary>
    internal Task RelayAsync(CancellationToken stop) => _relay.RunAsync(stop);

    /// <summary>Sends own messages again of which no word came, until stopped.</summary>
    internal Task RepeatAsync(CancellationToken stop) => _sent.RunAsync(stop);

    /// <summary>Takes a message from a child, which speaks for what stands behind it only.</summary>
    internal Task FromBelowAsync(ILink link, Message message)
    {
        var carried = message.ClusterMessage;
        if (carried.Turned)
        {
            _log.MessageTurned(carried.From, carried.To, link.Peer.Name);
            _violated(ViolationReason.MessageTurned);
            link.Close("a message that had gone down or across before was sent up");
            return Task.CompletedTask;
        }

        if (MessageLimits.IsSound(carried) && _routes.Read(t => t.IsBehind(carried.From, link.Peer.Name)))
        {
            return TakeAsync(message, fromAbove: false);
        }

        _log.MessageForged(carried.From, link.Peer.Name);
        return Task.CompletedTask;
    }

    /// <summary>Takes a message from the parent. It speaks for everyone but this cluster.</summary>
    internal Task FromAboveAsync(ILink link, Message message)
    {
        var carried = message.ClusterMessage;
        if (MessageLimits.IsSound(carried) && carried.From != _routes.Self.Name)
        {
            return TakeAsync(message, fromAbove: true);
        }

        _log.MessageForged(carried.From, link.Peer.Name);
        return Task.CompletedTask;
    }

    /// <summary>Takes a message from a lateral peer, to go down from here only.</summary>
    /// <param name="link">Over which it came.</param>
    /// <param name="message">The message.</param>
    /// <param name="speaks">Whether the peer may speak in the name it comes in.</param>
    internal Task FromAcrossAsync(ILink link, Message message, bool speaks)
    {
        if (speaks && MessageLimits.IsSound(message.ClusterMessage))
        {
            return TakeAsync(message, fromAbove: true);
        }

        _log.MessageForged(message.ClusterMessage.From, link.Peer.Name);
        return Task.CompletedTask;
    }

    private async Task TakeAsync(Message message, bool fromAbove)
    {
        if (!_access.IsKnown)
        {
            await _access.WaitAsync(_stop).ConfigureAwait(false); // whoever brought it keeps it meanwhile
        }

        var carried = message.ClusterMessage;
        var left = TimeSpan.FromMilliseconds(carried.RemainingMilliseconds <= 1 ? 0 : Math.Min(carried.RemainingMilliseconds, MessageLimits.LongestLife.TotalMilliseconds));
        carried.DeadlineUnixMilliseconds = (_time.GetUtcNow() + left).ToUnixTimeMilliseconds();
        await JudgeAsync(carried, fromAbove, message.Hops).ConfigureAwait(false);
    }

    /// <summary>Takes a message that policies allow; the sender of any other is told why not. Word of what became of one is always taken.</summary>
    private Task JudgeAsync(ClusterMessage carried, bool fromAbove, uint hops) =>
        carried.Data is { } data && _access.Objection(carried.From, carried.To, data.Topic) is { } why
            ? _relay.TellAsync(carried, hops, MessageOutcome.Types.State.Refused, why.Length <= MessageLimits.TextLength ? why : why[..MessageLimits.TextLength])
            : _relay.TakeAsync(carried, fromAbove, hops);

    private async Task ArrivedAsync(ClusterMessage message, uint hops)
    {
        if (message.Outcome is not null)
        {
            await _sent.LearnAsync(message).ConfigureAwait(false);
            return;
        }

        if (message.DeadlineUnixMilliseconds <= _time.GetUtcNow().ToUnixTimeMilliseconds() && !_inbox.Knows(message))
        {
            await _relay.TellAsync(message, hops, MessageOutcome.Types.State.Expired, $"its time was over when it came to {_routes.Self.Name}").ConfigureAwait(false);
            return;
        }

        var refusal = await _inbox.TakeAsync(message, hops).ConfigureAwait(false);
        var state = refusal is null ? MessageOutcome.Types.State.Delivered : MessageOutcome.Types.State.Refused;
        await _relay.TellAsync(message, hops, state, refusal ?? "").ConfigureAwait(false);
    }
}
