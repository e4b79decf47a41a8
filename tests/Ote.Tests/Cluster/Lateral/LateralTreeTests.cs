using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using Ote.Cluster.Messages;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Testing;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Cluster.Lateral;

/// <summary>Sites with lateral links, over real TLS on loopback.</summary>
public sealed class LateralTreeTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Message_between_two_sites_arrives_over_their_lateral_link_while_their_parent_is_dead()
    {
        await using var tree = await TreeAsync();
        await AllowAsync(tree, "c1", "c2");
        await UpAsync(tree, "c1", "c2");
        await tree.StopAsync("north");

        var sent = await tree["c1"].Messages.SendAsync("c2", "t", "", Text("x"));
        var got = Assert.Single(await tree["c2"].Messages.ReceiveAsync("t", 10, Ct));

        Assert.Equal(("c1", "x", 1), (got.From, Encoding.UTF8.GetString(got.Body.Span), got.Hops));
        Assert.Equal(SentState.Delivered, (await tree["c1"].Messages.WaitAsync(sent.Id, Ct))!.State);
    }

    [Fact]
    public async Task While_the_tree_leads_there_too_the_shorter_way_is_taken_and_the_tree_as_soon_as_the_link_is_gone()
    {
        await using var tree = await TreeAsync();
        Assert.Equal(2, await HopsAsync(tree));
        await AllowAsync(tree, "c1", "c2");
        await UpAsync(tree, "c1", "c2");
        await UntilAsync(() => tree["c1"].LinkCost!.Value.RoundTrip is not null && tree["c2"].LinkCost!.Value.RoundTrip is not null);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(TimeSpan.FromSeconds(30));
        while (await HopsAsync(tree) != 1)
        {
            // One controller less writes it down, and on loopback all else is equal; a measurement on a busy machine may say otherwise for a moment.
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, late.Token);
        }

        Assert.True(tree["c2"].LateralLinks[0].Brought > 0);
        await tree.Root.PatchAsync(Kinds.Clusters, null, "c1", PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["lateral"] = new JsonArray() } }, Ct);
        await UntilAsync(() => tree["c1"].LateralLinks.Count == 0);
        Assert.Equal(2, await HopsAsync(tree));
    }

    [Fact]
    public async Task Without_the_permission_it_waits()
    {
        await using var tree = await TreeAsync();
        await tree.StopAsync("north");
        await UntilAsync(() => tree["c1"].Parent is null);

        var sent = await tree["c1"].Messages.SendAsync("c2", "t", "", Text("x"));

        await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, Ct);
        Assert.Equal(SentState.OnItsWay, tree["c1"].Messages.Find(sent.Id)!.State);
        Assert.Equal(0, tree["c2"].Messages.Waiting);
        Assert.Empty(tree["c1"].LateralLinks);
    }

    [Fact]
    public async Task One_end_alone_cannot_allow_it_and_says_why_there_is_no_link()
    {
        await using var tree = await TreeAsync();
        await WriteAsync(tree, "c1", "c2");
        await UntilAsync(() => tree["c1"].LateralLinks is [{ Cause.Length: > 0 }]);
        Assert.Contains("c2 was not told that it may have a lateral link with c1", tree["c1"].LateralLinks[0].Cause, StringComparison.Ordinal);
        Assert.False(tree["c1"].LateralLinks[0].IsUp);

        await WriteAsync(tree, "c2", "c1");
        await UpAsync(tree, "c1", "c2");
        await tree.Root.PatchAsync(Kinds.Clusters, null, "c2", PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["lateral"] = new JsonArray() } }, Ct);
        await UntilAsync(() => !tree["c1"].LateralLinks[0].IsUp && tree["c2"].LateralLinks.Count == 0);
    }

    [Fact]
    public async Task Two_that_cannot_be_dialled_say_so_at_both_ends_and_at_the_root()
    {
        const string Why = "neither c1 nor c2 can be dialled; start one of them with --listen";
        await using var tree = await TreeAsync(listening: false);
        await AllowAsync(tree, "c1", "c2");
        var shown = await SmallTree.UntilAsync(
            tree.Root, Kinds.Clusters, null, "c1", c => c.Items("status", "lateral")?.OfType<JsonObject>().Any(l => l.Text("message") is { Length: > 0 }) == true, Ct);
        Assert.Equal(Why, Assert.Single(shown.Items("status", "lateral")!.OfType<JsonObject>()).Text("message"));
        await UntilAsync(() => tree["c2"].LateralLinks is [{ IsUp: false, Cause: "neither c2 nor c1 can be dialled; start one of them with --listen" }]);
    }

    [Fact]
    public async Task What_hangs_below_a_lateral_peer_is_reached_where_that_is_allowed_and_not_otherwise()
    {
        await using var tree = await TreeAsync();
        await tree.AddAsync("d1", "c1", [], Ct);
        await tree.AddAsync("d2", "c2", [], Ct);
        await PinAsync(tree, "d1", "c1");
        await PinAsync(tree, "d2", "c2");
        await AllowAsync(tree, "c1", "c2");
        await UpAsync(tree, "c1", "c2");
        await tree.StopAsync("north");
        await UntilAsync(() => tree["c1"].Parent is null && tree["c2"].Parent is null);
        var sent = await tree["d1"].Messages.SendAsync("d2", "t", "", Text("x"));
        await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System, Ct);
        Assert.Equal(0, tree["d2"].Messages.Waiting);

        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await AllowAsync(tree, "c1", "c2", subtree: true);
        Assert.Equal(SentState.Delivered, (await tree["d1"].Messages.WaitAsync(sent.Id, Ct))!.State);
        await SettledAsync(tree, "c1", "c2");
        await tree.StopAsync("north");
        await UntilAsync(() => tree["c1"].Parent is null && tree["c2"].Parent is null);
        sent = await tree["d1"].Messages.SendAsync("d2", "across", "", Text("y"));
        Assert.Equal(3, Assert.Single(await tree["d2"].Messages.ReceiveAsync("across", 10, Ct)).Hops);
        Assert.Equal(SentState.Delivered, (await tree["d1"].Messages.WaitAsync(sent.Id, Ct))!.State);
    }

    [Fact]
    public async Task A_lateral_link_makes_nobody_a_parent_and_shows_at_the_root()
    {
        await using var tree = await TreeAsync();
        await AllowAsync(tree, "c1", "c2");
        var shown = await SmallTree.UntilAsync(
            tree.Root, Kinds.Clusters, null, "c1", c => c.Items("status", "lateral")?.OfType<JsonObject>().Any(l => l.Truth("up") == true) == true, Ct);
        Assert.Equal("c2", Assert.Single(shown.Items("status", "lateral")!.OfType<JsonObject>()).Text("peer"));
        Assert.Equal(("north", "north"), (tree["c1"].Parent, tree["c2"].Parent));
        Assert.Empty(tree["c1"].Below);
        Assert.Empty(tree["c2"].Below);
    }

    [Fact]
    public async Task A_restart_while_cut_off_keeps_the_permission_and_a_revoked_peer_loses_the_link()
    {
        await using var tree = await TreeAsync();
        await AllowAsync(tree, "c1", "c2");
        await UpAsync(tree, "c1", "c2");
        await tree.StopAsync("north");
        await tree.StopAsync("c2");
        await tree.AddAsync("c2", "north", [], Ct);
        await UpAsync(tree, "c1", "c2");

        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.ClusterIsAsync("c1", "online", Ct);
        await tree.Root.PatchAsync(Kinds.Clusters, null, "c2", PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["accepted"] = false } }, Ct);
        await UntilAsync(() => !tree["c1"].LateralLinks[0].IsUp);
    }

    [Fact]
    public async Task What_a_lateral_link_has_carried_today_is_known_after_a_restart()
    {
        await using var tree = await TreeAsync();
        await AllowAsync(tree, "c1", "c2");
        await UpAsync(tree, "c1", "c2");
        await tree.StopAsync("c2");
        await UntilAsync(() => !tree["c1"].LateralLinks[0].IsUp);
        var carried = tree["c1"].LateralLinks[0].BytesToday;
        Assert.True(carried > 0);
        await tree.StopAsync("c1");
        await tree.AddAsync("c1", "north", [], Ct);
        Assert.Equal(carried, tree["c1"].LateralLinks[0].BytesToday); // its peer is not there, so nothing was added
    }

    private static async Task<int> HopsAsync(SmallTree tree)
    {
        await tree["c1"].Messages.SendAsync("c2", "t", "", Text("x"));
        var got = Assert.Single(await tree["c2"].Messages.ReceiveAsync("t", 10, Ct));
        await tree["c2"].Messages.AcknowledgeAsync(got.Id);
        return got.Hops;
    }

    private static async Task<SmallTree> TreeAsync(bool listening = true)
    {
        SmallTree? made = null;
        var tree = made = await SmallTree.StartAsync(Ct, options => options with
        {
            Listen = listening && options.Name is ("c1" or "c2") ? made!.Listen(options.Name) : options.Listen,
            Tunnel = options.Tunnel with { Heartbeat = TimeSpan.FromMilliseconds(200), Lease = TimeSpan.FromSeconds(2) },
        });
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", [], Ct);
        await tree.AddAsync("c2", "north", [], Ct);
        await PinAsync(tree, "c1", "north");
        await PinAsync(tree, "c2", "north");
        return tree;
    }

    // It does not go elsewhere when its parent dies.
    private static async Task PinAsync(SmallTree tree, string name, string parent)
    {
        await tree.ClusterIsAsync(name, "online", Ct);
        await tree.Root.PatchAsync(Kinds.Clusters, null, name, PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["pinnedParent"] = parent } }, Ct);
        await UntilAsync(() => tree[name].IsPinned);
    }

    private static async Task AllowAsync(SmallTree tree, string one, string other, bool subtree = false)
    {
        await WriteAsync(tree, one, other, subtree);
        await WriteAsync(tree, other, one, subtree);
    }

    private static Task<JsonObject> WriteAsync(SmallTree tree, string name, string peer, bool subtree = false) => tree.Root.PatchAsync(
        Kinds.Clusters, null, name, PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["lateral"] = new JsonArray(new JsonObject { ["peer"] = peer, ["subtree"] = subtree }) } }, Ct);

    private static Task UpAsync(SmallTree tree, string one, string other) =>
        UntilAsync(() => tree[one].LateralLinks is [{ IsUp: true, RoundTrip: not null }] && tree[other].LateralLinks is [{ IsUp: true, RoundTrip: not null }]);

    // Both have been told anew, and have told each other what is below them.
    private static async Task SettledAsync(SmallTree tree, string one, string other)
    {
        await UpAsync(tree, one, other);
        await UntilAsync(() => tree[one].LateralLinks[0].Below == 1 && tree[other].LateralLinks[0].Below == 1);
    }

    private static Task UntilAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string what = "") => Eventually.HoldsAsync(condition, what, TimeSpan.FromSeconds(30), Ct);

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);
}
