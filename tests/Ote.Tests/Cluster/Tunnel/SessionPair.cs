using Ote.Cluster.Budgets;
using Ote.Cluster.Failover;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Tunnel;

/// <summary>Two sessions joined by queues of packets that the test moves, loses or cuts: no socket, no clock, no task.</summary>
internal sealed class SessionPair
{
    private readonly MessageIds sessionIds = new(new byte[] { 9, 9, 9, 9, 9, 9, 9, 9 });

    public SessionPair(TunnelOptions? options = null)
    {
        Options = options ?? new TunnelOptions();
        Child = new Side(this, 1);
        Parent = new Side(this, 2);
    }

    public TunnelOptions Options { get; }

    public long Now { get; set; } = 1000;

    public Side Child { get; }

    public Side Parent { get; }

    /// <summary>A handshake with the real rules. The parent may have forgotten the session.</summary>
    public void Connect(bool parentForgets = false)
    {
        Hello hello = new() { Session = Child.Session.Id };
        hello.Received.Add(Child.Session.Received());
        Admission admission = Admission.Accept(["root"], TreePosition.None);
        Welcome welcome = Handshake.Answer(hello, parentForgets ? null : Parent.Session, sessionIds.Next(), admission, Options, "", "root");
        Parent.Apply(Parent.Session.Connect(welcome.Session, welcome.Resumed, hello.Received, Options, 1, Now));
        Child.Apply(Child.Session.Connect(welcome.Session, welcome.Resumed, welcome.Received, Options, 1, Now));
        Resumed = welcome.Resumed;
    }

    public bool Resumed { get; private set; }

    /// <summary>The link is cut; what was under way is lost.</summary>
    public void Cut()
    {
        Child.Session.Disconnect();
        Parent.Session.Disconnect();
        Child.Wire.Clear();
        Parent.Wire.Clear();
    }

    /// <summary>Sends and delivers until nothing moves.</summary>
    public void Settle()
    {
        for (bool moved = true; moved;)
        {
            Child.CompleteAll();
            Parent.CompleteAll();
            moved = Child.Send(acks: true) | Parent.Send(acks: true);
            moved |= Child.Receive() | Parent.Receive();
        }
    }

    internal sealed class Side(SessionPair pair, byte seed)
    {
        private readonly MessageIds ids = new(new[] { seed, seed, seed, seed, seed, seed, seed, seed });
        private readonly byte[] buffer = new byte[Session.PacketBytes];

        public Session Session { get; } = new(pair.Options);

        /// <summary>Packets this side sent that have not arrived.</summary>
        public Queue<byte[]> Wire { get; } = new();

        /// <summary>Texts delivered to this side's handler, by lane.</summary>
        public Dictionary<Lane, List<string>> Delivered { get; } = [];

        /// <summary>Messages being handled at this side.</summary>
        public List<(Lane Lane, ulong Id)> Running { get; } = [];

        public List<object> Settled { get; } = [];

        /// <summary>What this side's budget lets it send.</summary>
        public Allowance Allowance { get; set; }

        public SentCounts LastSent;

        private Side Peer => pair.Child == this ? pair.Parent : pair.Child;

        /// <summary>How long the last message that came had been queued, as its sender told.</summary>
        public ulong LastQueued { get; private set; }

        public bool Queue(Lane lane, string text, string? key = null, object? ticket = null, bool packed = false)
        {
            byte[] body = SharedMessage.Create(TestMessages.Text(text, lane), ids).Body;
            return Session.TryQueue(Lanes.Index(lane), packed ? new Outgoing(Packing.TryPack(body)!, key, ticket, body.Length, pair.Now) : new Outgoing(body, key, ticket, queued: pair.Now));
        }

        public bool Send(bool acks = false)
        {
            LastSent = default;
            int length = Session.Build(buffer, pair.Now, acks, BeatFacts.None, Allowance, ref LastSent);
            if (length == 0) return false;
            Wire.Enqueue(buffer.AsSpan(0, length).ToArray());
            return true;
        }

        /// <summary>Takes the oldest packet of the peer.</summary>
        public bool Receive()
        {
            if (!Peer.Wire.TryDequeue(out byte[]? packet)) return false;
            Read(packet);
            return true;
        }

        public void Read(ReadOnlySpan<byte> packet)
        {
            Session.Heard(pair.Now);
            FrameReader reader = new(packet);
            while (reader.TryRead(out Frame.KindOneofCase kind, out ReadOnlySpan<byte> body))
            {
                switch (kind)
                {
                    case Frame.KindOneofCase.Message:
                        Arrive(FrameReader.Parse(Message.Parser, body), body.Length);
                        break;
                    case Frame.KindOneofCase.Chunk:
                        Chunk chunk = FrameReader.Parse(Chunk.Parser, body);
                        if (Session.OnChunk(chunk) is { IsEmpty: false } whole) Arrive(Packing.Read(whole.Span, (int)chunk.OriginalBytes, chunk.Lane, chunk.Sequence, chunk.QueuedMilliseconds), whole.Length);
                        break;
                    case Frame.KindOneofCase.Packed:
                        Packed packed = FrameReader.Parse(Packed.Parser, body);
                        Packing.Check(packed.Method, packed.OriginalBytes, pair.Options);
                        Arrive(Packing.Read(packed.Body.Span, (int)packed.OriginalBytes, packed.Lane, packed.Sequence, packed.QueuedMilliseconds), packed.Body.Length);
                        break;
                    case Frame.KindOneofCase.Ack:
                        Apply(Session.Acknowledge(FrameReader.Parse(Ack.Parser, body).Received));
                        break;
                    case Frame.KindOneofCase.Heartbeat:
                        Session.OnHeartbeat(FrameReader.Parse(Heartbeat.Parser, body), pair.Now);
                        break;
                    default:
                        throw new ProtocolViolation(ViolationReason.UnexpectedFrame, kind.ToString());
                }
            }
        }

        public void Apply(SessionEffects effects) => Settled.AddRange(effects.Tickets ?? []);

        public void Complete(int index, bool succeeded = true)
        {
            (Lane lane, ulong id) = Running[index];
            Running.RemoveAt(index);
            Session.Complete(lane, id, succeeded);
        }

        public void CompleteAll()
        {
            while (Running.Count > 0) Complete(0);
        }

        public List<string> Texts(Lane lane) => Delivered.TryGetValue(lane, out List<string>? texts) ? texts : [];

        private void Arrive(Message message, int size)
        {
            if (Session.OnMessage(message, size) != Arrival.Deliver) return;
            if (!Delivered.TryGetValue(message.Lane, out List<string>? texts)) Delivered[message.Lane] = texts = [];
            texts.Add(TestMessages.TextOf(message));
            LastQueued = message.QueuedMilliseconds;
            Running.Add((message.Lane, MessageIds.Fold(message.Id.Span)));
        }
    }
}
