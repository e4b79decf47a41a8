using System.Text.Json.Nodes;
using Ote.Cluster.Budgets;
using Ote.Cluster.Journal;
using Ote.Cluster.Lateral;
using Ote.Protocol.Tunnel;
using LateralPeer = Ote.Protocol.Tunnel.LateralPeer;

namespace Ote.Tests.Cluster.Lateral;

public sealed class LateralSetTests
{
    private static readonly SetLateral Wish = new()
    {
        Name = "c1",
        Peers =
        {
            new LateralPeer { Name = "c3", Uid = "u3" },
            new LateralPeer { Name = "c2", Uid = "u2", Address = "10.0.0.2:8287", Subtree = true, Budget = new Budget { BytesPerSecond = 1000 } },
        },
    };

    [Fact]
    public void It_is_the_same_over_the_wire_and_its_digest_tells_what_changed()
    {
        var set = Read(Wish);
        Assert.Equal(["c2", "c3"], set.Peers.Select(p => p.Name));
        Assert.Equal(set.Digest(), Read(set.ToWire("c1", 7)).Digest());
        Assert.NotEqual(0ul, LateralSet.None.Digest());
        foreach (var change in (Action<LateralPeer>[])[p => p.Uid = "u9", p => p.Address = "10.0.0.9:1", p => p.Subtree = false, p => p.Budget = null])
        {
            var other = Wish.Clone();
            change(other.Peers[1]);
            Assert.NotEqual(set.Digest(), Read(other).Digest());
        }
    }

    [Theory]
    [InlineData("c1", "u", "h:1", "no lateral link with itself")]
    [InlineData("root", "u", "h:1", "reserved")]
    [InlineData("c2", "", "h:1", "a uid of 0 characters")]
    [InlineData("c2", "u", "0.0.0.0:1", "which nobody can dial")]
    [InlineData("C2", "u", "", "has 'C' at position 0")]
    public void Nothing_of_it_is_believed_unchecked(string name, string uid, string address, string fault)
    {
        Assert.False(LateralSet.TryRead(new SetLateral { Name = "c1", Peers = { new LateralPeer { Name = name, Uid = uid, Address = address } } }, out _, out var error));
        Assert.Contains(fault, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Too_many_and_one_named_twice_are_refused()
    {
        var many = new SetLateral { Name = "c1" };
        many.Peers.Add(Enumerable.Range(0, LateralSet.MostPeers + 1).Select(i => new LateralPeer { Name = $"p{i}", Uid = "u" }));
        Assert.False(LateralSet.TryRead(many, out _, out _));
        Assert.False(LateralSet.TryRead(new SetLateral { Name = "c1", Peers = { Wish.Peers[0], Wish.Peers[0] } }, out _, out _));
    }

    [Fact]
    public async Task It_outlives_a_restart()
    {
        var disk = new MemoryJournal();
        Assert.Empty(OwnLateral.Load(disk).Current.Peers);
        await OwnLateral.Load(disk).SetAsync(Wish, Read(Wish));
        Assert.Equal(Read(Wish).Digest(), OwnLateral.Load(disk).Current.Digest());
    }

    [Theory]
    [InlineData("a", "", "b", "h:1", true)] // the only one that listens is dialled
    [InlineData("b", "h:2", "a", "", false)]
    [InlineData("a", "h:1", "b", "h:2", true)] // both do: the first dials
    [InlineData("b", "h:2", "a", "h:1", false)]
    [InlineData("a", "", "b", "", false)]
    public void Exactly_one_of_two_dials(string self, string own, string peer, string address, bool dials) =>
        Assert.Equal(dials, new Ote.Cluster.Lateral.LateralPeer(peer, "u", address, Subtree: false, null).IsDialled(self, own));

    [Fact]
    public void An_object_says_whom_and_is_told_what_is_wrong()
    {
        Assert.True(LateralSpec.TryRead(Cluster(null), out var none, out _));
        Assert.Null(none);
        Assert.True(LateralSpec.TryRead(Cluster([]), out var empty, out _));
        Assert.Empty(empty!);
        Assert.True(LateralSpec.TryRead(
            Cluster([new JsonObject { ["peer"] = "c2", ["subtree"] = true, ["linkBudget"] = new JsonObject { ["bytesPerSecond"] = 500 } }]), out var one, out _));
        Assert.Equal(new LateralSpec("c2", Subtree: true, new LinkBudget { BytesPerSecond = 500 }), Assert.Single(one!));
        Assert.False(LateralSpec.TryRead(Cluster([new JsonObject { ["peer"] = "c1" }, new JsonObject()]), out _, out var error));
        Assert.Contains("with itself", error, StringComparison.Ordinal);
        Assert.Contains("the cluster name is empty", error, StringComparison.Ordinal);
    }

    private static JsonObject Cluster(JsonArray? lateral) => new()
    {
        ["metadata"] = new JsonObject { ["name"] = "c1" }, ["spec"] = lateral is null ? new JsonObject() : new JsonObject { ["lateral"] = lateral },
    };

    private static LateralSet Read(SetLateral wish) => LateralSet.TryRead(wish, out var set, out var error) ? set : throw new InvalidOperationException(error);
}
