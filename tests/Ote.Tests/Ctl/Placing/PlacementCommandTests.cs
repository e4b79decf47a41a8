using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Tests.Ctl.Placing;

public sealed class PlacementCommandTests
{
    [Fact]
    public async Task Pin_holds_a_cluster_below_the_named_or_the_present_parent_until_unpinned()
    {
        await using var world = await TreeAsync();
        Assert.Equal("cluster c1 pinned below bj\n", (await world.RunAsync("pin", "c1")).Out);
        var elsewhere = await world.RunAsync("pin", "c1", "sh");
        Assert.Equal(("cluster c1 pinned below sh\n", "it hangs below bj and moves when it hears of this; on the way it is offline for seconds\n"), (elsewhere.Out, elsewhere.Error));
        Assert.Equal("sh", await SpecAsync(world, "c1", "pinnedParent"));
        Assert.Contains("Pinned below", (await world.RunAsync("describe", "cluster", "c1")).Out, StringComparison.Ordinal);
        Assert.Equal("cluster c1 unpinned\n", (await world.RunAsync("unpin", "c1")).Out);
        Assert.Null(await SpecAsync(world, "c1", "pinnedParent"));
        Assert.Equal("cluster c1 was not pinned\n", (await world.RunAsync("unpin", "c1")).Out);
    }

    [Fact]
    public async Task Pin_refuses_itself_an_unknown_parent_and_the_root()
    {
        await using var world = await TreeAsync();
        Assert.Equal((2, "error: cluster 'c1' cannot be its own parent; name another\n"), Told(await world.RunAsync("pin", "c1", "c1")));
        Assert.Contains("cluster 'bk' is not in the tree (did you mean bj?)", (await world.RunAsync("pin", "c1", "bk")).Error, StringComparison.Ordinal);
        Assert.Equal(1, (await world.RunAsync("pin", "root", "bj")).Code);
    }

    [Fact]
    public async Task Pin_refuses_a_parent_below_the_cluster_and_one_that_takes_no_children()
    {
        await using var world = await TreeAsync();
        await world.AddClusterAsync("leaf", "sh", path: ["root", "sh", "leaf"], listen: "");
        Assert.Equal((1, "error: cluster 'c1' hangs below 'bj', which cannot hang below it; name another parent\n"), Told(await world.RunAsync("pin", "bj", "c1")));
        Assert.Equal(
            (1, "error: cluster 'leaf' takes no children: its controller was started without --listen; name another parent\n"), Told(await world.RunAsync("pin", "c1", "leaf")));
        Assert.Null(await SpecAsync(world, "bj", "pinnedParent"));
        Assert.Null(await SpecAsync(world, "c1", "pinnedParent"));
    }

    [Theory]
    [InlineData("sh", "pin", "c1", "sh")]
    [InlineData("bj", "pin", "c1")] // below which it hangs at the moment
    public async Task Pin_refuses_a_parent_that_is_drained_and_says_how_that_ends(string parent, params string[] typed)
    {
        await using var world = await TreeAsync();
        Assert.Equal(0, (await world.RunAsync("drain", parent, "--no-wait")).Code);
        Assert.Equal(
            (1, $"error: cluster '{parent}' is drained and takes no children, so 'c1' would hang nowhere; take that back first (otectl undrain {parent}), or name another parent\n"),
            Told(await world.RunAsync(typed)));
        Assert.Null(await SpecAsync(world, "c1", "pinnedParent"));
        await world.RunAsync("undrain", parent);
        Assert.Equal(0, (await world.RunAsync(typed)).Code);
    }

    [Fact]
    public async Task Forbidden_parents_add_up_and_are_allowed_again_one_by_one()
    {
        await using var world = await TreeAsync();
        await world.RunAsync("forbid", "c1", "sh");
        Assert.Equal("cluster c1 may hang below any parent but bj, sh\n", (await world.RunAsync("forbid", "c1", "bj")).Out);
        Assert.Equal("cluster c1 may hang below any parent but bj\n", (await world.RunAsync("allow", "c1", "sh")).Out);
        Assert.Equal("cluster c1 may hang below any parent\n", (await world.RunAsync("allow", "c1", "bj")).Out);
    }

