using Google.Protobuf;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Tunnel;

public sealed class HandshakeTests
{
    private static readonly PeerIdentity Peer = new("c1", "u1");

    public static TheoryData<string, Refuse.Types.Reason?, bool> Cases => new()
    {
        { "fine", null, false },
        { "other name", Refuse.Types.Reason.IdentityMismatch, true },
        { "other uid", Refuse.Types.Reason.IdentityMismatch, true },
        { "no protocol", Refuse.Types.Reason.Protocol, true },
        { "newer protocol", null, false },
        { "short incarnation", Refuse.Types.Reason.Protocol, true },
        { "huge session", Refuse.Types.Reason.Protocol, true },
        { "too many cursors", Refuse.Types.Reason.Protocol, true },
        { "bad tag", Refuse.Types.Reason.InvalidTag, true },
        { "last epoch of all", Refuse.Types.Reason.Protocol, true },
        { "older epoch", Refuse.Types.Reason.OldEpoch, false },
        { "same epoch", Refuse.Types.Reason.OldEpoch, false },
        { "newer epoch while linked", null, false },
        { "parent below child", Refuse.Types.Reason.Cycle, false },
        { "child is parent", Refuse.Types.Reason.Cycle, false },
        { "full", Refuse.Types.Reason.Overloaded, false },
        { "full but linked already", null, false },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Hello_is_judged(string what, Refuse.Types.Reason? reason, bool never)
    {
        Hello hello = new() { Name = "c1", Uid = "u1", Incarnation = ByteString.CopyFrom(new byte[16]), Epoch = 5, Protocol = 1 };
        HandshakeView view = new("p", ["root", "p"], 3, 10, 0, false);
        switch (what)
        {
            case "other name": hello.Name = "c2"; break;
            case "other uid": hello.Uid = "u2"; break;
            case "no protocol": hello.Protocol = 0; break;
            case "newer protocol": hello.Protocol = 99; break;
            case "short incarnation": hello.Incarnation = ByteString.CopyFrom(new byte[3]); break;
            case "huge session": hello.Session = ByteString.CopyFrom(new byte[65]); break;
            case "too many cursors": for (int i = 0; i < 6; i++) hello.Received.Add(new LaneCursor()); break;
            case "bad tag": hello.Tags.Add("=x"); break;
            case "last epoch of all": hello.Epoch = ulong.MaxValue; break;
            case "older epoch": view = view with { KnownEpoch = 9 }; break;
            case "same epoch": view = view with { KnownEpoch = 5 }; break;
            case "newer epoch while linked": view = view with { KnownEpoch = 4, IsLinked = true }; break;
            case "parent below child": view = view with { Path = ["root", "c1", "p"] }; break;
            case "child is parent": view = view with { Name = "c1" }; break;
            case "full": view = view with { Links = 10 }; break;
            case "full but linked already": view = view with { Links = 10, IsLinked = true, KnownEpoch = 4 }; break;
        }

        Refuse? refusal = Handshake.Check(hello, Peer, view);
        Assert.Equal(reason, refusal?.Reason);
        Assert.Equal(never, refusal?.Never ?? false);
        if (refusal is not null) Assert.NotEqual("", refusal.Text);
    }

    [Theory]
    [InlineData("root")]
    [InlineData("conditions")]
    [InlineData("Upper")]
    [InlineData("-dash")]
    [InlineData("")]
    [Trait("Defect", "R3")]
    public void Name_that_no_child_may_carry_is_refused(string name)
    {
        Hello hello = new() { Name = name, Uid = "u1", Incarnation = ByteString.CopyFrom(new byte[16]), Epoch = 5, Protocol = 1 };
        Refuse? refusal = Handshake.Check(hello, new PeerIdentity(name, "u1"), new HandshakeView("p", ["p"], 0, 10, 0, false));
        Assert.Equal(Refuse.Types.Reason.InvalidName, refusal?.Reason);
    }

    [Theory]
    [InlineData("0.0.0.0:8287", null)]
    [InlineData(":8287", null)]
    [InlineData("[::]:8287", null)]
    [InlineData("[::ffff:0.0.0.0]:8287", null)]
    [InlineData("*:8287", null)]
    [InlineData("+:8287", null)]
    [InlineData("host:0", null)]
    [InlineData("host", null)]
    [InlineData("host:70000", null)]
    [InlineData("::1:8287", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    [InlineData("Edge-1.example.org:8287", "edge-1.example.org:8287")]
    [InlineData("10.1.2.3:8287", "10.1.2.3:8287")]
    [InlineData("[2001:db8::1]:8287", "[2001:db8::1]:8287")]
    [Trait("Defect", "T2")]
    public void Address_is_advertised_only_when_others_can_dial_it(string? address, string? expected) =>
        Assert.Equal(expected, AdvertisedAddress.Normalize(address));
}
