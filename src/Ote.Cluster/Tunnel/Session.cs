using Google.Protobuf;
using Ote.Cluster.Budgets;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>
/// The conversation with one peer as a state machine: events in, packets and verdicts out. It outlives links: a link connects and
/// disconnects it, and what was accepted but not acknowledged goes out again. Pure (no clock, socket, task, randomness); times are
/// milliseconds of one monotonic clock; the owner serialises calls.
/// </summary>
internal sealed class Session
{
    /// <summary>Largest packet sent: one TLS record, so that an urgent message never waits for more than one behind a large one.</summary>
    public const int PacketBytes = 16 * 1024 - 32;

    // A part smaller than this is not worth a frame of its own.
    private const int MinPartBytes = 1024;
    private const int ChunkOverhead = 67;
    private const int PackedOverhead = 51;
    private const int BeatBytes = 56 + AckBytes;
    private const int AckBytes = 4 + (Lanes.Count * 16);

    /// <summary>Messages of one lane whose acknowledgement may wait for the next heartbeat: a sender must allow itself more in flight.</summary>
    public const int FewMessages = 3;

    private const int FewBytes = 16 * 1024;
    private static readonly TimeSpan MostAckWait = TimeSpan.FromSeconds(5);

    private readonly OutboundLane?[] outbound = new OutboundLane?[Lanes.Count];
    private readonly InboundLane?[] inbound = new InboundLane?[Lanes.Count];
    private readonly TunnelOptions options;
    private TunnelOptions agreed;
    private LaneShares? shares;
    private Liveness liveness;

    /// <param name="options">This side's own figures: what it queues, and what holds until a parent names others.</param>
    public Session(TunnelOptions options)
    {
        this.options = options;
        agreed = options;
    }

    /// <summary>Names the session to resume; empty before the first link.</summary>
    public ByteString Id { get; private set; } = ByteString.Empty;

    public bool IsConnected { get; private set; }

    /// <summary>The figures in force on the present link.</summary>
    public TunnelOptions Agreed => agreed;

    /// <summary>When <see cref="Tick"/> must be called at the latest.</summary>
    public long Due => liveness.Due;

    /// <summary>Cumulative cursors of what is complete here, for Hello and Welcome.</summary>
    public IEnumerable<LaneCursor> Received()
    {
        for (int i = 0; i < Lanes.Count; i++)
        {
            if (inbound[i] is { Completed: > 0 } lane) yield return new LaneCursor { Lane = Lanes.At(i), Sequence = lane.Completed };
        }
    }

    /// <summary>Whether a peer that has received so much can go on where it was: it names this session and nothing it cannot have.</summary>
    public bool CanResume(ByteString session, IReadOnlyCollection<LaneCursor> peerReceived)
    {
        if (session.IsEmpty || session != Id) return false;
        foreach (LaneCursor cursor in peerReceived)
        {
            if (cursor.Lane is < Lane.Control or > Lane.Bulk) return false;
            if (cursor.Sequence > (outbound[Lanes.Index(cursor.Lane)]?.HighestSent ?? 0)) return false;
        }

        return true;
    }

    /// <summary>A link is up. Resumed: the cursors settle what the peer has. Otherwise sequences start over, nothing queued is lost.</summary>
    /// <exception cref="ProtocolViolation">The cursors acknowledge what was never sent.</exception>
    public SessionEffects Connect(ByteString session, bool resumed, IEnumerable<LaneCursor> peerReceived, TunnelOptions figures, double phase, long now)
    {
        SessionEffects effects = default;
        agreed = figures;
        liveness = new Liveness((long)figures.Heartbeat.TotalMilliseconds, (long)figures.Lease.TotalMilliseconds, phase, now);
        if (resumed)
        {
            effects = Acknowledge(peerReceived);
        }
        else
        {
            Id = session;
            foreach (OutboundLane? lane in outbound) lane?.Renew();
            foreach (InboundLane? lane in inbound) lane?.Renew();
        }

        foreach (InboundLane? lane in inbound)
        {
            if (lane is not null) lane.Window = figures.Window;
        }

        if (!figures.Compress)
        {
            foreach (OutboundLane? lane in outbound) lane?.Unpack();
        }

        Rewind();
        IsConnected = true;
        return effects;
    }

    /// <summary>The link is gone; everything unacknowledged waits for the next.</summary>
    public void Disconnect()
    {
        IsConnected = false;
        Rewind();
    }