    [Fact]
    public async Task Forbid_leaves_a_cluster_a_parent_that_it_can_find()
    {
        await using var world = await TreeAsync();
        await world.AddClusterAsync("leaf", "bj", path: ["root", "bj", "leaf"], listen: "");
        Assert.Equal(
            (1, "error: cluster 'c1' would have no parent left (bj, root, sh are all it can hang below), and no later wish could reach it; leave it one\n"),
            Told(await world.RunAsync("forbid", "c1", "bj", "sh", "root")));
        Assert.Equal(0, (await world.RunAsync("forbid", "c1", "bj", "sh")).Code);
        Assert.Equal(1, (await world.RunAsync("forbid", "c1", "root")).Code);
        Assert.Equal((1, "error: cluster 'c1' is forbidden to hang below 'sh' and would hang nowhere; allow it first\n"), Told(await world.RunAsync("pin", "c1", "sh")));
        await world.RunAsync("pin", "c1", "root");
        Assert.Equal((1, "error: cluster 'c1' is pinned below 'root' and would hang nowhere; unpin it first\n"), Told(await world.RunAsync("forbid", "c1", "root")));
    }

    [Fact]
    public async Task Forbid_of_the_present_parent_says_that_the_cluster_is_away_until_it_has_another()
    {
        await using var world = await TreeAsync();
        Assert.Equal("cluster c1 is away until it attaches to root or sh\n", (await world.RunAsync("forbid", "cluster.ote.baidu.com/c1", "bj")).Error);
        Assert.Equal("", (await world.RunAsync("forbid", "sh", "bj")).Error);
    }

    [Fact]
    public async Task Forbid_counts_on_no_parent_that_is_drained()
    {
        await using var world = await TreeAsync();
        Assert.Equal(0, (await world.RunAsync("drain", "sh", "--no-wait")).Code);
        Assert.Equal("cluster c1 is away until it attaches to root\n", (await world.RunAsync("forbid", "c1", "bj")).Error);
        Assert.Equal(
            (1, "error: cluster 'c1' would have no parent left but sh, which is drained and takes no children; leave it another, or take that back first (otectl undrain sh)\n"),
            Told(await world.RunAsync("forbid", "c1", "root")));
        await world.RunAsync("undrain", "sh");
        Assert.Equal(0, (await world.RunAsync("forbid", "c1", "root")).Code);
    }

    [Fact]
    public async Task Drain_refuses_to_leave_clusters_without_a_parent_unless_forced()
    {
        await using var world = await TreeAsync();
        await world.AddClusterAsync("c2", "bj", path: ["root", "bj", "c2"], listen: "");
        await world.AddClusterAsync("c3", "sh", path: ["root", "sh", "c3"], listen: "");
        await world.RunAsync("pin", "c1", "bj");
        await world.RunAsync("forbid", "c2", "root", "sh", "c1");
        await world.RunAsync("pin", "c3", "bj"); // it does not hang there yet
        Assert.Equal(
            (1, "error: cluster 'bj' is the only parent that c1 (pinned below it), c2, c3 (pinned below it) can have, and nothing was changed; "
                + "give them another (unpin, allow, undrain), or drain it all the same with --force\n"),
            Told(await world.RunAsync("drain", "bj")));
        Assert.Null(await SpecAsync(world, "bj", "drain"));
        Assert.Equal("cluster bj was not drained\n", (await world.RunAsync("undrain", "bj")).Out);
        Assert.Equal(
            (0, "left without a parent: c1 (pinned below it), c2, c3 (pinned below it); sent away, they are offline until otectl undrain bj, or until they may have another parent "
                + "(otectl unpin or allow): that they hear 5 minutes after they lost theirs, or later\n"),
            Told(await world.RunAsync("drain", "bj", "--force", "--no-wait")));
        Assert.Equal("true", await SpecAsync(world, "bj", "drain"));
    }

