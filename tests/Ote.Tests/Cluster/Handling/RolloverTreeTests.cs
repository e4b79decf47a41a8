using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Tests.Cluster.Issuing;

namespace Ote.Tests.Cluster.Handling;

/// <summary>The tree's CA is exchanged while the tree runs.</summary>
public sealed class RolloverTreeTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ca_is_exchanged_over_restarts_of_the_root_with_a_cluster_that_is_away_and_comes_back_within_the_grace()
    {
        await using var tree = new SmallTree { Time = new FakeTimeProvider(TimeProvider.System.GetUtcNow()) };
        tree.Adjust = o => o with { CertificateLife = TimeSpan.FromHours(1), RenewalGrace = TimeSpan.FromHours(20) };
        await tree.StartRootAsync(Ct);
        await AddAsync(tree, "north", "root", leaf: false);
        await AddAsync(tree, "c1", "north");
        await AddAsync(tree, "c2", "north");
        var former = Pin(tree, "c1");
        await tree.StopAsync("c2");
        await tree.WhileAsync(tree.ClusterIsAsync("c2", "offline", Ct));

        await WishAsync(tree, "start", "r1");
        var told = await ShownAsync(tree, d => d.Text("trusting") == "2");
        Assert.Equal(("Trusting", "3", "c2"), (told.Text("phase"), told.Text("clusters"), told.Text("notTrusting")));
        await RestartRootAsync(tree);
        Assert.Equal("Trusting", (await ShownAsync(tree, d => d.Text("trusting") == "2")).Text("phase"));

        await WishAsync(tree, "continue", "r2");
        await ShownAsync(tree, d => d.Text("renewed") == "2");
        await RestartRootAsync(tree);
        Assert.Equal("c2", (await ShownAsync(tree, d => d.Text("renewed") == "2")).Text("notRenewed"));
        Assert.NotEqual(former, Pin(tree, "c1"));
        Assert.Equal(Pin(tree, "north"), Pin(tree, "c1"));

        Assert.StartsWith("refused", (await WishAsync(tree, "finish", "r3")).Text("answer"), StringComparison.Ordinal);
        Assert.Contains("leaving behind c2", (await WishAsync(tree, "finish", "r4", force: true)).Text("answer"), StringComparison.Ordinal);
        await RestartRootAsync(tree);
        await tree.WhileAsync(tree.ClusterIsAsync("c1", "online", Ct));

        // It knows the former CA only, and its parent shows a certificate of the next.
        Assert.Equal(former, Pin(tree, "c2"));
        await tree.WhileAsync(tree.AddAsync("c2", "north", [], Ct));
        await tree.WhileAsync(tree.ClusterIsAsync("c2", "online", Ct));
        Assert.Equal(Pin(tree, "c1"), Pin(tree, "c2"));

        ((FakeTimeProvider)tree.Time).Advance(TimeSpan.FromHours(20));
        Assert.Equal("", (await ShownAsync(tree, d => d.Text("phase") == "None")).Text("other"));
        Assert.False(File.Exists(Path.Combine(tree.Folder, "root", "identity", "ca.key")));
        await tree.WhileAsync(tree.ClusterIsAsync("c2", "online", Ct));
    }

    [Fact]
    public async Task Clusters_join_by_the_former_pin_and_by_the_next_while_there_are_two_and_it_goes_on_by_itself()
    {
        await using var tree = new SmallTree { Time = new FakeTimeProvider(TimeProvider.System.GetUtcNow()) };
        tree.Adjust = o => o with { CertificateLife = TimeSpan.FromHours(1), RenewalGrace = TimeSpan.FromHours(20) };
        await tree.StartRootAsync(Ct);
        await AddAsync(tree, "north", "root", leaf: false);
        var former = tree["root"].CaPin;
        await WishAsync(tree, "start", "r1");
        await ShownAsync(tree, d => d.Text("phase") == "Renewing" && d.Text("renewed") == "1"); // nobody was away, so nobody is asked
        var next = tree["root"].CaPin;
        Assert.NotEqual(former, next);

        await AddAsync(tree, "c1", "north", pin: former);
        await AddAsync(tree, "c2", "north", pin: next);
        await WishAsync(tree, "finish", "r2");
        await AddAsync(tree, "c3", "north", pin: former); // while the former key still signs who followed it
        await AddAsync(tree, "c4", "root", pin: next);
        Assert.All(new[] { "north", "c1", "c2", "c3", "c4" }, name => Assert.Equal(next, Pin(tree, name)));
        var tree2 = await tree.WhileAsync(SmallTree.UntilAsync(tree.Root, Kinds.ConfigMaps, ClusterController.SystemNamespace, "ote-tree", m => m.Text("data", "caPin") == next, Ct));
        Assert.Equal(next, tree2.Text("data", "caPin"));
    }

    [Fact]
    public async Task Cluster_that_lets_others_in_does_so_by_the_next_ca_when_that_has_taken_over()
    {
        await using var tree = new SmallTree { Time = new FakeTimeProvider(TimeProvider.System.GetUtcNow()) };
        tree.Adjust = o => o with { CertificateLife = TimeSpan.FromHours(1), RenewalGrace = TimeSpan.FromHours(20) };
        await tree.StartRootAsync(Ct);
        await AddAsync(tree, "north", "root", leaf: false, control: true);
        var token = await tree.WhileAsync(tree.LeaveAsync("north", Ct));
        await WishAsync(tree, "start", "r1");
        await ShownAsync(tree, d => d.Text("phase") == "Renewing" && d.Text("renewed") == "1");
        var next = tree["root"].CaPin;
        await WishAsync(tree, "finish", "r2");
        ((FakeTimeProvider)tree.Time).Advance(TimeSpan.FromHours(20)); // the former key is gone
        await ShownAsync(tree, d => d.Text("phase") == "None");
        var late = tree.Time.GetUtcNow();
        await tree.WhileAsync(SmallTree.UntilAsync(
            tree.Root, Kinds.Clusters, null, "north", c => c.Text("status", "status") == "online" && c.Time("status", "certificate", "notAfter") > late, Ct));
        await tree.WhileAsync(tree.HoldsAsync("north", 1, Ct));

        await tree.StopAsync("root");
        var adjust = tree.Adjust;
        tree.Adjust = o => adjust(o) with { CaPin = next };
        await tree.WhileAsync(tree.AddAsync("shop-1", "north", [], Ct, token: token));
        Assert.True((await tree.WhileAsync(tree.ClusterIsAsync("shop-1", "online", Ct, tree.Control("north")))).IsTrue("Provisional"));
        tree.Adjust = adjust;
        await RestartRootAsync(tree, isStopped: true);
        await tree.WhileAsync(tree.ClusterIsAsync("shop-1", "online", Ct));
    }

    [Fact]
    public async Task Cluster_that_a_parent_knew_before_the_exchange_comes_back_below_another_of_its_children()
    {
        await using var tree = new SmallTree { Time = new FakeTimeProvider(TimeProvider.System.GetUtcNow()) };
        tree.Adjust = o => o with { CertificateLife = TimeSpan.FromHours(1), RenewalGrace = TimeSpan.FromHours(20) };
        await tree.StartRootAsync(Ct);
        await AddAsync(tree, "north", "root", leaf: false);
        await AddAsync(tree, "c3", "north", leaf: false);
        await AddAsync(tree, "c2", "north");
        await tree.StopAsync("c2");
        await tree.WhileAsync(tree.ClusterIsAsync("c2", "offline", Ct));
        await WishAsync(tree, "start", "r1");
        await ShownAsync(tree, d => d.Text("trusting") == "2");
        await WishAsync(tree, "continue", "r2");
        await ShownAsync(tree, d => d.Text("renewed") == "2");
        await WishAsync(tree, "finish", "r3", force: true);

        await AddAsync(tree, "c2", "root"); // renewed there, unseen by its former parent
        await tree.WhileAsync(SmallTree.UntilAsync(tree.Root, Kinds.ConfigMaps, ClusterController.SystemNamespace, Rollover.ConfigMap, m => m.Text("data", "renewed") == "3", Ct));
        await tree.StopAsync("c2");
        await tree.WhileAsync(tree.ClusterIsAsync("c2", "offline", Ct));
        await tree.WhileAsync(tree.AddAsync("c2", "c3", [], Ct));
        await tree.WhileAsync(SmallTree.UntilAsync(tree.Root, Kinds.Clusters, null, "c2", c => c.Text("status", "status") == "online" && c.Text("status", "parentName") == "c3", Ct));
    }

    [Fact]
    public async Task Exchange_that_is_given_up_leaves_the_former_ca_and_every_certificate_as_they_were()
    {
        await using var tree = new SmallTree { Time = new FakeTimeProvider(TimeProvider.System.GetUtcNow()) };
        tree.Adjust = o => o with { CertificateLife = TimeSpan.FromHours(1), RenewalGrace = TimeSpan.Zero };
        await tree.StartRootAsync(Ct);
        await AddAsync(tree, "c1", "root");
        await AddAsync(tree, "c2", "root");
        await tree.StopAsync("c2");
        await tree.WhileAsync(tree.ClusterIsAsync("c2", "offline", Ct));
        var former = tree["root"].CaPin;
        await WishAsync(tree, "start", "r1");
        await ShownAsync(tree, d => d.Text("trusting") == "1");
        await WishAsync(tree, "abort", "r2");
        await ShownAsync(tree, d => d.Text("phase") == "None");
        Assert.Equal((former, former), (tree["root"].CaPin, Pin(tree, "c1")));
        await tree.WhileAsync(tree.AddAsync("c2", "root", [], Ct));
        await tree.WhileAsync(tree.ClusterIsAsync("c2", "online", Ct));
    }

    private static async Task AddAsync(SmallTree tree, string name, string parent, bool leaf = true, string? pin = null, bool control = false)
    {
        var adjust = tree.Adjust;
        tree.Adjust = o => o.Name == name && pin is not null ? adjust(o) with { CaPin = pin } : adjust(o);
        await tree.WhileAsync(tree.AddAsync(name, parent, [], Ct, leaf, control));
        await tree.WhileAsync(tree.ClusterIsAsync(name, "online", Ct));
        tree.Adjust = adjust;
    }

    private static async Task RestartRootAsync(SmallTree tree, bool isStopped = false)
    {
        if (!isStopped)
        {
            await tree.StopAsync("root");
        }

        await tree.WhileAsync(StartAsync());
        await tree.WhileAsync(tree.ClusterIsAsync("north", "online", Ct));

        async Task<bool> StartAsync()
        {
            await tree.StartRootAsync(Ct);
            return true;
        }
    }

    private static string Pin(SmallTree tree, string name) => CaPin.Of(ClusterIdentity.Load(Path.Combine(tree.Folder, name, "identity"))!.Authority).ToString();

    private static async Task<JsonObject> WishAsync(SmallTree tree, string wish, string request, bool force = false)
    {
        var data = new JsonObject { ["wish"] = wish, ["request"] = request, ["force"] = force ? "true" : "false" };
        if (request == "r1")
        {
            await tree.Root.CreateAsync(Kinds.ConfigMaps, ClusterController.SystemNamespace, new JsonObject
            {
                ["apiVersion"] = "v1", ["kind"] = "ConfigMap", ["metadata"] = new JsonObject { ["name"] = Rollover.ConfigMap, ["namespace"] = ClusterController.SystemNamespace }, ["data"] = data,
            }, Ct);
        }
        else
        {
            await tree.Root.PatchAsync(Kinds.ConfigMaps, ClusterController.SystemNamespace, Rollover.ConfigMap, PatchKind.Merge, new JsonObject { ["data"] = data }, Ct);
        }

        return await ShownAsync(tree, d => d.Text("answered") == request);
    }

    private static async Task<JsonObject> ShownAsync(SmallTree tree, Func<JsonNode, bool> condition) => (JsonObject)(await tree.WhileAsync(SmallTree.UntilAsync(
        tree.Root, Kinds.ConfigMaps, ClusterController.SystemNamespace, Rollover.ConfigMap, m => m["data"] is { } data && condition(data), Ct)))["data"]!;
}