    /// <summary>Gives everything up, handing back the tickets of what was not acknowledged.</summary>
    public SessionEffects Abandon()
    {
        SessionEffects effects = default;
        Disconnect();
        for (int i = 0; i < Lanes.Count; i++)
        {
            effects.Freed[i] = Queued(i);
            outbound[i]?.Drain(ref effects.Tickets);
        }

        Id = ByteString.Empty;
        return effects;
    }

    /// <summary>How lanes below Control share packets from now on; null: by strict priority, as without this.</summary>
    public void Weigh(LaneWeights? weights)
    {
        if (weights != shares?.Weights) shares = weights is { } given ? new LaneShares(given) : null;
    }

    /// <summary>Queues a message. False when its lane is full.</summary>
    public bool TryQueue(int lane, Outgoing message) => Out(lane).TryAdd(message);

    /// <summary>Messages held on a lane, sent and unsent.</summary>
    public int Queued(int lane) => outbound[lane]?.Count ?? 0;

    /// <summary>True when a packet built now would carry more than a courtesy.</summary>
    public bool HasWork(long now, Allowance allowance = default) => IsConnected && (liveness.IsBeatDue(now) || Ready(allowance) != 0);

    /// <summary>Whether there is something to send that an allowance holds back.</summary>
    public bool Holds(Allowance allowance) => IsConnected && allowance.Held != 0 && (Ready(default) & allowance.Held) != 0;

    /// <summary>
    /// Whether the peer should be told of progress, and how soon. A few small messages cost the peer nothing to keep, and whoever sends
    /// more than so many at a time is told soon: so the last of them may wait for a packet that goes out anyway.
    /// </summary>
    public AckNeed Acks()
    {
        AckNeed need = AckNeed.None;
        foreach (InboundLane? lane in inbound)
        {
            if (lane is not { AckPending: true }) continue;
            if (lane.Untold >= (ulong)agreed.Window / 2) return AckNeed.Now;
            bool few = lane is { Untold: <= FewMessages, UntoldBytes: <= FewBytes, Remind: false } && agreed.Heartbeat <= MostAckWait;
            if (!few) need = AckNeed.Soon;
            else if (need == AckNeed.None) need = AckNeed.Late;
        }

        return need;
    }

    /// <summary>Acknowledgements for the last packet of a link; null when the peer knows all.</summary>
    public Ack? LastAcks() => IsConnected && Acks() != AckNeed.None ? TakeAck() : null;

    /// <summary>
    /// Fills one packet: a due heartbeat, acknowledgements when <paramref name="acks"/> or when there is anything else, then messages
    /// in the order of their lanes, or those below Control by weight. 0 when there is nothing to send.
    /// </summary>
    /// <param name="buffer">At least <see cref="PacketBytes"/>.</param>
    /// <param name="now">The time.</param>
    /// <param name="acks">Send acknowledgements although nothing else is to be sent.</param>
    /// <param name="facts">What a heartbeat tells.</param>
    /// <param name="allowance">Which lanes may send. Heartbeats and acknowledgements always do.</param>
    /// <param name="sent">What the packet carries, for the meters.</param>
    public int Build(Span<byte> buffer, long now, bool acks, in BeatFacts facts, Allowance allowance, ref SentCounts sent)
    {
        if (!IsConnected) return 0;
        FrameWriter writer = new(buffer[..PacketBytes]);
        bool work = HasWork(now, allowance);
        if (liveness.IsBeatDue(now)) writer.Write(Frame.KindOneofCase.Heartbeat, Beat(now, facts));
        if ((acks || work) && Acks() != AckNeed.None)
        {
            writer.Write(Frame.KindOneofCase.Ack, TakeAck());
            sent.Acks++;
        }

        if (shares is null) FillByPriority(ref writer, now, allowance, ref sent);
        else FillByWeight(ref writer, now, shares, allowance, ref sent);
        return writer.Written;
    }

    /// <summary>Any byte of the peer renews the lease.</summary>
    public void Heard(long now) => liveness.Heard(now);

    /// <summary>The peer's heartbeat; the round trip in milliseconds, -1 when not known from it.</summary>
    /// <exception cref="ProtocolViolation">Something that it has sent before has not come.</exception>
    public long OnHeartbeat(Heartbeat beat, long now)
    {
        foreach (LaneCursor cursor in beat.Unacknowledged)
        {
            In(Lanes.Index(cursor.Lane)).Expect(cursor.Sequence);
        }

        return liveness.Heard(beat, now);
    }

