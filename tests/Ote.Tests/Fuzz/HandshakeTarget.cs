using Google.Protobuf;
using Ote.Cluster.Budgets;
using Ote.Cluster.Failover;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;
using Wire = Ote.Protocol.Tunnel;

namespace Ote.Tests.Fuzz;

/// <summary>The first packet of either end: a child's Hello as its parent reads it, a parent's answer as its child does.</summary>
internal sealed class HandshakeTarget : IFuzzTarget
{
    private static readonly PeerIdentity child = new("c1", "u1");
    private static readonly PeerIdentity parent = new("root", "u0");
    private static readonly TunnelOptions options = new();

    public IEnumerable<byte[]> Seeds
    {
        get
        {
            Hello hello = Sent();
            hello.Budget = BudgetWire.ToWire(new LinkBudget { BytesPerSecond = 1000, LaneWeights = new LaneWeights(4, 2, 1, 1) }, 7);
            hello.Received.Add(new LaneCursor { Lane = Lane.Work, Sequence = 3 });
            hello.Tags.Add(["tier=edge", "cold"]);
            Candidate other = new() { Name = "south", Uid = "u2", Address = "10.0.0.2:8287", Path = { "root", "south" }, Children = 3 };
            Welcome welcome = Handshake.Answer(hello, null, new MessageIds(new byte[8]).Next(), Admission.Accept(["root"], TreePosition.None), options, "1.0", "root");
            welcome.Candidates.Add(other);
            return
            [
                FrameWriter.Packet(Frame.KindOneofCase.Hello, hello).ToArray(),
                FrameWriter.Packet(Frame.KindOneofCase.Welcome, welcome).ToArray(),
                FrameWriter.Packet(Frame.KindOneofCase.Refuse, new Refuse { Reason = Refuse.Types.Reason.Overloaded, Text = "full", RetryAfterMilliseconds = 10_000, Candidates = { other } }).ToArray(),
                FrameWriter.Packet(Frame.KindOneofCase.Close, new Close { Reason = "stopping" }).ToArray(),
            ];
        }
    }

    public string Try(byte[] input)
    {
        try
        {
            FrameReader reader = new(input);
            if (!reader.TryRead(out Frame.KindOneofCase kind, out ReadOnlySpan<byte> body)) return "nothing";
            return kind switch
            {
                Frame.KindOneofCase.Hello => Hello(FrameReader.Parse(Wire.Hello.Parser, body)),
                Frame.KindOneofCase.Welcome => Welcome(FrameReader.Parse(Wire.Welcome.Parser, body)),
                Frame.KindOneofCase.Refuse => Refused(FrameReader.Parse(Wire.Refuse.Parser, body)),
                _ => kind.ToString(),
            };
        }
        catch (ProtocolViolation violation)
        {
            return violation.Reason.ToString();
        }
    }

    private static Hello Sent() => new()
    {
        Name = child.Name,
        Uid = child.Uid,
        Incarnation = ByteString.CopyFrom(new byte[16]),
        Epoch = 5,
        Protocol = ProtocolLimits.Version,
        Version = "1.0",
        AdvertisedAddress = "10.0.0.1:8287",
    };

    private static string Hello(Hello hello)
    {
        if (Handshake.Check(hello, child, new HandshakeView("root", ["root"], 1, 10, 4, false)) is { } refusal) return $"refused: {refusal.Reason}";
        bool limits = BudgetWire.TryRead(hello.Budget, out _, out _);
        Session session = new(options);
        Welcome answer = Handshake.Answer(hello, session, new MessageIds(new byte[8]).Next(), Admission.Accept(["root"], TreePosition.From(hello.Position)), options, "", "root");
        session.Connect(answer.Session, answer.Resumed, hello.Received, options, 1, 0);
        return $"welcome, budget {limits}, {Math.Min(hello.Received.Count, 5)} cursors, {Math.Min(hello.Tags.Count, 3)} tags, {hello.Compressions.Count > 0}";
    }

    private static string Welcome(Welcome welcome)
    {
        TunnelOptions agreed;
        try
        {
            agreed = options.With(welcome.Limits);
        }
        catch (ArgumentException)
        {
            return "limits";
        }

        Session session = new(agreed);
        if (Handshake.Check(welcome, Sent(), parent, session) is { } problem) return "unfit: " + problem.Split(' ')[0];
        Plan().Learn(welcome.Candidates);
        session.Connect(welcome.Session, welcome.Resumed, welcome.Received, agreed, 1, 0);
        return $"attached, {Math.Min(welcome.Candidates.Count, 3)} candidates, {Math.Min(welcome.Path.Count, 3)} in its path, {welcome.Compression != Compression.None}";
    }

    private static string Refused(Refuse refusal)
    {
        FailoverPlan plan = Plan();
        ParentTarget target = plan.Next(0).Target!;
        TimeSpan wait = plan.Refused(target, refusal, 0);
        Assert.InRange(wait, TimeSpan.Zero, TimeSpan.FromDays(1));
        return $"refused {(Enum.IsDefined(refusal.Reason) ? refusal.Reason : null)}, {plan.Next((long)wait.TotalMilliseconds).Target is null}";
    }

    private static FailoverPlan Plan() => new(new FailoverOptions(), new Uri("https://root:8287"), [], static () => 0.5);
}
