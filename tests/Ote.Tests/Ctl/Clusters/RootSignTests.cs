using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Tests.Ctl.Clusters;

/// <summary>What is said of clusters when nobody leads the root that keeps their objects up.</summary>
public sealed class RootSignTests
{
    [Theory]
    [InlineData(-600)]
    [InlineData(600)] // the leader's clock was ahead of this one
    public async Task Clusters_of_a_root_that_nobody_leads_are_unknown_and_it_is_said_since_when(int seconds)
    {
        await using var world = await TreeAsync();
        await LeaseAsync(world, CtlWorld.Start.AddSeconds(seconds));
        var renewed = Micro(CtlWorld.Start.AddSeconds(seconds));

        var (listed, drawn, described) = (await LookAsync(world, "get", "clusters", "-o", "wide"), await LookAsync(world, "tree"), await LookAsync(world, "describe", "cluster", "c1"));

        foreach (var seen in new[] { listed, drawn, described })
        {
            Assert.Contains($"\nwarning: nobody leads the root since {renewed} (lease ote-root in ote-system)", seen.Error, StringComparison.Ordinal);
            Assert.Contains("see that a replica of the root runs", seen.Error, StringComparison.Ordinal);
            Assert.DoesNotMatch("(?<!was) online", seen.Out);
        }

        Assert.Matches("c1 +north +unknown +was online ", listed.Out);
        Assert.Matches("c2 +north +offline +<none> ", listed.Out);
        Assert.Matches("c1 +unknown +was online", drawn.Out);
        Assert.Contains("Status:       unknown\n", described.Out, StringComparison.Ordinal);
        Assert.Contains("\"status\": \"online\"", (await LookAsync(world, "get", "clusters", "c1", "-o", "json")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lease_that_is_renewed_while_it_is_looked_at_says_only_that_clocks_differ()
    {
        await using var world = await TreeAsync();
        await LeaseAsync(world, CtlWorld.Start.AddHours(-1));
        var looking = world.RunAsync("get", "clusters");
        await world.Progress.WhenSays("looking for 5s whether it is renewed");
        await LeaseAsync(world, CtlWorld.Start.AddHours(-1).AddSeconds(4));
        world.Time.Advance(TimeSpan.FromSeconds(5));
        var seen = await looking;
        Assert.DoesNotContain("warning", seen.Error, StringComparison.Ordinal);
        Assert.Matches("c1 +north +online ", seen.Out);
    }

    [Fact]
    public async Task Nothing_is_said_nor_waited_for_where_somebody_leads_or_there_is_no_lease()
    {
        await using var world = await TreeAsync();
        Assert.Equal("", (await world.RunAsync("get", "clusters")).Error);
        await LeaseAsync(world, CtlWorld.Start.AddSeconds(-14));
        var seen = await world.RunAsync("tree");
        Assert.Equal("", seen.Error);
        Assert.Matches("c1 +online", seen.Out);
    }

    [Fact]
    public async Task Lease_that_was_given_up_and_nobody_took_counts_as_nobodys()
    {
        await using var world = await TreeAsync();
        await LeaseAsync(world, CtlWorld.Start, holder: "");
        Assert.Contains("nobody leads the root", (await LookAsync(world, "get", "clusters")).Error, StringComparison.Ordinal);
    }

    private static async Task<CtlResult> LookAsync(CtlWorld world, params string[] typed)
    {
        var looking = world.RunAsync(typed);
        await world.Progress.WhenSays("looking for 5s whether it is renewed");
        world.Time.Advance(TimeSpan.FromSeconds(5));
        return await looking;
    }

    private static string Micro(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", System.Globalization.CultureInfo.InvariantCulture);

    private static async Task LeaseAsync(CtlWorld world, DateTimeOffset renewed, string holder = "r1")
    {
        var known = await world.Api.GetAsync(Kinds.Leases, "ote-system", "ote-root", CtlWorld.Stop);
        var lease = known ?? new JsonObject { ["apiVersion"] = "coordination.k8s.io/v1", ["kind"] = "Lease", ["metadata"] = new JsonObject { ["name"] = "ote-root", ["namespace"] = "ote-system" } };
        lease["spec"] = new JsonObject { ["holderIdentity"] = holder, ["leaseDurationSeconds"] = 15, ["renewTime"] = Micro(renewed) };
        await (known is null ? world.Api.CreateAsync(Kinds.Leases, "ote-system", lease, CtlWorld.Stop) : world.Api.ReplaceAsync(Kinds.Leases, lease, CtlWorld.Stop));
    }

    private static async Task<CtlWorld> TreeAsync()
    {
        var world = await CtlWorld.StartAsync();
        await world.AddClusterAsync("root", null, path: ["root"]);
        await world.AddClusterAsync("north", "root", path: ["root", "north"]);
        await world.AddClusterAsync("c1", "north", path: ["root", "north", "c1"]);
        await world.AddClusterAsync("c2", "north", status: "offline", path: ["root", "north", "c2"]);
        return world;
    }
}