    /// <summary>Time has passed.</summary>
    public SessionState Tick(long now, Allowance allowance = default) =>
        !IsConnected ? SessionState.Down : liveness.IsLost(now) ? SessionState.Lost : HasWork(now, allowance) ? SessionState.Send : SessionState.Quiet;

    /// <summary>The peer has received more.</summary>
    /// <exception cref="ProtocolViolation">It acknowledges what was never sent.</exception>
    public SessionEffects Acknowledge(IEnumerable<LaneCursor> cursors)
    {
        SessionEffects effects = default;
        foreach (LaneCursor cursor in cursors)
        {
            int index = Lanes.Index(cursor.Lane);
            if (outbound[index] is { } lane)
            {
                effects.Freed[index] += lane.Acknowledge(cursor.Sequence, ref effects.Tickets);
            }
            else if (cursor.Sequence > 0)
            {
                throw new ProtocolViolation(ViolationReason.AckBeyondSent, $"acknowledged {cursor.Sequence} on lane {Lanes.Name(index)}, nothing was sent there");
            }
        }

        return effects;
    }

    /// <summary>A message arrived. Deliver: hand it to the handler and report with <see cref="Complete"/>; otherwise it needs nothing more.</summary>
    /// <param name="message">The message.</param>
    /// <param name="size">Its encoded bytes: what the peer keeps until it is acknowledged.</param>
    /// <exception cref="ProtocolViolation">It breaks the rules.</exception>
    public Arrival OnMessage(Message message, int size)
    {
        int index = Lanes.Index(message.Lane);
        if (message.Id.Length != ProtocolLimits.MessageIdBytes)
        {
            throw new ProtocolViolation(ViolationReason.BadMessageId, $"an id of {message.Id.Length} bytes on lane {Lanes.Name(index)}");
        }

        InboundLane lane = In(index);
        bool isNew = lane.IsNew(message.Sequence);
        if (lane.Partial is not null) throw new ProtocolViolation(ViolationReason.BadChunk, $"message {message.Sequence} between the parts of {lane.Partial.Sequence}");
        if (!isNew) return Arrival.Repeat;
        ulong id = MessageIds.Fold(message.Id.Span);
        if (!lane.Take(message.Sequence, id, size)) return Arrival.Repeat;
        if (message.Hops > (uint)agreed.MaxHops)
        {
            lane.Complete(id, true);
            return Arrival.TooManyHops;
        }

        if (message.PayloadCase == Message.PayloadOneofCase.None)
        {
            lane.Complete(id, true);
            return Arrival.NoPayload;
        }

        return Arrival.Deliver;
    }

    /// <summary>
    /// A part of a message arrived; the whole encoded, perhaps compressed message once it is complete and new, otherwise empty. Read it
    /// with <see cref="Packing.Read"/>, without what serialises calls.
    /// </summary>
    /// <exception cref="ProtocolViolation">It breaks the rules.</exception>
    public ReadOnlyMemory<byte> OnChunk(Chunk chunk)
    {
        InboundLane lane = In(Lanes.Index(chunk.Lane));
        if (!lane.IsNew(chunk.Sequence)) return default;
        lane.Partial ??= Reassembly.Start(chunk, agreed);
        ReadOnlyMemory<byte> whole = lane.Partial.Add(chunk);
        if (!whole.IsEmpty) lane.Partial = null;
        return whole;
    }

    /// <summary>The handler of a delivered message ended.</summary>
    public void Complete(Lane lane, ulong id, bool succeeded) => In(Lanes.Index(lane)).Complete(id, succeeded);

    private Heartbeat Beat(long now, in BeatFacts facts)
    {
        Heartbeat beat = liveness.Beat(now, facts);
        for (int i = 0; i < Lanes.Count; i++)
        {
            if (outbound[i] is { Unacknowledged: > 0 } lane) beat.Unacknowledged.Add(new LaneCursor { Lane = Lanes.At(i), Sequence = lane.Unacknowledged });
        }

        return beat;
    }

    private void Rewind()
    {
        foreach (OutboundLane? lane in outbound) lane?.Rewind();
        foreach (InboundLane? lane in inbound)
        {
            if (lane is not null) lane.Partial = null;
        }
    }

