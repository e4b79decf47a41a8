using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Objects;
using Ote.Mirror.Applying;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Cluster.Namespaces;

/// <summary>Whole controllers, real clusters' API servers at the leaves, reports up and live access down.</summary>
[Trait("Defect", "M12")]
public sealed class NamespaceTreeTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_cluster_two_levels_down_that_was_away_has_what_is_wished_when_it_is_back_and_loses_what_was_deleted()
    {
        using var stop = new CancellationTokenSource();
        await using var mirror = MirrorStore.Open(new MirrorOptions(), TimeProvider.System, NullLogger.Instance);
        await using var tree = new SmallTree { Reports = true, Mirror = mirror };
        await tree.StartRootAsync(Ct);
        var following = new TreeFollower(mirror, tree["root"].FollowReportsAsync, TimeProvider.System, static () => 0.5, NullLogger.Instance).RunAsync(stop.Token);
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", ["region=south"], Ct);
        await tree.AddAsync("c2", "root", [], Ct);
        await MakeAsync(tree, "shop-a");
        await tree.Root.CreateAsync(Kinds.NamespacePolicies, null, (JsonObject)JsonNode.Parse("""
            {"apiVersion":"ote.baidu.com/v1","kind":"NamespacePolicy","metadata":{"name":"shops"},"spec":{"namespaces":["shop-*"],"clusters":"region=south","deletion":"Delete"}}
            """)!, Ct);
        await ReadyAsync(tree, "shop-a");
        Assert.NotNull(await tree.Cluster("c1").GetAsync(Kinds.Namespaces, null, "shop-a", Ct));
        Assert.Null(await tree.Cluster("c2").GetAsync(Kinds.Namespaces, null, "shop-a", Ct));

        await tree.StopAsync("c1");
        await tree.ClusterIsAsync("c1", "offline", Ct);
        await MakeAsync(tree, "shop-b");
        await tree.Root.DeleteAsync(Kinds.Namespaces, null, "shop-a", Ct);
        await SmallTree.UntilAsync(tree.Root, Kinds.NamespacePolicies, null, "shops", p => p.Items("status", "lacking")?.Count(l => l.Text("reason") == "ClusterAway") == 2, Ct);
        await tree.AddAsync("c1", "north", ["region=south"], Ct);
        await ReadyAsync(tree, "shop-b");
        Assert.NotNull(await tree.Cluster("c1").GetAsync(Kinds.Namespaces, null, "shop-b", Ct));
        Assert.Null(await tree.Cluster("c1").GetAsync(Kinds.Namespaces, null, "shop-a", Ct));
        await stop.CancelAsync();
        await Task.WhenAny(following);
    }

    private static Task<JsonObject> MakeAsync(SmallTree tree, string name) => tree.Root.CreateAsync(Kinds.Namespaces, null, NamespaceWorld.Space(name), Ct);

    private static Task<JsonObject> ReadyAsync(SmallTree tree, string carried) => SmallTree.UntilAsync(
        tree.Root, Kinds.NamespacePolicies, null, "shops",
        p => p.IsTrue("Ready") && p.Whole("status", "clusters", "complete") == 1 && p.Items("status", "carried")?.SingleOrDefault().Text("name") == carried, Ct);
}
