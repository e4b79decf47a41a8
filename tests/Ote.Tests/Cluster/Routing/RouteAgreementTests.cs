using CsCheck;
using Ote.Cluster.Routing;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Tests.Cluster.Routing;

/// <summary>A parent's table and its child's, after whatever happens below the child.</summary>
public sealed class RouteAgreementTests
{
    [Fact]
    public void Parent_and_child_agree_after_any_events() => Gen.Select(Gen.Int[0, 9], Gen.Int[0, 5], Gen.Int[1, 4]).Array[0, 60].Sample(events =>
    {
        Pair pair = new();
        foreach (var (what, who, epoch) in events)
        {
            pair.Do(what, "n" + who, (ulong)epoch);
        }

        pair.Send();
        pair.CheckEqual();
    });

    [Fact]
    public void Ten_thousand_joins_are_ten_thousand_small_deltas()
    {
        Pair pair = new();
        int most = 0;
        for (int i = 0; i < 10_000; i++)
        {
            pair.Child.ChildAttached(RouteTableTesting.Entry($"edge-{i}", "child"));
            Assert.True(pair.Child.TryTakeDelta(out var delta));
            Assert.Single(delta.Upserts);
            most = Math.Max(most, delta.CalculateSize());
            Assert.Single(pair.Parent.DeltaReceived("child", delta).Changes);
        }

        Assert.Equal(10_002, pair.Parent.Count);
        Assert.InRange(most, 1, 100);
        pair.CheckEqual();
        Assert.Equal(10_001, pair.Child.TakeSnapshot().Entries.Count);
        Assert.Equal(1, pair.Parent.Resolve(ClusterSelector.Parse("edge-777")).Count);
        Assert.Equal(10_001, pair.Parent.ChildDetached("child", 1).Changes.Count);
    }

    [Fact]
    public void A_burst_travels_as_one_delta_with_each_cluster_once()
    {
        Pair pair = new();
        for (int i = 0; i < 50; i++)
        {
            pair.Child.ChildAttached(RouteTableTesting.Entry("flapping", "child", (ulong)i + 1));
            pair.Child.ChildDetached("flapping", i);
        }

        Assert.True(pair.Child.TryTakeDelta(out var delta));
        Assert.Single(delta.Upserts);
        Assert.False(pair.Child.TryTakeDelta(out _));
        Assert.Equal(pair.Child.Version, delta.ToVersion);
    }

    [Fact]
    public void The_heartbeat_digest_speaks_of_what_was_announced_and_finds_what_was_lost()
    {
        Pair pair = new();
        pair.Child.ChildAttached(RouteTableTesting.Entry("n1", "child"));
        Assert.NotEqual(pair.Child.Digest, pair.Child.AnnouncedDigest);
        Assert.False(pair.Parent.HasDrifted("child", pair.Child.AnnouncedDigest));
        pair.Child.TryTakeDelta(out _);
        Assert.True(pair.Parent.HasDrifted("child", pair.Child.AnnouncedDigest));
        pair.Parent.SnapshotReceived("child", pair.Child.TakeSnapshot());
        pair.CheckEqual();
    }

    private sealed class Pair
    {
        public Pair()
        {
            Parent.ChildAttached(Child.Self);
            Parent.SnapshotReceived("child", Child.TakeSnapshot());
        }

        public RouteTable Parent { get; } = new(RouteTableTesting.Entry("parent", ""));

        public RouteTable Child { get; } = new(RouteTableTesting.Entry("child", "parent"));

        public void Do(int what, string name, ulong epoch)
        {
            string hop = "h" + (epoch % 2);
            switch (what)
            {
                case 0: Child.ChildAttached(RouteTableTesting.Entry(name, "child", epoch)); break;
                case 1: Child.ChildDetached(name, 5); break;
                case 2: RouteTableTesting.Tree(Child, hop, name, "below-" + name + "/" + name); break;
                case 3: Child.ChildDetached(hop, 6); break;
                case 4: Child.Forget(name); break;
                case 5: Child.SetSelf(Child.Self with { Tags = TagSet.Of("at=" + name) }); break;
                case 6: Child.SnapshotReceived(hop, new RouteSnapshot { Version = 7, Entries = { RouteWire.ToWire(RouteTableTesting.Entry(name, hop, epoch)) } }); break;
                case 7: Child.DeltaReceived(hop, new RouteDelta { FromVersion = 7, ToVersion = 7, Upserts = { RouteWire.ToWire(RouteTableTesting.Entry(name, hop, epoch)) }, Removals = { "n3" } }); break;
                case 8: Parent.SnapshotReceived("child", Child.TakeSnapshot()); break;
                default: Send(); break;
            }
        }

        public void Send()
        {
            if (Child.TryTakeDelta(out var delta))
            {
                Assert.False(Parent.DeltaReceived("child", delta).NeedsSnapshot);
            }
        }

        public void CheckEqual()
        {
            Assert.Equal(Sorted(Child.Below.Append(Child.Self)), Sorted(Parent.Below));
            Assert.Equal(Child.Digest, Child.AnnouncedDigest);
            Assert.False(Parent.HasDrifted("child", Child.AnnouncedDigest));
            Assert.Equal(new RouteTable(Parent.Self).Digest + Child.Digest, Parent.Digest);
        }

        private static IEnumerable<RouteEntry> Sorted(IEnumerable<RouteEntry> entries) => entries.OrderBy(e => e.Name, StringComparer.Ordinal);
    }
}
