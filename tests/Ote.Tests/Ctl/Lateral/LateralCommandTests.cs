using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Tests.Ctl.Lateral;

public sealed class LateralCommandTests
{
    [Fact]
    public async Task A_pair_is_written_at_both_and_taken_back_at_both_and_others_stay()
    {
        await using var world = await TreeAsync();
        var set = await world.RunAsync("lateral", "c1", "c2", "--subtree", "--rate", "64Ki");
        Assert.Equal("cluster c1 may have lateral links with c2 (with what is below it)\ncluster c2 may have lateral links with c1 (with what is below it)\n", set.Out);
        Assert.Equal("""[{"subtree":true,"linkBudget":{"bytesPerSecond":65536},"peer":"c2"}]""", await LateralAsync(world, "c1"));

        Assert.StartsWith("cluster c1 may have lateral links with c2 (with what is below it), c3\n", (await world.RunAsync("lateral", "c1", "c3")).Out, StringComparison.Ordinal);
        Assert.Equal(
            "cluster c1 may have lateral links with c3\ncluster c2 may have no lateral links\n", (await world.RunAsync("lateral", "c1", "c2", "--none")).Out);
        Assert.Equal("[]", await LateralAsync(world, "c2"));
    }

    [Theory]
    [InlineData(2, "say either how the link is to be", "lateral", "c1", "c2", "--none", "--subtree")]
    [InlineData(2, "has no lateral link with itself", "lateral", "c1", "c1")]
    [InlineData(1, "cluster 'root' is the root", "lateral", "c1", "root")]
    [InlineData(1, "cluster 'root' is the root", "lateral", "c1", "root", "--none")]
    [InlineData(2, "--rate: 10 bytes is not between 128 and 1Ti", "lateral", "c1", "c2", "--rate", "10")]
    public async Task What_makes_no_sense_is_refused_with_the_reason(int code, string reason, params string[] typed)
    {
        await using var world = await TreeAsync();
        var result = await world.RunAsync(typed);
        Assert.Equal((code, ""), (result.Code, result.Out));
        Assert.Contains(reason, result.Error, StringComparison.Ordinal);
        Assert.Equal("", await LateralAsync(world, "c1"));
    }

    [Fact]
    public async Task A_link_with_a_cluster_that_was_deleted_is_taken_back_at_the_other_alone_and_one_that_never_was_is_an_error()
    {
        await using var world = await TreeAsync();
        await world.RunAsync("lateral", "c1", "c2");
        await world.Controller.DeleteAsync(Kinds.Clusters, null, "c2", CtlWorld.Stop);
        var taken = await world.RunAsync("lateral", "c1", "c2", "--none");
        Assert.Equal((0, "cluster c1 may have no lateral links\n", "cluster 'c2' is not in the tree any more; nothing is left to take back there\n"), (taken.Code, taken.Out, taken.Error));
        var again = await world.RunAsync("lateral", "c1", "c2", "--none");
        Assert.Equal((1, ""), (again.Code, again.Out));
    }

    [Fact]
    public async Task Two_that_nobody_can_dial_are_told_of()
    {
        await using var world = await TreeAsync();
        foreach (var name in (string[])["c1", "c2"])
        {
            var cluster = (await world.Api.GetAsync(Kinds.Clusters, null, name, CtlWorld.Stop))!;
            cluster["status"]!["listen"] = "";
            await world.Api.ReplaceStatusAsync(Kinds.Clusters, cluster, CtlWorld.Stop);
        }

        Assert.Contains("neither c1 nor c2 can be dialled", (await world.RunAsync("lateral", "c1", "c2")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Describe_shows_who_is_allowed_and_how_the_links_are()
    {
        await using var world = await TreeAsync();
        await world.RunAsync("lateral", "c1", "c2");
        await world.RunAsync("lateral", "c1", "c3", "--subtree");
        var cluster = (await world.Api.GetAsync(Kinds.Clusters, null, "c1", CtlWorld.Stop))!;
        cluster["status"]!["lateral"] = new JsonArray(
            new JsonObject { ["peer"] = "c2", ["up"] = true, ["roundTripMilliseconds"] = 3, ["bytes"] = 2048, ["asOf"] = "2026-03-01T11:58:00Z" },
            new JsonObject { ["peer"] = "c3", ["up"] = false, ["bytes"] = 0, ["message"] = "nobody listens", ["asOf"] = "2026-03-01T11:58:00Z" });
        await world.Api.ReplaceStatusAsync(Kinds.Clusters, cluster, CtlWorld.Stop);
        var shown = (await world.RunAsync("describe", "cluster", "c1")).Out;
        Assert.Contains("Lateral:      c2: up, round trip 3 ms, 2Ki bytes (told 2m ago)\n", shown, StringComparison.Ordinal);
        Assert.Contains("Lateral:      c3 and what is below it: down (nobody listens), 0 bytes (told 2m ago)\n", shown, StringComparison.Ordinal);
    }

    private static async Task<string> LateralAsync(CtlWorld world, string name) =>
        (await world.Api.GetAsync(Kinds.Clusters, null, name, CtlWorld.Stop)).At("spec", "lateral")?.ToJsonString() ?? "";

    private static async Task<CtlWorld> TreeAsync()
    {
        var world = await CtlWorld.StartAsync();
        await world.AddClusterAsync("root", null, path: ["root"]);
        foreach (var name in (string[])["c1", "c2", "c3"])
        {
            await world.AddClusterAsync(name, "root", path: ["root", name]);
        }

        return world;
    }
}
