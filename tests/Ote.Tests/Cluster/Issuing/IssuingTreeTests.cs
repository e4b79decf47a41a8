using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Cluster.Issuing;

/// <summary>A cluster that has the root's leave lets others in while the root is away, in a tree of shipped controllers.</summary>
public sealed class IssuingTreeTests
{
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Site_joins_while_the_root_is_away_works_below_its_issuer_and_is_admitted_when_the_root_is_back()
    {
        var log = new Heard();
        await using var tree = new SmallTree { Loggers = log };
        await tree.StartRootAsync(Ct);
        await tree.AddAsync("north", "root", [], Ct, leaf: false, control: true);
        var token = await tree.LeaveAsync("north", Ct);
        await tree.StopAsync("root");

        await tree.AddAsync("shop-1", "north", [], Ct, token: token);
        var shown = await tree.ClusterIsAsync("shop-1", "online", Ct, tree.Control("north"));
        Assert.Contains("north let it in", shown.Condition("Provisional").Text("message"), StringComparison.Ordinal);
        await tree.CommandAsync("see", "shop-1", "GET", ConfigMaps, "", Ct, tree.Control("north"));
        Assert.Equal("Succeeded", (await tree.OverAsync("see", Ct, tree.Control("north"))).Text("status", "commandPhase"));

        await tree.StartRootAsync(Ct);
        await tree.ClusterIsAsync("shop-1", "online", Ct);
        await SmallTree.UntilAsync(tree.Control("north"), Kinds.Clusters, null, "shop-1", c => c.Condition("Provisional") is null, Ct);
        await tree.CommandAsync("see", "shop-1", "GET", ConfigMaps, "", Ct);
        Assert.Equal("Succeeded", (await tree.OverAsync("see", Ct)).Text("status", "commandPhase"));
        Assert.Equal(1, (await tree.Root.GetAsync(Kinds.JoinTokens, null, token.Split('.')[0], Ct)).Whole("status", "used"));
    }
}
