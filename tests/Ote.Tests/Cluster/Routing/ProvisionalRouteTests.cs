using Google.Protobuf;
using Ote.Cluster.Routing;
using static Ote.Tests.Cluster.Routing.RouteTableTesting;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;
using Wire = Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Routing;

/// <summary>Routes of clusters that the root has not admitted, and to whom they are told.</summary>
public sealed class ProvisionalRouteTests
{
    [Fact]
    public void What_this_cluster_vouches_for_alone_is_routed_here_and_told_to_nobody_above()
    {
        var table = new RouteTable(Entry("north", "root"), null, e => e.Name == "shop-1");
        table.SetAncestors(["root"]);
        table.ChildAttached(Entry("mid", "north"));
        table.TryTakeDelta(out _);
        var digest = table.Digest;
        var told = Snapshot(Entry("mid", "north"), Provisional("shop-1", "north"), Provisional("shop-2", "north"), Provisional("shop-3", "south"));
        var step = table.SnapshotReceived("mid", told);
        Assert.Equal(["shop-2", "shop-3"], step.Verdicts.Select(v => v.Name)); // of one it has no record, of the other's issuer it is not below
        Assert.True(table.IsBehind("shop-1", "mid"));
        Assert.Equal(digest, table.Digest);
        Assert.DoesNotContain(table.TakeSnapshot().Entries, e => e.Name == "shop-1");

        // The root has admitted it meanwhile.
        table.DeltaReceived("mid", new Wire.RouteDelta { FromVersion = 7, ToVersion = 8, Upserts = { RouteWire.ToWire(Provisional("shop-1", "") with { Epoch = 2, Membership = Proof }) } });
        Assert.True(table.TryTakeDelta(out var delta));
        Assert.Equal(["shop-1"], delta.Upserts.Select(e => e.Name));
        Assert.NotEqual(digest, table.Digest);
        Assert.Equal(["shop-1"], table.DeltaReceived("mid", new Wire.RouteDelta { FromVersion = 8, ToVersion = 9, Upserts = { RouteWire.ToWire(Provisional("shop-1", "north") with { Epoch = 3 }) } }).Verdicts.Select(v => v.Name));
    }

    [Fact]
    public void Between_a_site_and_its_issuer_it_is_passed_on_with_who_issued_it()
    {
        var table = new RouteTable(Entry("mid", "north"));
        table.SetAncestors(["root", "north"]);
        table.ChildAttached(Provisional("shop-1", "north") with { Parent = "mid" });
        Assert.Equal("north", table.TakeSnapshot().Entries.Single(e => e.Name == "shop-1").Issuer);
    }

    [Fact]
    public void Who_attached_by_an_issuers_word_can_neither_talk_himself_into_more_nor_vouch_for_others()
    {
        var table = new RouteTable(Entry("north", "root"), null, _ => true);
        table.ChildAttached(Provisional("shop-1", "north") with { Parent = "north" });
        var step = table.SnapshotReceived("shop-1", Snapshot(Entry("shop-1", "north") with { Membership = Proof }, Entry("shop-2", "shop-1"), Provisional("shop-3", "north")));
        Assert.Equal(["shop-2", "shop-3"], step.Verdicts.Select(v => v.Name));
        Assert.Equal(("north", ByteString.Empty), (table.Find("shop-1")!.Issuer, table.Find("shop-1")!.Membership));
        Assert.Single(table.Below);
    }

    private static ByteString Proof { get; } = ByteString.CopyFrom(new byte[32]);

    private static RouteEntry Provisional(string name, string issuer) => Entry(name, "mid") with { Issuer = issuer };

    private static Wire.RouteSnapshot Snapshot(params RouteEntry[] entries) => new() { Version = 7, Entries = { entries.Select(RouteWire.ToWire) } };
}
