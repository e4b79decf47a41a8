using Ote.Kube.Objects;
using Ote.Shim;
using Ote.Testing.Meters;
using Ote.Tests.Shim;

namespace Ote.Tests.Cluster.Handling;

/// <summary>A controller does not need its shim to have its place in the tree (P12).</summary>
public sealed class ShimAwayTests
{
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Defect", "P12")]
    public async Task Controller_whose_shim_is_down_at_its_start_carries_its_children_and_runs_its_own_command_when_the_shim_comes()
    {
        await using ShimLink link = new(); // nobody serves there yet
        await using var tree = new SmallTree();
        using Counts counts = new(tree.Meters);
        await tree.StartRootAsync(Ct);
        await tree.AddAsync("north", "root", ["tier=region"], Ct, leaf: false, shim: link.NewRemote());
        await tree.AddAsync("c1", "north", ["tier=edge"], Ct);
        await tree.ClusterIsAsync("north", "online", Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);

        var dead = await SmallTree.UntilAsync(tree.Root, Kinds.Clusters, null, "north", c => c.Condition("LocalClusterReachable").Text("status") == "False", Ct);
        Assert.Contains("cannot be reached", dead.Condition("LocalClusterReachable").Text("message"), StringComparison.Ordinal);
        Assert.True(dead.IsTrue("Ready"));

        await tree.CommandAsync("both", "north,c1", "GET", ConfigMaps, "", Ct);
        var waiting = await SmallTree.UntilAsync(
            tree.Root, Kinds.ClusterControllers, "default", "both",
            c => c.Whole("status", "targetCounts", "succeeded") == 1 && c.Whole("status", "targetCounts", "durable") == 2, Ct); // north has it on disk as well
        Assert.Null(waiting.Text("status", "completionTime"));
        Assert.Equal(200, waiting.Whole("status", "c1", "code"));

        var shim = new ScriptedShim { OnExecute = (_, _) => Task.FromResult(ShimAnswer.FromCluster(202, "late"u8.ToArray(), "text/plain")) };
        shim.Readiness.Writer.TryWrite(new Ote.Shim.Contract.Readiness { Ready = true });
        await link.ServeAsync(shim);
        await tree.OverAsync("both", Ct);
        await SmallTree.UntilAsync(tree.Root, Kinds.Clusters, null, "north", c => c.IsTrue("LocalClusterReachable"), Ct);
        Assert.Equal(202, (await tree.ResultsAsync("both", Ct))["north"].Whole("code"));
        foreach (var stage in (string[])["taken", "started", "succeeded"])
        {
            Assert.Equal((1, 1), (Count("c1", stage), Count("north", stage)));
        }

        long Count(string cluster, string stage) => counts.Of("ote.commands", $"cluster={cluster}", $"stage={stage}");
    }
}
