using System.Text.Json.Nodes;
using Ote.Cluster.Access;
using Ote.Cluster.Namespaces;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;

namespace Ote.Tests.Cluster.Namespaces;

[Trait("Defect", "M12")]
public sealed class NamespaceFlowTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Namespaces_that_a_policy_means_are_made_in_the_clusters_it_means_with_the_labels_it_lets_along()
    {
        await using var world = await NamespaceWorld.StartAsync(Ct);
        var (c1, c2) = (await world.AddAsync("c1", Ct, "region=south"), await world.AddAsync("c2", Ct, "region=north"));
        await world.MakeAsync("shop-a", Ct, ("team", "a"), ("private/x", "1"));
        await world.MakeAsync("other", Ct);
        await world.PolicyAsync("shops", Spec("shop-*", "region=south", """{"labels":["team"]}"""), Ct);
        await world.ReadyAsync("shops", 1, Ct);
        var made = (await c1.GetAsync(Kinds.Namespaces, null, "shop-a", Ct))!;
        Assert.Equal(("a", null, "root"), (made.Labels().Text("team"), made.Labels().Text("private/x"), made.Labels().Text(NamespaceMark.Label)));
        Assert.Null(await c1.GetAsync(Kinds.Namespaces, null, "other", Ct));
        Assert.Null(await c2.GetAsync(Kinds.Namespaces, null, "shop-a", Ct));
    }

    [Fact]
    public async Task A_cluster_that_was_away_gets_what_was_made_changed_and_deleted_meanwhile_by_one_request_each()
    {
        await using var world = await NamespaceWorld.StartAsync(Ct);
        var c1 = await world.AddAsync("c1", Ct);
        await world.MakeAsync("goes", Ct);
        await world.MakeAsync("stays", Ct, ("v", "1"), ("old", "1"));
        await world.PolicyAsync("all", Spec("*", "*", """{"deletion":"Delete"}"""), Ct);
        await world.ReadyAsync("all", 1, Ct);
        world.Online("c1", false);
        world.Asked.Clear();
        await world.MakeAsync("comes", Ct);
        await world.Api.PatchAsync(Kinds.Namespaces, null, "stays", PatchKind.Merge, JsonNode.Parse("""{"metadata":{"labels":{"v":"2","old":null}}}""")!, Ct);
        await world.Api.DeleteAsync(Kinds.Namespaces, null, "goes", Ct);
        var away = await world.UntilAsync("all", p => p.Items("status", "lacking")?.Count(l => l.Text("reason") == "ClusterAway") == 3, Ct);
        Assert.Equal(["comes", "goes", "stays"], away.Items("status", "lacking")!.Select(l => l.Text("namespace")).Order());
        Assert.Empty(world.Asked);
        world.Online("c1", true);
        await GoneAsync(world, c1, "goes");
        await world.ReadyAsync("all", 1, Ct);
        var stays = (await c1.GetAsync(Kinds.Namespaces, null, "stays", Ct))!;
        Assert.Equal(("2", false), (stays.Labels().Text("v"), stays.Labels()!.ContainsKey("old")));
        Assert.Equal(
            ["c1 admin DELETE /api/v1/namespaces/goes", "c1 admin PATCH /api/v1/namespaces/stays", "c1 admin POST /api/v1/namespaces"],
            world.Asked.Select(a => a.Replace(UserInfo.Admin.Name, "admin", StringComparison.Ordinal)).Order());
    }

    [Fact]
    public async Task A_start_sends_nothing_where_all_is_as_it_should_be()
    {
        await using var world = await NamespaceWorld.StartAsync(Ct);
        await world.AddAsync("c1", Ct);
        await world.MakeAsync("shop", Ct);
        await world.PolicyAsync("p", Spec("shop", "*"), Ct);
        await world.ReadyAsync("p", 1, Ct);
        await world.StopAsync();
        world.Asked.Clear();
        world.Run();
        await world.AddAsync("c2", Ct); // what is asked of it shows that all were looked at
        await world.ReadyAsync("p", 2, Ct);
        Assert.All(world.Asked, a => Assert.StartsWith("c2 ", a, StringComparison.Ordinal));
        Assert.Single(world.Asked);
    }

    [Fact]
    public async Task A_policy_that_means_nothing_says_so_and_each_says_which_of_its_names_it_leaves_out()
    {
        await using var world = await NamespaceWorld.StartAsync(Ct);
        await world.AddAsync("c1", Ct);
        var spec = Spec("none", "*");
        spec["namespaces"] = new JsonArray("kube-system", "none", "x-*");
        await world.PolicyAsync("p", spec, Ct);
        var nothing = await world.UntilAsync("p", p => p.Condition("Ready").Text("reason") == "NoNamespace", Ct);
        Assert.Equal(("True", "there is nothing to do: spec.namespaces and spec.namespaceSelector mean no namespace of this control API. Left out: kube-system, which no policy carries; none, which is not here; x-* means none"), (
            nothing.Condition("Ready").Text("status"), nothing.Condition("Ready").Text("message")));
        await world.MakeAsync("none", Ct);
        await world.MakeAsync("x-1", Ct);
        await world.UntilAsync("p", p => p.Condition("Ready").Text("message") == "as it should be in 1 cluster, with 2 namespaces. Left out: kube-system, which no policy carries", Ct);
    }

    [Fact]
    public async Task A_namespace_that_the_cluster_has_of_its_own_is_left_as_it_is_and_never_deleted()
    {
        await using var world = await NamespaceWorld.StartAsync(Ct);
        var c1 = await world.AddAsync("c1", Ct);
        await c1.CreateAsync(Kinds.Namespaces, null, NamespaceWorld.Space("shop", ("own", "1")), Ct);
        await world.ReportAsync("c1");
        await world.MakeAsync("shop", Ct, ("team", "a"));
        await world.PolicyAsync("p", Spec("shop", "*", """{"deletion":"Delete"}"""), Ct);
        var told = await world.UntilAsync("p", p => NamespaceWorld.Reason(p, "c1") == "NotOurs", Ct);
        Assert.Contains("no policy made", told.Items("status", "lacking")![0].Text("message"), StringComparison.Ordinal);
        await world.Api.DeleteAsync(Kinds.Namespaces, null, "shop", Ct);
        await world.ReadyAsync("p", 1, Ct);
        Assert.Empty(world.Asked);
        Assert.Null((await c1.GetAsync(Kinds.Namespaces, null, "shop", Ct))!.Labels().Text("team"));
    }

    [Fact]
    public async Task One_that_the_cluster_makes_before_it_has_reported_it_is_not_taken_over_either()
    {
        await using var world = await NamespaceWorld.StartAsync(Ct);
        var c1 = await world.AddAsync("c1", Ct);
        await c1.CreateAsync(Kinds.Namespaces, null, NamespaceWorld.Space("shop", ("own", "1")), Ct); // not reported
        await world.MakeAsync("shop", Ct, ("team", "a"));
        await world.PolicyAsync("p", Spec("shop", "*"), Ct);
        await world.UntilAsync("p", p => NamespaceWorld.Reason(p, "c1") == "NotOurs", Ct); // it is reported after the attempt
        Assert.Null((await c1.GetAsync(Kinds.Namespaces, null, "shop", Ct))!.Labels().Text("team"));
    }

    [Fact]
    public async Task What_is_deleted_here_stays_there_unless_the_policy_says_so()
    {
        await using var world = await NamespaceWorld.StartAsync(Ct);
        var c1 = await world.AddAsync("c1", Ct);
        await world.MakeAsync("shop", Ct);
        await world.PolicyAsync("p", Spec("shop", "*"), Ct);
        await world.ReadyAsync("p", 1, Ct);
        await world.Api.DeleteAsync(Kinds.Namespaces, null, "shop", Ct);
        await world.UntilAsync("p", p => p.Items("status", "carried")?.Count == 0, Ct);
        await world.PolicyAsync("p", Spec("shop", "*", """{"deletion":"Delete"}"""), Ct); // of what is deleted from now on
        await world.ReadyAsync("p", 1, Ct);
        Assert.NotNull(await c1.GetAsync(Kinds.Namespaces, null, "shop", Ct));
        Assert.DoesNotContain(world.Asked, a => a.Contains(" DELETE ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_namespace_that_is_not_here_as_after_a_restored_backup_deletes_nothing()
    {
        await using var world = await NamespaceWorld.StartAsync(Ct);
        var c1 = await world.AddAsync("c1", Ct);
        var mark = new NamespaceMark("root", "p", "u-of-before", [], []);
        var made = NamespaceWorld.Space("shop", (NamespaceMark.Label, "root"));
        made["metadata"]!["annotations"] = new JsonObject { [NamespaceMark.Annotation] = mark.Text() };
        await c1.CreateAsync(Kinds.Namespaces, null, made, Ct);
        await world.ReportAsync("c1");
        await world.PolicyAsync("p", Spec("shop", "*", """{"deletion":"Delete"}"""), Ct);
        await world.ReadyAsync("p", 1, Ct);
        await world.MakeAsync("shop", Ct, ("team", "a")); // it is carried on, under the uid of now
        await world.UntilAsync("p", p => p.Items("status", "carried")?.Count == 1, Ct);
        await world.ReadyAsync("p", 1, Ct);
        var there = (await c1.GetAsync(Kinds.Namespaces, null, "shop", Ct))!;
        Assert.Equal("a", there.Labels().Text("team"));
        Assert.DoesNotContain(world.Asked, a => a.Contains(" DELETE ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_was_deleted_while_nobody_looked_is_deleted_when_somebody_does()
    {
        await using var world = await NamespaceWorld.StartAsync(Ct);
        var c1 = await world.AddAsync("c1", Ct);
        await world.MakeAsync("shop", Ct);
        await world.PolicyAsync("p", Spec("shop", "*", """{"deletion":"Delete"}"""), Ct);
        await world.ReadyAsync("p", 1, Ct);
        await world.StopAsync();
        await world.Api.DeleteAsync(Kinds.Namespaces, null, "shop", Ct);
        world.Run();
        await GoneAsync(world, c1, "shop");
    }

    [Fact]
    public async Task It_acts_as_who_wrote_the_policy_so_that_a_cluster_decides_whether_that_user_may()
    {
        await using var world = await NamespaceWorld.StartAsync(Ct);
        await world.AddAsync("c1", Ct);
        await world.MakeAsync("shop", Ct);
        await world.PolicyAsync("p", Spec("shop", "*"), Ct, new UserInfo("eve", [UserInfo.Masters]));
        await world.ReadyAsync("p", 1, Ct);
        Assert.Equal(["c1 eve POST /api/v1/namespaces"], world.Asked);
        world.Asked.Clear();
        world.Access.Verdict = new AccessVerdict(new HashSet<string> { "c2" }, "no policy lets eve", IsBound: true);
        await world.AddAsync("c2", Ct);
        var told = await world.UntilAsync("p", p => NamespaceWorld.Reason(p, "c2") == "Forbidden", Ct);
        Assert.Contains("no policy lets eve", told.Items("status", "lacking")![0].Text("message"), StringComparison.Ordinal);
        Assert.Empty(world.Asked);
    }

    [Fact]
    public async Task What_was_done_and_is_not_reported_yet_is_not_done_again_for_a_while()
    {
        await using var world = await NamespaceWorld.StartAsync(Ct);
        await world.AddAsync("c1", Ct);
        world.IsReported = false;
        await world.MakeAsync("shop", Ct);
        await world.PolicyAsync("p", Spec("shop", "*"), Ct);
        await world.UntilAsync("p", p => NamespaceWorld.Reason(p, "c1") == "Sent", Ct);
        world.Online("c1", true); // it is looked at again
        await world.MakeAsync("unrelated", Ct);
        await world.PolicyAsync("q", Spec("unrelated", "*"), Ct);
        await world.UntilAsync("q", p => NamespaceWorld.Reason(p, "c1") == "Sent", Ct);
        Assert.Equal(2, world.Asked.Count);
        await world.ReportAsync("c1");
        await world.ReadyAsync("p", 1, Ct);
        Assert.Equal(2, world.Asked.Count);
    }

    [Fact]
    public async Task A_policy_that_cannot_be_understood_does_nothing_and_says_why()
    {
        await using var world = await NamespaceWorld.StartAsync(Ct);
        await world.AddAsync("c1", Ct);
        await world.MakeAsync("shop", Ct);
        await world.PolicyAsync("p", Spec("shop", "region="), Ct);
        var told = await world.UntilAsync("p", p => p.Condition("Ready").Text("reason") == "Faulty", Ct);
        Assert.Contains("spec.clusters", told.Condition("Ready").Text("message"), StringComparison.Ordinal);
        await world.PolicyAsync("p", Spec("shop", "c1"), Ct);
        await world.ReadyAsync("p", 1, Ct);
        Assert.Single(world.Asked);
    }

    private static JsonObject Spec(string namespaces, string clusters, string more = "{}")
    {
        var spec = JsonNode.Parse(more)!.AsObject();
        (spec["namespaces"], spec["clusters"]) = (new JsonArray(namespaces), clusters);
        return spec;
    }

    /// <summary>Waits until a cluster has deleted a namespace, and has it report that.</summary>
    private static async Task GoneAsync(NamespaceWorld world, KubeClient cluster, string name)
    {
        var gone = Task.Run(async () =>
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(Ct);
            patience.CancelAfter(TimeSpan.FromSeconds(60));
            while (true)
            {
                var list = await cluster.ListAsync(Kinds.Namespaces, null, new ListQuery(FieldSelector: $"metadata.name={name}"), patience.Token);
                if (list.Items.Count == 0)
                {
                    return true;
                }

                await foreach (var change in cluster.WatchAsync(Kinds.Namespaces, null, new ListQuery(FieldSelector: $"metadata.name={name}"), list.ResourceVersion, patience.Token))
                {
                    if (change.Type == WatchEventType.Deleted)
                    {
                        return true;
                    }
                }
            }
        }, Ct);
        Assert.True(await world.WhileTimePassesAsync(gone));
        await world.ReportAsync("c1");
    }
}
