using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Failover;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Lateral;

/// <summary>
/// The handshake of lateral links, from both ends: as that of a child and its parent, with the same checks of identity, epoch and protocol, but
/// about nobody's place. Thread-safe.
/// </summary>
/// <param name="runtime">Shared parts.</param>
/// <param name="options">Figures; those of who is dialled hold on the link.</param>
/// <param name="self">The own name and uid.</param>
/// <param name="version">Product version.</param>
/// <param name="dialer">Opens channels.</param>
/// <param name="nextEpoch">Greater than any before, and than the argument.</param>
/// <param name="log">Where it logs.</param>
internal sealed class LateralShake(TunnelRuntime runtime, TunnelOptions options, PeerIdentity self, string version, IDialer dialer, Func<ulong, ulong> nextEpoch, ILogger log)
{
    private static readonly TimeSpan DialTimeout = TimeSpan.FromSeconds(10);
    private readonly TunnelOptions _plain = options with { Compress = false };

    /// <summary>Registers a link by its peer, epoch and whether the peer dialled, and makes it; null when it must not be.</summary>
    public delegate LateralLink? Register(LateralPeer allowed, ulong epoch, bool isAnswer, Func<LateralLink, Link> make);

    /// <summary>The figures of this end.</summary>
    public TunnelOptions Options => options;

    /// <summary>Answers one who dialled; the channel stays the caller's when the answer is null.</summary>
    public async Task<Link?> AnswerAsync(
        IPacketChannel channel, PeerIdentity peer, Hello hello, ulong known, string? revoked, LateralPeer? allowed, Register register, CancellationToken stop)
    {
        if (Objection(hello, peer, known, revoked, allowed is not null) is { } refusal)
        {
            runtime.Metrics.Refusals.Add(1, new("peer", "lateral"), new("reason", refusal.Reason.ToString()));
            log.LateralRefused(peer, refusal.Reason, refusal.Text);
            await Channels.SayLastAsync(channel, Frame.KindOneofCase.Refuse, refusal, runtime.Time).ConfigureAwait(false);
            return null;
        }

        var welcome = Handshake.Answer(hello, null, runtime.Ids.Next(), Admission.Accept([], TreePosition.None), options, version, self.Name);
        await channel.SendAsync(FrameWriter.Packet(Frame.KindOneofCase.Welcome, welcome), stop).ConfigureAwait(false);
        var agreed = welcome.Compression == Compression.None ? _plain : options;
        if (Attach(allowed!, peer, channel, hello, welcome, agreed, isAnswer: true, register, stop) is { } link)
        {
            return link;
        }

        await Channels.SayLastAsync(channel, Frame.KindOneofCase.Close, new Close { Reason = "overtaken by another lateral link" }, runtime.Time).ConfigureAwait(false);
        return null;
    }

