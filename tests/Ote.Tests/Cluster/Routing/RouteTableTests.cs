using Google.Protobuf;
using Ote.Cluster.Routing;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Tests.Cluster.Routing;

public sealed class RouteTableTests
{
    private readonly RouteTable _root = new(Entry("root", ""));

    [Fact]
    public void A_lost_child_takes_its_subtree_offline_and_nothing_is_forgotten()
    {
        Tree("a", "a1", "a2");
        Tree("b", "b1");
        var lost = _root.ChildDetached("a", 42);

        Assert.Equal(["a", "a1", "a2"], lost.Changes.Select(c => c.Name).Order());
        Assert.All(lost.Changes, c => Assert.True(c is { Before.Online: true, After: { Online: false, Since: 42 } }));
        Assert.True(_root.Find("b1")!.Online);
        Assert.Equal(6, _root.Count);
        Assert.Equal("a", _root.NextHop("a2"));
        Assert.Empty(_root.ChildDetached("a", 43).Changes);
        Assert.Empty(_root.ChildDetached("never-seen", 43).Changes);

        var back = _root.ChildAttached(Entry("a", "root", 2));
        Assert.Equal(["a"], back.Changes.Where(c => c.CameOnline).Select(c => c.Name));
        Assert.False(_root.Find("a1")!.Online);
    }

    [Fact]
    public void A_snapshot_forgets_what_it_no_longer_names()
    {
        Tree("a", "a1", "a2");
        var step = _root.SnapshotReceived("a", Snapshot(8, Entry("a", "root"), Entry("a2", "a")));
        Assert.Equal(["a1"], step.Changes.Select(c => c.Name));
        Assert.Null(step.Changes[0].After);
        Assert.Null(_root.Find("a1"));
        Assert.False(_root.HasDrifted("a", Digest(Entry("a", "root"), Entry("a2", "a"))));
    }

    [Fact]
    public void A_delta_that_does_not_follow_asks_for_a_snapshot_and_changes_nothing()
    {
        Tree("a", "a1");
        Assert.True(_root.DeltaReceived("a", Delta(9, [Entry("a2", "a")])).NeedsSnapshot);
        Assert.Null(_root.Find("a2"));
        Assert.False(_root.DeltaReceived("a", Delta(7, [Entry("a2", "a")], "a1")).NeedsSnapshot);
        Assert.NotNull(_root.Find("a2"));
        Assert.Null(_root.Find("a1"));

        // A new link starts with a snapshot.
        _root.ChildAttached(Entry("a", "root", 2));
        Assert.True(_root.DeltaReceived("a", Delta(8, [Entry("a3", "a")])).NeedsSnapshot);
    }