    [Fact]
    public async Task Drain_counts_on_no_parent_that_is_drained_itself()
    {
        await using var world = await TreeAsync();
        await world.RunAsync("forbid", "c1", "root");
        Assert.Equal(0, (await world.RunAsync("drain", "sh", "--no-wait")).Code);
        Assert.Contains("'bj' is the only parent that c1 can have", (await world.RunAsync("drain", "bj", "--no-wait")).Error, StringComparison.Ordinal);
        await world.RunAsync("undrain", "sh");
        Assert.Equal(0, (await world.RunAsync("drain", "bj", "--no-wait")).Code);
    }

    [Fact]
    public async Task Allow_refuses_what_is_not_forbidden()
    {
        await using var world = await TreeAsync();
        await world.RunAsync("forbid", "c1", "sh");
        Assert.Equal(
            (1, "error: cluster 'c1' is not kept from hanging below 'shh' (did you mean sh?); forbidden are sh\n"), Told(await world.RunAsync("allow", "c1", "shh")));
    }

    [Fact]
    public async Task Drain_waits_until_the_children_have_left()
    {
        await using var world = await TreeAsync();
        var draining = world.RunAsync("drain", "bj");
        await DrainedAsync(world, false, "1 child has not left yet");
        await world.Progress.WhenSays("1 child has not left yet");
        await DrainedAsync(world, true, "all its children hang elsewhere");

        var result = await draining;

        Assert.Equal((0, "cluster bj is being drained\n"), (result.Code, result.Out));
        Assert.Contains("cluster bj has no children any more", result.Error, StringComparison.Ordinal);
        Assert.Equal("cluster bj takes children again\n", (await world.RunAsync("undrain", "bj")).Out);
        Assert.Null(await SpecAsync(world, "bj", "drain"));
    }

    [Fact]
    public async Task Drain_says_how_many_are_left_when_the_time_is_over()
    {
        await using var world = await TreeAsync();
        var draining = world.RunAsync("drain", "bj", "--timeout", "1m");
        await DrainedAsync(world, false, "1 child has not left yet");
        await world.Progress.WhenSays("1 child has not left yet");
        world.Time.Advance(TimeSpan.FromMinutes(2));

        var result = await draining;

        Assert.Equal(5, result.Code);
        Assert.Contains("still has children after 1m (1 child has not left yet)", result.Error, StringComparison.Ordinal);
    }

    private static (int Code, string Error) Told(CtlResult result) => (result.Code, result.Error);

    private static async Task<string?> SpecAsync(CtlWorld world, string name, string field) =>
        (await world.Api.GetAsync(Kinds.Clusters, null, name, CtlWorld.Stop)).At("spec", field)?.ToString();

    private static async Task DrainedAsync(CtlWorld world, bool drained, string message)
    {
        var cluster = (await world.Api.GetAsync(Kinds.Clusters, null, "bj", CtlWorld.Stop))!.Copy();
        Conditions.SetCondition((JsonObject)cluster["status"]!, "Drained", drained, "Test", message, CtlWorld.Start);
        cluster["metadata"]!.AsObject().Remove("resourceVersion");
        await world.Api.ReplaceStatusAsync(Kinds.Clusters, cluster, CtlWorld.Stop);
    }

    private static async Task<CtlWorld> TreeAsync()
    {
        var world = await CtlWorld.StartAsync();
        await world.AddClusterAsync("root", null, path: ["root"]);
        await world.AddClusterAsync("bj", "root", path: ["root", "bj"]);
        await world.AddClusterAsync("sh", "root", path: ["root", "sh"]);
        await world.AddClusterAsync("c1", "bj", path: ["root", "bj", "c1"]);
        return world;
    }
}