    /// <summary>Dials a peer; the answer is attached, and for the caller to run.</summary>
    /// <exception cref="IOException">It was not reached, is another, or said no.</exception>
    /// <exception cref="ProtocolViolation">What it said is not the protocol.</exception>
    public async Task<Link> DialAsync(LateralPeer peer, Func<string?> revoked, Register register, CancellationToken handlers, CancellationToken stop)
    {
        var dialed = await ReachAsync(peer, stop).ConfigureAwait(false);
        Link? link = null;
        try
        {
            if (!peer.Is(dialed.Parent) || revoked() is not null)
            {
                throw new IOException(revoked() ?? $"{peer.Address} is {dialed.Parent}, not {peer.Name} ({peer.Uid})");
            }

            var hello = Hello();
            await dialed.Channel.SendAsync(FrameWriter.Packet(Frame.KindOneofCase.Lateral, hello), stop).ConfigureAwait(false);
            var answer = await Channels.ReadSingleAsync(dialed.Channel, options.HandshakeTimeout, runtime.Time, stop).ConfigureAwait(false);
            var welcome = Read(answer);
            link = Attach(peer, dialed.Parent, dialed.Channel, hello, welcome, Agree(welcome, hello, dialed.Parent), isAnswer: false, register, handlers);
            return link ?? throw new IOException("another lateral link with the same peer was faster, or it is not allowed any more");
        }
        finally
        {
            if (link is null)
            {
                await dialed.Channel.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    private static Refuse? Objection(Hello hello, PeerIdentity peer, ulong known, string? revoked, bool isAllowed, string self)
    {
        if (Handshake.Check(hello, peer, new HandshakeView(self, [], 0, int.MaxValue, known, IsLinked: true)) is { } refusal)
        {
            return refusal;
        }

        return revoked is not null ? new Refuse { Reason = Refuse.Types.Reason.Revoked, Text = revoked, Never = true }
            : isAllowed ? null
            : new Refuse
            {
                Reason = Refuse.Types.Reason.NotAccepted,
                Text = $"{self} was not told that it may have a lateral link with {peer.Name}; otectl lateral {self} {peer.Name}",
            };
    }

    private Refuse? Objection(Hello hello, PeerIdentity peer, ulong known, string? revoked, bool isAllowed) => Objection(hello, peer, known, revoked, isAllowed, self.Name);

    private async Task<Dialed> ReachAsync(LateralPeer peer, CancellationToken stop)
    {
        using CancellationTokenSource late = new(DialTimeout, runtime.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stop);
        try
        {
            return await dialer.DialAsync(new Uri($"https://{peer.Address}"), either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !stop.IsCancellationRequested)
        {
            throw new IOException($"no answer within {DialTimeout.TotalSeconds:0} s");
        }
    }

    private Hello Hello()
    {
        var hello = new Hello
        {
            Name = self.Name,
            Uid = self.Uid,
            Incarnation = ByteString.CopyFrom(runtime.Incarnation.Span),
            Epoch = nextEpoch(0),
            Version = version,
            Protocol = ProtocolLimits.Version,
        };
        if (options.Compress)
        {
            hello.Compressions.Add(Compression.Brotli);
        }

        return hello;
    }

    private Welcome Read(Frame answer)
    {
        if (answer.Refuse is { } refuse)
        {
            // Far beyond what any cluster comes to: a peer that lies cannot take epochs away.
            if (refuse is { Reason: Refuse.Types.Reason.OldEpoch, KnownEpoch: > 0 and <= Handshake.MaxToldEpoch })
            {
                nextEpoch(refuse.KnownEpoch);
            }

            throw new LateralRefusedException(refuse.Text, refuse.RetryAfterMilliseconds == 0 ? null : TimeSpan.FromMilliseconds(refuse.RetryAfterMilliseconds));
        }

        return answer.Close is { } close ? throw new IOException("the peer closed: " + close.Reason)
            : answer.Welcome ?? throw new ProtocolViolation(ViolationReason.UnexpectedFrame, $"{answer.KindCase} instead of Welcome");
    }

    private TunnelOptions Agree(Welcome welcome, Hello hello, PeerIdentity peer)
    {
        // A link of its own each time: nothing of an earlier one is resumed.
        if (welcome.Resumed || Handshake.Check(welcome, hello, peer, new Session(options)) is not null)
        {
            throw new IOException(Handshake.Check(welcome, hello, peer, new Session(options)) ?? "Welcome resumes a session, which a lateral link has none of");
        }

        try
        {
            var agreed = options.With(welcome.Limits);
            return welcome.Compression == Compression.None ? agreed with { Compress = false } : agreed;
        }
        catch (ArgumentException e)
        {
            throw new IOException("the peer's limits make no sense: " + e.Message, e);
        }
    }

    private Link? Attach(
        LateralPeer allowed, PeerIdentity peer, IPacketChannel channel, Hello hello, Welcome welcome, TunnelOptions agreed, bool isAnswer, Register register, CancellationToken handlers)
    {
        var setup = new LinkSetup(peer, hello.Epoch, agreed, IsParent: isAnswer, runtime.Random(), null, handlers) { IsLateral = true };
        if (register(allowed, hello.Epoch, isAnswer, l => new Link(runtime, l.Conversation, channel, l, setup)) is not { } made)
        {
            return null;
        }

        lock (made.Conversation.Dispatch)
        {
            made.Link.AttachNeedsDispatch(welcome, [], isAnswer ? hello : null);
        }

        return made.Link;
    }
}