    [Fact]
    [Trait("Defect", "T6")]
    public void A_cluster_that_moved_takes_along_what_hangs_below_it()
    {
        Tree("a", "m", "m1/m", "m2/m1", "stays");
        Tree("b");
        _root.DeltaReceived("b", Delta(7, [Entry("m", "b", 2)]));

        Assert.Equal(["m", "m1", "m2"], _root.Below.Select(e => e.Name).Where(n => _root.IsBehind(n, "b") && n != "b").Order());
        Assert.Equal("a", _root.NextHop("stays"));
        Assert.Equal("b", _root.Find("m")!.Parent);
        Assert.Equal("m", _root.Find("m1")!.Parent);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Defect", "T7")]
    public void A_late_word_of_the_old_parent_changes_nothing(bool descendantOnline)
    {
        var below = Entry("m1", "m") with { Online = descendantOnline };
        Tree("a", "m");
        _root.DeltaReceived("a", Delta(7, [below]));
        Tree("b");
        _root.DeltaReceived("b", Delta(7, [Entry("m", "b", 2), below]));
        ulong digest = _root.Digest;

        RouteEntry[] late = [Entry("m", "a") with { Online = false }, below with { Online = false }];
        Assert.Empty(_root.DeltaReceived("a", Delta(8, late)).Changes);
        Assert.Empty(_root.SnapshotReceived("a", Snapshot(20, [Entry("a", "root"), .. late])).Changes);
        Assert.Empty(_root.DeltaReceived("a", Delta(20, [], "m", "m1")).Changes);
        Assert.Empty(_root.SnapshotReceived("a", Snapshot(30, Entry("a", "root"))).Changes);
        Assert.Equal(["a"], _root.ChildDetached("a", 1).Changes.Select(c => c.Name));

        Assert.Equal(("b", "b"), (_root.NextHop("m"), _root.NextHop("m1")));
        Assert.Equal(descendantOnline, _root.Find("m1")!.Online);
        Assert.NotEqual(digest, _root.Digest);
    }

    [Fact]
    public void Where_a_cluster_attached_before_is_told_while_its_link_there_counts_as_up()
    {
        Tree("a", "m");
        Tree("b");
        var moved = _root.DeltaReceived("b", Delta(7, [Entry("m", "b", 2)]));
        Assert.Equal([new OutdatedLink("a", "m", "uid-m", 2)], moved.Outdated);

        // It has been told, and goes on to say so; and so does one that comes up with an old one.
        Assert.Equal([new OutdatedLink("a", "m", "uid-m", 2)], _root.SnapshotReceived("a", Snapshot(20, Entry("a", "root"), Entry("m", "a"))).Outdated);
        Assert.Equal([new OutdatedLink("a", "m", "uid-m", 2)], _root.DeltaReceived("a", Delta(20, [Entry("m", "a", 2)])).Outdated);
        Assert.Empty(_root.SnapshotReceived("a", Snapshot(21, Entry("a", "root"), Entry("m", "a") with { Online = false })).Outdated);
        Assert.Equal(("b", true), (_root.NextHop("m"), _root.Find("m")!.Online));
    }

    [Fact]
    public void Nobody_is_told_of_a_cluster_that_had_left_before_it_came_elsewhere()
    {
        Tree("a", "m");
        Tree("b");
        _root.DeltaReceived("a", Delta(7, [Entry("m", "a") with { Online = false }]));
        Assert.Empty(_root.DeltaReceived("b", Delta(7, [Entry("m", "b", 2)])).Outdated);
    }

    [Fact]
    public void Who_still_tells_of_a_cluster_as_away_is_told_where_it_hangs_now()
    {
        Tree("a", "m");
        Tree("b");
        _root.DeltaReceived("a", Delta(7, [Entry("m", "a") with { Online = false }]));
        MovedCluster[] expected = [new("a", "m", "uid-m", new LaterPlace("b", 2))];
        Assert.Equal(expected, _root.DeltaReceived("b", Delta(7, [Entry("m", "b", 2)])).Moved);

        // Also one that tells of it after a restart.
        Assert.Equal(expected, _root.SnapshotReceived("a", Snapshot(20, Entry("a", "root"), Entry("m", "a") with { Online = false })).Moved);
        Assert.Empty(_root.SnapshotReceived("a", Snapshot(21, Entry("a", "root"))).Moved);
        Assert.Empty(_root.ChildAttached(Entry("m", "root", 3)).Moved);
        Assert.Empty(_root.DeltaReceived("b", Delta(8, [Entry("m", "b", 4)])).Moved); // it hung here itself
    }

    [Fact]
    public void What_is_told_of_a_move_stands_until_the_cluster_attaches_here_anew_and_is_told_to_nobody_above()
    {
        Tree("a", "m", "m1/m");
        _root.DeltaReceived("a", Delta(7, [Entry("m", "a", 2) with { Online = false }]));
        _root.TakeSnapshot();
        Assert.Empty(_root.Moved("m", "uid-m", new LaterPlace("far", 2)).Changes); // no newer than what is known
        Assert.Empty(_root.Moved("m", "uid-other", new LaterPlace("far", 3)).Changes);
        Assert.Equal(new LaterPlace("far", 3), Assert.Single(_root.Moved("m", "uid-m", new LaterPlace("far", 3)).Changes).After!.Later);
        Assert.Empty(_root.Moved("m", "uid-m", new LaterPlace("far", 3)).Changes);
        Assert.False(_root.TryTakeDelta(out _));
        Assert.Equal(0, _root.ChildrenOf("a", long.MaxValue).Away);

        _root.SnapshotReceived("a", Snapshot(20, Entry("a", "root"), Entry("m", "a", 2) with { Online = false, Since = 5 }, Entry("m1", "m")));
        Assert.Equal("far", _root.Find("m")!.Later?.Parent);
        _root.DeltaReceived("a", Delta(20, [Entry("m", "a", 4)]));
        Assert.Null(_root.Find("m")!.Later);
    }

    [Fact]
    public void Children_of_a_cluster_are_counted_by_whether_they_may_be_on_their_way_elsewhere()
    {
        Tree("a", "m", "m1/m", "n", "o");
        _root.DeltaReceived("a", Delta(7, [Entry("n", "a") with { Online = false, Since = 100 }, Entry("o", "a") with { Online = false, Since = 99 }]));
        Assert.Equal(new ChildrenOf(1, 1, 1), _root.ChildrenOf("a", since: 100));
        Assert.Equal(new ChildrenOf(1, 0, 0), _root.ChildrenOf("m", since: 100));
    }

    [Fact]
    public void A_mover_that_is_announced_after_its_descendants_brings_their_news_along()
    {
        Tree("a", "m", "m1/m");
        Tree("b");
        RouteEntry[] news = [Entry("m1", "m") with { Tags = TagSet.Of("new") }, Entry("m", "b", 2)];
        _root.DeltaReceived("b", Delta(7, news));
        Assert.Equal("b", _root.NextHop("m1"));
        Assert.Equal(["new"], _root.Find("m1")!.Tags);
        Assert.False(_root.HasDrifted("b", Digest([Entry("b", "root"), .. news])));
    }

    [Fact]
    public void A_direct_child_that_comes_from_below_another_is_reached_directly()
    {
        Tree("a", "m", "m1/m");
        _root.ChildAttached(Entry("m", "root", 2));
        Assert.Equal(("m", "m", "root"), (_root.NextHop("m"), _root.NextHop("m1"), _root.Find("m")!.Parent));

        // The old parent notices last.
        _root.DeltaReceived("a", Delta(7, [Entry("m", "a") with { Online = false }], "m1"));
        Assert.True(_root.Find("m")!.Online);
        Assert.NotNull(_root.Find("m1"));
    }

    [Fact]
    [Trait("Defect", "T9")]
    public void A_name_that_another_uid_holds_is_refused_and_both_are_told_apart()
    {
        Tree("a", "x");
        Tree("b");
        var step = _root.DeltaReceived("b", Delta(7, [Entry("x", "b", 99) with { Uid = "thief" }]));
        var verdict = Assert.Single(step.Verdicts);
        Assert.Equal(("x", "thief", "uid-x"), (verdict.Name, verdict.Uid, verdict.WinnerUid));
        Assert.Contains("join under another name", verdict.Text, StringComparison.Ordinal);
        Assert.Equal("a", _root.NextHop("x"));

        verdict = Assert.Single(_root.ChildAttached(Entry("x", "root", 99) with { Uid = "thief" }).Verdicts);
        Assert.Equal("thief", verdict.Uid);
        Assert.Equal("a", _root.NextHop("x"));
    }

    [Theory]
    [InlineData("root", 2)]
    [InlineData("above", 1)] // it tells a namesake from itself
    [InlineData("other1", 2)]
    [Trait("Defect", "S3")]
    public void A_child_does_not_speak_for_this_cluster_an_ancestor_or_a_subtree_not_its_own(string name, int told)
    {
        RouteTable table = new(Entry("mid", "above"));
        table.SetAncestors(["above", "root"]);
        table.ChildAttached(Entry("other", "mid"));
        table.SnapshotReceived("other", Snapshot(7, Entry("other", "mid"), Entry("other1", "other")));
        table.ChildAttached(Entry("bad", "mid"));
        ulong digest = table.Digest;

        var step = table.SnapshotReceived("bad", Snapshot(7, Entry("bad", "mid"), Entry(name, "bad", 99) with { Uid = "bad-uid" }, Entry("mid", "bad", 99) with { Uid = "thief" }));
        Assert.Empty(step.Changes);
        Assert.Equal(told, step.Verdicts.Count + (step.Errors?.Count ?? 0));
        Assert.Empty(table.DeltaReceived("bad", Delta(7, [], name, "mid", "other")).Changes);
        Assert.Equal(digest, table.Digest);
    }

    [Fact]
    public void What_a_child_still_tells_of_clusters_that_stand_above_by_now_is_no_claim_to_their_names()
    {
        RouteTable table = new(Entry("mid", "above"));
        table.SetAncestors(["above", "root"]);
        table.ChildAttached(Entry("other", "mid"));

        var step = table.SnapshotReceived("other", Snapshot(7, Entry("other", "mid"), Entry("mid", "other") with { Online = false }, Entry("above", "mid") with { Online = false }));

        Assert.Empty(step.Verdicts);
        Assert.Equal(["other"], table.Below.Select(e => e.Name));
    }

    [Fact]
    public void Invalid_announcements_are_dropped_with_a_reason_and_do_not_count_as_drift()
    {
        _root.ChildAttached(Entry("a", "root"));
        RouteEntry[] entries = [Entry("a", "root"), Entry("BAD", "a"), Entry("no-uid", "a") with { Uid = "" }, Entry("good", "a")];
        var step = _root.SnapshotReceived("a", Snapshot(7, entries));
        Assert.Equal(2, step.Errors!.Count);
        Assert.Equal(["a", "good"], _root.Below.Select(e => e.Name).Order());
        Assert.False(_root.HasDrifted("a", Digest(entries)));
        Assert.True(_root.HasDrifted("a", Digest(entries[..2])));
        Assert.False(_root.HasDrifted("a", 0));
    }

    [Fact]
    public void Numbers_that_nothing_can_have_are_dropped_or_cut()
    {
        _root.ChildAttached(Entry("a", "root"));
        var step = _root.SnapshotReceived("a", Snapshot(7,
            Entry("a", "root"), Entry("late", "a") with { Since = long.MaxValue, Trust = ulong.MaxValue }, Entry("early", "a") with { Since = long.MinValue }, Entry("last", "a") with { Epoch = ulong.MaxValue }));
        Assert.Contains("epoch", Assert.Single(step.Errors!), StringComparison.Ordinal);
        Assert.Equal(["a", "early", "late"], _root.Below.Select(e => e.Name).Order());
        Assert.Equal(9999, DateTimeOffset.FromUnixTimeMilliseconds(_root.Find("late")!.Since).Year);
        Assert.Equal((0, (ulong)long.MaxValue), (_root.Find("early")!.Since, _root.Find("late")!.Trust));
    }

    [Fact]
    public void Only_an_absent_cluster_is_forgotten_and_all_behind_it()
    {
        Tree("a", "m", "m1/m", "other");
        Assert.Empty(_root.Forget("m").Changes);
        _root.ChildDetached("a", 1);
        Assert.Equal(["m", "m1"], _root.Forget("m").Changes.Select(c => c.Name).Order());
        Assert.Equal(["a", "other"], _root.Forget("a").Changes.Select(c => c.Name).Order());
        Assert.Equal(1, _root.Count);
        Assert.Equal(RouteTableDigestOf(_root.Self), _root.Digest);
        Assert.Empty(_root.DeltaReceived("a", Delta(8, [Entry("a9", "a")])).Changes);
    }

    [Fact]
    public void Who_knows_of_a_forgotten_cluster_further_down_is_told_whenever_it_tells_of_it_until_that_has_attached_anew()
    {
        Tree("a", "m");
        var away = Entry("m", "a") with { Online = false };
        _root.DeltaReceived("a", Delta(7, [away]));
        Assert.Equal([new OutdatedLink("a", "m", away.Uid, 1)], _root.Forget("m").Forgotten);
        var again = _root.SnapshotReceived("a", Snapshot(8, Entry("a", "root"), away));
        Assert.Equal([new OutdatedLink("a", "m", away.Uid, 1)], again.Forgotten);
        Assert.Null(_root.Find("m"));
        Assert.False(_root.HasDrifted("a", Digest(Entry("a", "root"), away)));
        Assert.Empty(_root.DeltaReceived("a", Delta(8, [], "m")).Forgotten);
        Assert.False(_root.HasDrifted("a", Digest(Entry("a", "root"))));
        Assert.Empty(_root.DeltaReceived("a", Delta(9, [Entry("m", "a", 2)])).Forgotten);
        Assert.True(_root.Find("m")!.Online);
        Assert.Empty(_root.DeltaReceived("a", Delta(10, [Entry("m", "a", 2) with { Online = false }])).Forgotten);
        Assert.NotNull(_root.Find("m"));
        _root.ChildDetached("a", 1);
        Assert.Empty(_root.Forget("a").Forgotten); // nobody is between
    }

    [Fact]
    public void A_word_from_above_forgets_that_very_cluster_while_it_is_away()
    {
        Tree("a", "m", "m1/m");
        var uid = _root.Find("m")!.Uid;
        Assert.Empty(_root.Forget("m", uid, 9).Changes); // it is there
        _root.ChildDetached("a", 1);
        Assert.Empty(_root.Forget("m", "another", 9).Changes);
        Assert.Empty(_root.Forget("m", uid, 0).Changes); // it has attached again since
        var step = _root.Forget("m", uid, 1);
        Assert.Equal(["m", "m1"], step.Changes.Select(c => c.Name).Order());
        Assert.Equal("a", Assert.Single(step.Forgotten).Child); // it goes on down
    }

    [Fact]
    public void What_an_earlier_run_knew_is_offline_until_it_is_heard_of()
    {
        _root.Restore(Entry("a1", "a"), "a");
        _root.Restore(Entry("a", "root"), "a");
        Assert.All(_root.Below, e => Assert.False(e.Online));
        Assert.Equal("a", _root.NextHop("a1"));
        Tree("a", "a1");
        Assert.All(_root.Below, e => Assert.True(e.Online));
    }

    [Fact]
    public void Cluster_is_routed_only_with_its_proof_where_proofs_can_be_told()
    {
        var root = Checking();
        RouteEntry[] entries = [Entry("a", "root"), Entry("ghost", "a"), Entry("real", "a") with { Membership = Proof }, Entry("bad", "a") with { Membership = ByteString.CopyFromUtf8("else") }];
        root.ChildAttached(entries[0]); // proven by its certificate
        var step = root.SnapshotReceived("a", Snapshot(7, entries));
        Assert.Equal(["a", "real"], root.Below.Select(e => e.Name).Order());
        Assert.Equal([("ghost", ""), ("bad", "")], step.Verdicts.Select(v => (v.Name, v.WinnerUid)));
        Assert.False(root.HasDrifted("a", Digest(entries)));

        // Nobody else can take a name over who does not show it, whatever epoch he says; nor does he learn whose it is.
        root.ChildAttached(Entry("b", "root"));
        step = root.SnapshotReceived("b", Snapshot(7, Entry("b", "root"), Entry("real", "b", 99)));
        Assert.Equal("", Assert.Single(step.Verdicts).WinnerUid);
        Assert.Equal("a", root.NextHop("real"));
        root.DeltaReceived("b", Delta(7, [Entry("real", "b", 99) with { Membership = Proof }]));
        Assert.Equal("b", root.NextHop("real"));
    }

    [Fact]
    public void Cluster_that_was_known_before_there_were_proofs_goes_on_until_it_shows_its_first()
    {
        var root = Checking();
        root.Restore(Entry("old", "a"), "a");
        root.ChildAttached(Entry("a", "root"));
        Assert.Empty(root.SnapshotReceived("a", Snapshot(7, Entry("a", "root"), Entry("old", "a"))).Verdicts);
        Assert.True(root.Find("old")!.Online);
        Assert.Empty(root.DeltaReceived("a", Delta(7, [Entry("old", "a", 2) with { Membership = Proof }])).Verdicts);
        Assert.Single(root.DeltaReceived("a", Delta(8, [Entry("old", "a", 3)])).Verdicts);
        Assert.Equal(2UL, root.Find("old")!.Epoch);
    }

    [Fact]
    public void Proof_that_was_shown_goes_up_again_when_its_cluster_is_told_of_without()
    {
        _root.ChildAttached(Entry("a", "root") with { Membership = Proof });
        _root.SnapshotReceived("a", Snapshot(7, Entry("a", "root"), Entry("a1", "a") with { Membership = Proof }));
        _root.DeltaReceived("a", Delta(7, [Entry("a", "root"), Entry("a1", "a", 2)]));
        Assert.All(_root.TakeSnapshot().Entries.Skip(1), e => Assert.Equal(Proof, e.Membership));
    }

    [Fact]
    public void Cluster_whose_proof_is_known_is_not_moved_by_who_does_not_show_it()
    {
        _root.ChildAttached(Entry("c", "root") with { Membership = Proof });
        _root.ChildAttached(Entry("b", "root") with { Membership = Proof });
        _root.SnapshotReceived("b", Snapshot(7, Entry("b", "root"), Entry("c2", "b") with { Membership = Proof }));
        _root.ChildAttached(Entry("evil", "root"));
        RouteEntry[] claims = [Entry("evil", "root"), Entry("c", "evil", 99), Entry("c2", "evil", 99) with { Membership = ByteString.CopyFromUtf8("else") }];
        var step = _root.SnapshotReceived("evil", Snapshot(7, claims));
        Assert.DoesNotContain(step.Changes, c => c.Name != "evil");
        Assert.Equal([("c", ""), ("c2", "")], step.Verdicts.Select(v => (v.Name, v.WinnerUid))); // who believes it below hears of it
        Assert.Equal(("c", "b"), (_root.NextHop("c"), _root.NextHop("c2")));
        Assert.False(_root.HasDrifted("evil", Digest(claims)));

        _root.DeltaReceived("b", new RouteDelta { FromVersion = 7, ToVersion = 8, Upserts = { RouteWire.ToWire(Entry("c", "b", 2) with { Membership = Proof }) } });
        Assert.Equal("b", _root.NextHop("c"));
    }

    [Fact]
    public void Cluster_that_comes_itself_or_shows_its_proof_is_believed_before_who_said_a_later_epoch_of_it()
    {
        _root.ChildAttached(Entry("evil", "root"));
        var bad = ByteString.CopyFromUtf8("else");
        _root.SnapshotReceived("evil", Snapshot(7, Entry("evil", "root"), Entry("c", "evil", 99) with { Membership = bad }, Entry("c2", "evil", 99)));
        _root.ChildAttached(Entry("b", "root"));
        _root.SnapshotReceived("b", Snapshot(7, Entry("b", "root"), Entry("c2", "b", 2) with { Membership = Proof }));
        _root.ChildAttached(Entry("c", "root", 2) with { Membership = Proof });
        Assert.Equal(("c", "b"), (_root.NextHop("c"), _root.NextHop("c2")));
    }

    [Fact]
    public void Cluster_that_was_away_while_the_ca_was_exchanged_is_believed_below_another_with_its_new_proof()
    {
        var north = Exchanged();
        RouteEntry[] truth = [Entry("c3", "north"), Entry("c2", "c3", 2) with { Membership = Renewed }, Entry("c2a", "c2") with { Membership = Renewed }];
        Assert.Empty(north.SnapshotReceived("c3", Snapshot(7, truth)).Verdicts);
        Assert.Equal(("c3", "c3"), (north.NextHop("c2"), north.NextHop("c2a")));
        Assert.Equal([Renewed, Renewed], north.TakeSnapshot().Entries.Where(e => e.Name is "c2" or "c2a").Select(e => e.Membership));
        Assert.False(north.HasDrifted("c3", Digest(truth)));
    }

    [Theory]
    [InlineData(true, 1UL, "else")] // it is here
    [InlineData(false, 2UL, "else")] // it has shown a proof of the CA in force: there is no other
    [InlineData(false, 1UL, "")]
    public void Exchange_of_the_ca_takes_no_route_from_a_cluster_that_is_here_or_has_renewed_nor_gives_one_to_who_shows_nothing(bool online, ulong authority, string shown)
    {
        var north = Exchanged(authority, online);
        var step = north.SnapshotReceived("c3", Snapshot(7, Entry("c3", "north"), Entry("c2", "c3", 99) with { Membership = ByteString.CopyFromUtf8(shown), Authority = 2 }));
        Assert.Equal(("c2", ""), Assert.Single(step.Verdicts) is var verdict ? (verdict.Name, verdict.WinnerUid) : default);
        Assert.Equal(("c2", 1UL), (north.NextHop("c2"), north.Find("c2")!.Epoch));
    }

    [Theory]
    [InlineData("refused")]
    [InlineData("removed")]
    [InlineData("left out")]
    public void What_was_known_before_a_claim_that_an_ancestor_refuses_or_that_is_taken_back_is_put_back(string how)
    {
        var north = Exchanged();
        RouteEntry[] lie = [Entry("c3", "north"), Entry("c2", "c3", 99) with { Membership = ByteString.CopyFromUtf8("else") }];
        north.SnapshotReceived("c3", Snapshot(7, lie));
        Assert.Equal("c3", north.NextHop("c2"));
        north.TakeSnapshot();
        var step = how == "refused" ? north.Refuse("c2", "uid-c2") : how == "removed" ? north.DeltaReceived("c3", Delta(7, [], "c2")) : north.SnapshotReceived("c3", Snapshot(8, lie[0]));
        Assert.Equal(("c2", false), Assert.Single(step.Changes) is var change ? (change.Name, change.After!.Online) : default);
        Assert.Equal(("c2", Proof, 1UL), (north.NextHop("c2"), north.Find("c2")!.Membership, north.Find("c2")!.Epoch));
        Assert.Equal("c2", north.NextHop("c2a"));
        Assert.False(north.HasDrifted("c3", how == "refused" ? Digest(lie) : Digest(lie[0])));
        Assert.True(north.TryTakeDelta(out var delta));
        Assert.Equal((Proof, 0), (Assert.Single(delta.Upserts).Membership, delta.Removals.Count));

        north.ChildAttached(Entry("c2", "north", 2) with { Membership = Renewed });
        Assert.Equal(("c2", true), (north.NextHop("c2"), north.Find("c2")!.Online));
    }

    [Fact]
    public void Who_else_announced_a_name_that_an_ancestor_refused_is_asked_again()
    {
        _root.ChildAttached(Entry("evil", "root"));
        _root.SnapshotReceived("evil", Snapshot(7, Entry("evil", "root"), Entry("c", "evil", 99) with { Membership = ByteString.CopyFromUtf8("else") }));
        RouteEntry[] truth = [Entry("b", "root"), Entry("c", "b", 2) with { Membership = Proof }];
        _root.ChildAttached(truth[0]);
        _root.SnapshotReceived("b", Snapshot(7, truth)); // nobody here can tell whose proof is the true one
        Assert.Equal("evil", _root.NextHop("c"));

        Assert.Equal(["b"], _root.Refuse("c", "uid-c").Ask);
        Assert.Null(_root.Find("c"));
        _root.SnapshotReceived("b", Snapshot(8, truth));
        Assert.Equal("b", _root.NextHop("c"));
    }

    [Fact]
    public void Name_that_an_ancestor_refused_is_not_routed_and_does_not_count_as_drift()
    {
        Tree("a", "ghost", "real");
        Assert.Empty(_root.Refuse("ghost", "another uid").Changes);
        Assert.Equal("ghost", Assert.Single(_root.Refuse("ghost", "uid-ghost").Changes).Name);
        Assert.Equal(["a", "real"], _root.Below.Select(e => e.Name).Order());
        Assert.False(_root.HasDrifted("a", Digest(Entry("a", "root"), Entry("ghost", "a"), Entry("real", "a"))));
        Assert.True(_root.TryTakeDelta(out var delta));
        Assert.Contains("ghost", delta.Removals);
        Assert.Empty(_root.Refuse("a", "uid-a").Changes); // a direct child of that name loses its link
    }

    [Fact]
    public void Child_that_announces_names_without_end_is_told_apart()
    {
        var many = Enumerable.Range(0, RouteTable.MostNames).Select(i => Entry($"n{i}", "a")).ToArray();
        _root.ChildAttached(Entry("a", "root"));
        Assert.Contains("100000", _root.SnapshotReceived("a", Snapshot(7, [Entry("a", "root"), .. many])).Excess, StringComparison.Ordinal);
        Assert.Equal(2, _root.Count);
        Assert.Null(_root.SnapshotReceived("a", Snapshot(7, [Entry("a", "root"), .. many[1..]])).Excess);
        Assert.Null(_root.DeltaReceived("a", Delta(7, many[1..])).Excess); // no new ones
        Assert.NotNull(_root.DeltaReceived("a", Delta(8, [many[0]])).Excess);
    }

    private static readonly ByteString Proof = ByteString.CopyFromUtf8("proven");

    private static readonly ByteString Renewed = ByteString.CopyFromUtf8("proven anew");

    /// <summary>Below the root, with c3 as a child and c2, which has c2a below it, as one that was here before the CA was exchanged from 1 to 2.</summary>
    private static RouteTable Exchanged(ulong authority = 1, bool online = false)
    {
        var north = new RouteTable(Entry("north", "") with { Authority = 1 });
        var c2 = Entry("c2", "north") with { Membership = Proof, Authority = authority };
        north.ChildAttached(c2);
        north.SnapshotReceived("c2", Snapshot(7, c2, Entry("c2a", "c2") with { Membership = Proof, Authority = authority }));
        if (!online)
        {
            north.ChildDetached("c2", 0);
        }

        north.SetSelf(north.Self with { Authority = 2 });
        north.ChildAttached(Entry("c3", "north") with { Membership = Proof });
        return north;
    }

    private static RouteTable Checking() => new(Entry("root", ""), entry => entry.Membership.Equals(Proof));

    private static ulong RouteTableDigestOf(RouteEntry self) => new RouteTable(self).Digest;

    private static ulong Digest(params RouteEntry[] entries) => entries.Aggregate(0UL, (sum, e) => sum + RouteDigest.Of(e));

    private void Tree(string child, params string[] below) => RouteTableTesting.Tree(_root, child, below);

    private static RouteEntry Entry(string name, string parent, ulong epoch = 1) => RouteTableTesting.Entry(name, parent, epoch);

    private static RouteSnapshot Snapshot(ulong version, params IEnumerable<RouteEntry> entries) =>
        new() { Version = version, Entries = { entries.Select(RouteWire.ToWire) } };

    private static RouteDelta Delta(ulong from, IEnumerable<RouteEntry> upserts, params string[] removals) =>
        new() { FromVersion = from, ToVersion = from + 1, Upserts = { upserts.Select(RouteWire.ToWire) }, Removals = { removals } };
}