    private OutboundLane Out(int index) => outbound[index] ??= new OutboundLane(options.LaneMessages, options.LaneBytes);

    private InboundLane In(int index) => inbound[index] ??= new InboundLane(agreed.Window);

    private Ack TakeAck()
    {
        Ack ack = new();
        for (int i = 0; i < Lanes.Count; i++)
        {
            if (inbound[i] is { AckPending: true } lane) ack.Received.Add(new LaneCursor { Lane = Lanes.At(i), Sequence = lane.Tell() });
        }

        return ack;
    }

    private void FillByPriority(ref FrameWriter writer, long now, Allowance allowance, ref SentCounts sent)
    {
        for (int i = 0; i < Lanes.Count; i++)
        {
            if (outbound[i] is { } lane && allowance.Lets(i) && !Fill(ref writer, now, i, lane, ref sent)) return;
        }
    }

    private void FillByWeight(ref FrameWriter writer, long now, LaneShares shared, Allowance allowance, ref SentCounts sent)
    {
        if (outbound[0] is { } control && !Fill(ref writer, now, 0, control, ref sent)) return;
        while (shared.Next(Ready(allowance)) is > 0 and int next)
        {
            int before = writer.Written;
            bool more = WriteNext(ref writer, now, next, outbound[next]!, ref sent);
            shared.Sent(next, writer.Written - before);
            if (!more) return;
        }
    }

    // A bit for each lane that has something to send, and may.
    private int Ready(Allowance allowance)
    {
        int ready = 0;
        for (int i = 0; i < Lanes.Count; i++)
        {
            if (allowance.Lets(i) && outbound[i]?.Next(agreed.Window) is not null) ready |= 1 << i;
        }

        return ready;
    }

    // True when lower lanes may use what is left of the packet.
    private bool Fill(ref FrameWriter writer, long now, int index, OutboundLane lane, ref SentCounts sent)
    {
        while (lane.Next(agreed.Window) is not null)
        {
            if (!WriteNext(ref writer, now, index, lane, ref sent)) return false;
        }

        return true;
    }

    // Writes the lane's next message, or a part of it; false when the packet is full.
    private bool WriteNext(ref FrameWriter writer, long now, int index, OutboundLane lane, ref SentCounts sent)
    {
        Outgoing next = lane.Next(agreed.Window)!;
        ulong sequence = lane.NextSequence;
        ulong queued = QueuedTime.Of(next.Queued, now);
        Compression method = next.Original > 0 ? Compression.Brotli : Compression.None;
        int size = next.Original > 0 ? next.Body.Length + PackedOverhead : FrameWriter.MessageSize(next.Body.Length, sequence, queued);
        if (lane.ChunkOffset == 0 && size <= writer.Free && next.Original > 0)
        {
            writer.Write(Frame.KindOneofCase.Packed, new Packed
            {
                Lane = Lanes.At(index), Sequence = sequence, Method = method, OriginalBytes = (uint)next.Original, Body = UnsafeByteOperations.UnsafeWrap(next.Body),
                QueuedMilliseconds = queued,
            });
        }
        else if (lane.ChunkOffset == 0 && size <= writer.Free)
        {
            writer.WriteMessage(next.Body, sequence, queued);
        }
        else if (lane.ChunkOffset == 0 && size <= PacketBytes - BeatBytes - AckBytes)
        {
            return false; // it fits the next packet whole
        }
        else
        {
            int room = writer.Free - ChunkOverhead;
            int part = Math.Min(room, next.Body.Length - lane.ChunkOffset);
            if (room < MinPartBytes && part > room - 1) return false;
            writer.Write(Frame.KindOneofCase.Chunk, new Chunk
            {
                Lane = Lanes.At(index),
                Sequence = sequence,
                Index = lane.ChunkIndex,
                TotalBytes = (uint)next.Body.Length,
                Part = UnsafeByteOperations.UnsafeWrap(next.Body.AsMemory(lane.ChunkOffset, part)),
                Method = method,
                OriginalBytes = (uint)next.Original,
                QueuedMilliseconds = queued,
            });
            lane.ChunkOffset += part;
            lane.ChunkIndex++;
            if (lane.ChunkOffset < next.Body.Length) return false;
        }

        if (next.Original > 0) sent.Saved += next.Original - next.Body.Length;
        sent.Count(index, next.Body.Length, lane.MarkSent());
        return true;
    }
}
