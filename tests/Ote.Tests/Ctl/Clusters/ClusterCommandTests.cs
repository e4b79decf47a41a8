using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Tests.Ctl.Clusters;

public sealed class ClusterCommandTests
{
    [Fact]
    public async Task Clusters_are_listed_by_name()
    {
        await using var world = await TreeAsync();
        Assert.Equal(
            """
            NAME   PARENT   STATUS    AGE
            bj     root     online    90s
            c1     bj       online    90s
            c10    bj       offline   90s
            root   <none>   online    90s

            """,
            (await world.RunAsync("get", "clusters")).Out);
        Assert.Equal(
            """
            NAME   PARENT   STATUS   REMARKS   LOCAL    NODES    PODS     LAG      PREFERRED   ACCEPTED   TAGS            PATH         LISTEN         VERSION   AGE
            c1     bj       online   <none>    <none>   <none>   <none>   <none>   <none>      <none>     gpu,tier=edge   root/bj/c1   c1.test:8287   0.1.0     90s

            """,
            (await world.RunAsync("get", "cs", "c1", "-o", "wide")).Out);
    }

    [Fact]
    public async Task What_clusters_have_and_how_old_what_they_report_may_be_is_shown_wide()
    {
        await using var world = await TreeAsync();
        await ChangeAsync(world, "c1", cluster =>
        {
            var status = cluster.Child("status");
            (status["nodes"], status["pods"], status["reportLag"]) = (JsonNode.Parse("""{"total":3,"ready":2}"""), JsonNode.Parse("""{"running":17}"""), "200ms");
            Conditions.SetCondition(status, "Reporting", true, "Told", "its shim reports", CtlWorld.Start);
        });
        await ChangeAsync(world, "c10", cluster => Conditions.SetCondition(cluster.Child("status"), "Reporting", false, "Silent", "its shim does not report", CtlWorld.Start));
        Assert.Equal(
            """
            NAME   PARENT   STATUS    REMARKS           LOCAL    NODES    PODS     LAG      PREFERRED   ACCEPTED   TAGS            PATH          LISTEN          VERSION   AGE
            c1     bj       online    <none>            <none>   2/3      17       200ms    <none>      <none>     gpu,tier=edge   root/bj/c1    c1.test:8287    0.1.0     90s
            c10    bj       offline   does not report   <none>   <none>   <none>   <none>   <none>      <none>     tier=mec        root/bj/c10   c10.test:8287   0.1.0     90s

            """,
            (await world.RunAsync("get", "cs", "c1", "c10", "-o", "wide")).Out);
    }

    [Theory]
    [InlineData("tier", "c1 c10")]
    [InlineData("tier=edge", "c1")]
    [InlineData("gpu", "c1")]
    [InlineData("ti", "")]
    public async Task Tag_filter_keeps_those_that_have_it(string tag, string expected)
    {
        await using var world = await TreeAsync();
        var result = await world.RunAsync("get", "clusters", "--tag", tag, "-o", "name");
        Assert.Equal(string.Concat(expected.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(name => $"cluster.ote.baidu.com/{name}\n")), result.Out);
    }

    [Fact]
    public async Task A_revoked_cluster_is_called_so_and_names_may_have_the_form_that_is_printed()
    {
        await using var world = await TreeAsync();
        var cluster = (await world.Api.GetAsync(Kinds.Clusters, null, "c10", CtlWorld.Stop))!;
        Conditions.SetCondition(cluster.Child("status"), "Accepted", false, "Revoked", "shut out until otectl accept c10", CtlWorld.Start);
        await world.Api.ReplaceStatusAsync(Kinds.Clusters, cluster, CtlWorld.Stop);
        Assert.Contains("c10    bj       revoked", (await world.RunAsync("get", "clusters")).Out, StringComparison.Ordinal);
        Assert.Contains("c10  revoked", (await world.RunAsync("tree")).Out, StringComparison.Ordinal);
        Assert.Equal("cluster.ote.baidu.com/c1\n", (await world.RunAsync("get", "clusters.ote.baidu.com", "cluster.ote.baidu.com/c1", "-o", "name")).Out);
    }

    [Fact]
    public async Task Objects_are_printed_verbatim_but_for_who_owns_which_field()
    {
        await using var world = await TreeAsync();
        var stored = (await world.Api.GetAsync(Kinds.Clusters, null, "c1", CtlWorld.Stop))!.Copy();
        Assert.True(stored.Child("metadata").Remove("managedFields"));
        Assert.True(JsonNode.DeepEquals(stored, JsonNode.Parse((await world.RunAsync("get", "clusters", "c1", "-o", "json")).Out)));
        Assert.True(JsonNode.DeepEquals(stored, Yaml.ReadObject((await world.RunAsync("get", "clusters", "c1", "-o", "yaml")).Out)));
        var list = JsonNode.Parse((await world.RunAsync("get", "clusters", "-o", "json")).Out)!;
        Assert.Equal("List", list.Text("kind"));
        Assert.Equal(4, list.Items("items")!.Count);
        Assert.DoesNotContain("managedFields", list.ToJsonString(), StringComparison.Ordinal);
        Assert.True(JsonNode.DeepEquals(list, Yaml.ReadObject((await world.RunAsync("get", "clusters", "-o", "yaml")).Out)));
    }

    [Fact]
    public async Task Tree_is_drawn_root_first_in_columns()
    {
        await using var world = await TreeAsync();
        Assert.Equal(
            """
            root       online
            └─ bj      online
               ├─ c1   online   gpu,tier=edge
               └─ c10  offline  tier=mec

            """,
            (await world.RunAsync("tree")).Out);
        Assert.Equal(
            """
            root       online                  root.test:8287  0.1.0
            └─ bj      online                  bj.test:8287    0.1.0
               ├─ c1   online   gpu,tier=edge  c1.test:8287    0.1.0
               └─ c10  offline  tier=mec       c10.test:8287   0.1.0

            """,
            (await world.RunAsync("tree", "-o", "wide")).Out);
    }

    [Fact]
    public async Task What_the_status_does_not_tell_is_remarked_in_the_tree_and_in_wide_lists()
    {
        await using var world = await TreeAsync();
        await ChangeAsync(world, "bj", cluster => cluster["spec"]!["drain"] = true);
        await ChangeAsync(world, "c1", cluster =>
        {
            cluster["spec"]!["accepted"] = true;
            cluster["status"]!["preferredParent"] = "north";
            Conditions.SetCondition(cluster.Child("status"), "LocalClusterReachable", false, "NotAnswering", "the shim does not answer", CtlWorld.Start);
            Conditions.SetCondition(cluster.Child("status"), "AtHome", false, "HomeAway", "it hangs below bj", CtlWorld.Start);
        });
        await ChangeAsync(world, "c10", cluster =>
        {
            Conditions.SetCondition(cluster.Child("status"), "LocalClusterReachable", null, "NotAttached", "its controller is away", CtlWorld.Start);
            Conditions.SetCondition(cluster.Child("status"), "AtHome", null, "NotAttached", "it is away", CtlWorld.Start);
        });
        Assert.Equal(
            """
            root       online
            └─ bj      online   drained
               ├─ c1   online   local cluster not answering, away from north  gpu,tier=edge
               └─ c10  offline                                                tier=mec

            """,
            (await world.RunAsync("tree")).Out);
        Assert.Equal(
            """
            NAME   PARENT   STATUS    REMARKS                                        LOCAL     NODES    PODS     LAG      PREFERRED   ACCEPTED   TAGS            PATH          LISTEN          VERSION   AGE
            bj     root     online    drained                                        <none>    <none>   <none>   <none>   <none>      <none>     <none>          root/bj       bj.test:8287    0.1.0     90s
            c1     bj       online    local cluster not answering, away from north   False     <none>   <none>   <none>   north       true       gpu,tier=edge   root/bj/c1    c1.test:8287    0.1.0     90s
            c10    bj       offline   <none>                                         Unknown   <none>   <none>   <none>   <none>      <none>     tier=mec        root/bj/c10   c10.test:8287   0.1.0     90s

            """,
            (await world.RunAsync("get", "clusters", "bj", "c1", "c10", "-o", "wide")).Out);
    }

    [Fact]
    public async Task Unknown_cluster_suggests_near_names()
    {
        await using var world = await TreeAsync();
        var result = await world.RunAsync("describe", "cluster", "c12");
        Assert.Equal(1, result.Code);
        Assert.Equal("error: cluster 'c12' is not in the tree (did you mean c1, c10?); otectl get clusters lists those that are\n", result.Error);
    }

    [Fact]
    public async Task Describe_shows_fields_conditions_and_recent_commands()
    {
        await using var world = await TreeAsync();
        await using var controller = await PlayedController.StartAsync(world.Api);
        var cluster = (await world.Api.GetAsync(Kinds.Clusters, null, "c1", CtlWorld.Stop))!;
        Conditions.SetCondition((JsonObject)cluster["status"]!, "Ready", true, "Attached", "the link is up", CtlWorld.Start);
        await world.Api.ReplaceStatusAsync(Kinds.Clusters, cluster, CtlWorld.Stop);
        world.Input = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
        await world.RunAsync("apply", "-f", "-", "--to", "c1", "--no-wait");
        var aimed = await controller.NextAsync();
        await controller.ResultsAsync(aimed, 0, PlayedController.Item("c1", 500, "", "disk full"));
        await world.RunAsync("apply", "-f", "-", "--to", "c10", "--no-wait");
        await controller.TargetsAsync(await controller.NextAsync(), "c10");
        var text = (await world.RunAsync("describe", "cluster", "c1")).Out;
        Assert.Contains("Path:         root/bj/c1\n", text, StringComparison.Ordinal);
        Assert.Contains("  Ready   True     Attached   90s     the link is up\n", text, StringComparison.Ordinal);
        Assert.Contains("  namespace-shop-bcdfgh   namespace/shop   failed    500    0s    disk full\n", text, StringComparison.Ordinal);
        Assert.Equal(1, text.Split("namespace/shop").Length - 1);
        Assert.Contains("Children:     c1, c10\n", (await world.RunAsync("describe", "cluster", "bj")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cluster_that_waits_to_be_accepted_is_pending_and_has_the_identity_that_asked()
    {
        await using var world = await CtlWorld.StartAsync();
        await world.AddClusterAsync("root", null);
        await world.AddClusterAsync("shop", null, "offline");
        var cluster = (await world.Api.GetAsync(Kinds.Clusters, null, "shop", CtlWorld.Stop))!;
        cluster["spec"]!["uid"] = "u-shop";
        cluster = await world.Api.ReplaceAsync(Kinds.Clusters, cluster, CtlWorld.Stop);
        Conditions.SetCondition(cluster.Child("status"), "Accepted", false, "Pending", "waiting for otectl accept shop", CtlWorld.Start);
        cluster = await world.Api.ReplaceStatusAsync(Kinds.Clusters, cluster, CtlWorld.Stop);
        Assert.Contains("shop   <none>   pending   0s\n", (await world.RunAsync("get", "clusters")).Out, StringComparison.Ordinal);
        Assert.Contains("shop  pending", (await world.RunAsync("tree")).Out, StringComparison.Ordinal);
        Assert.Contains("UID:          u-shop\n", (await world.RunAsync("describe", "cluster", "shop")).Out, StringComparison.Ordinal);
        Conditions.SetCondition(cluster.Child("status"), "Accepted", true, "Accepted", "may take part in the tree", CtlWorld.Start);
        await world.Api.ReplaceStatusAsync(Kinds.Clusters, cluster, CtlWorld.Stop);
        Assert.Contains("shop   <none>   offline   0s\n", (await world.RunAsync("get", "clusters")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Accept_sets_the_wish_and_is_told_twice_without_harm()
    {
        await using var world = await TreeAsync();
        Assert.Equal("cluster c1 accepted\n", (await world.RunAsync("accept", "c1")).Out);
        Assert.True((await world.Api.GetAsync(Kinds.Clusters, null, "c1", CtlWorld.Stop)).Truth("spec", "accepted"));
        Assert.Equal("cluster c1 was accepted already\n", (await world.RunAsync("accept", "c1")).Out);
        Assert.Equal(1, (await world.RunAsync("accept", "c10", "nobody")).Code);
        Assert.Null((await world.Api.GetAsync(Kinds.Clusters, null, "c10", CtlWorld.Stop)).Truth("spec", "accepted"));
    }

    [Fact]
    public async Task Revoke_takes_the_acceptance_back_and_accept_gives_it_again()
    {
        await using var world = await TreeAsync();
        await world.RunAsync("accept", "c1");
        Assert.Equal("cluster c1 revoked\n", (await world.RunAsync("revoke", "c1")).Out);
        Assert.False((await world.Api.GetAsync(Kinds.Clusters, null, "c1", CtlWorld.Stop)).Truth("spec", "accepted"));
        Assert.Equal("cluster c1 was not accepted already\n", (await world.RunAsync("revoke", "c1")).Out);
        Assert.Equal("cluster c1 accepted\n", (await world.RunAsync("accept", "c1")).Out);
        var unknown = await world.RunAsync("revoke", "c10", "nobody");
        Assert.Equal(1, unknown.Code);
        Assert.Null((await world.Api.GetAsync(Kinds.Clusters, null, "c10", CtlWorld.Stop)).Truth("spec", "accepted"));
    }

    [Fact]
    public async Task Root_is_not_revoked_and_only_the_roots_api_revokes()
    {
        await using var world = await TreeAsync();
        Assert.Contains("it is who revokes", (await world.RunAsync("revoke", "root")).Error, StringComparison.Ordinal);
        await world.Controller.DeleteAsync(Kinds.Clusters, null, "root", CtlWorld.Stop);
        var elsewhere = await world.RunAsync("revoke", "c1");
        Assert.Equal(1, elsewhere.Code);
        Assert.Contains("is not the root's, and only the root can revoke", elsewhere.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_the_roots_api_accepts()
    {
        await using var world = await TreeAsync();
        await world.Controller.DeleteAsync(Kinds.Clusters, null, "root", CtlWorld.Stop);
        var elsewhere = await world.RunAsync("accept", "c10");
        Assert.Equal(1, elsewhere.Code);
        Assert.Contains("is not the root's, and only the root can accept", elsewhere.Error, StringComparison.Ordinal);
        Assert.Null((await world.Api.GetAsync(Kinds.Clusters, null, "c10", CtlWorld.Stop)).Truth("spec", "accepted"));
    }

    [Fact]
    public async Task Deleting_a_revoked_cluster_says_how_it_comes_back_and_so_does_accept()
    {
        await using var world = await TreeAsync();
        var cluster = (await world.Api.GetAsync(Kinds.Clusters, null, "c10", CtlWorld.Stop))!.Copy();
        Conditions.SetCondition((JsonObject)cluster["status"]!, "Accepted", false, "Revoked", "shut out", CtlWorld.Start);
        await world.Api.PatchAsync(Kinds.Clusters, null, "c10", PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["uid"] = "u-10" } }, CtlWorld.Stop);
        cluster["metadata"]!.AsObject().Remove("resourceVersion");
        await world.Api.ReplaceStatusAsync(Kinds.Clusters, cluster, CtlWorld.Stop);
        var deleted = await world.RunAsync("delete", "cluster", "c10");
        Assert.Equal(
            (0, "what joined as c10 stays shut out; otectl accept c10 --uid u-10 lets it in again, or it joins as a new cluster, with a fresh data directory (--data) and a new join token\n"),
            (deleted.Code, deleted.Error));
        Assert.EndsWith(
            "is let in again with its uid (--uid UID, which its own log tells), or joins as a new one, with a fresh data directory (--data) and a new join token\n", (await world.RunAsync("accept", "c10")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_that_was_revoked_and_deleted_is_accepted_by_name_and_uid_and_nobody_elses_name_is_taken()
    {
        await using var world = await TreeAsync();
        await world.Api.PatchAsync(Kinds.Clusters, null, "c10", PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["uid"] = "u-new", ["accepted"] = false } }, CtlWorld.Stop);
        var held = await world.RunAsync("accept", "c10", "--uid", "u-10");
        Assert.Equal(1, held.Code);
        Assert.Contains("the name c10 is held by another cluster by now, with the uid u-new", held.Error, StringComparison.Ordinal);

        await world.Controller.DeleteAsync(Kinds.Clusters, null, "c10", CtlWorld.Stop);
        var anew = await world.RunAsync("accept", "c10", "--uid", "u-10");
        Assert.Equal((0, "cluster c10 accepted with uid u-10: it has a Cluster again\n"), (anew.Code, anew.Out));
        Assert.Contains("comes back by itself within minutes", anew.Error, StringComparison.Ordinal);
        var made = await world.Api.GetAsync(Kinds.Clusters, null, "c10", CtlWorld.Stop);
        Assert.Equal(("u-10", true), (made.Text("spec", "uid"), made.Truth("spec", "accepted")));
        Assert.Equal("cluster c10 was accepted already\n", (await world.RunAsync("accept", "c10", "--uid", "u-10")).Out);
    }

    [Theory]
    [InlineData("--uid is of one cluster", "accept", "c1", "c10", "--uid", "u")]
    [InlineData("--uid: 'a/b' is not 1 to 64 letters", "accept", "c1", "--uid", "a/b")]
    [InlineData("C1", "accept", "C1", "--uid", "u")]
    public async Task A_uid_that_cannot_be_meant_is_refused(string says, params string[] typed)
    {
        await using var world = await TreeAsync();
        var result = await world.RunAsync(typed);
        Assert.Equal(2, result.Code);
        Assert.Contains(says, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tags_start_from_those_in_force_and_then_follow_the_operator()
    {
        await using var world = await TreeAsync();
        Assert.Equal("cluster c1 tagged region=bj,tier=mec\n", (await world.RunAsync("tag", "c1", "tier=mec", "region=bj", "gpu-")).Out);
        Assert.Equal("cluster c1 tagged region=bj\n", (await world.RunAsync("tag", "c1", "tier-")).Out);
        var stored = await world.Api.GetAsync(Kinds.Clusters, null, "c1", CtlWorld.Stop);
        Assert.Equal("""["region=bj"]""", stored.At("spec", "tags")!.ToJsonString());
        var absent = await world.RunAsync("tag", "c1", "gpu-");
        Assert.Equal((2, "error: cluster c1: tag 'gpu' cannot be removed: the cluster does not have it\n"), (absent.Code, absent.Error));
        Assert.Equal(2, (await world.RunAsync("tag", "c1", "a b")).Code);
    }

    [Fact]
    public async Task Tag_tries_again_when_the_cluster_changed_meanwhile()
    {
        await using var world = await TreeAsync();
        var meddled = false;
        world.Between = inner => new Meddler(inner, async () =>
        {
            if (!meddled)
            {
                meddled = true;
                var patch = new JsonObject { ["spec"] = new JsonObject { ["tags"] = new JsonArray("other") } };
                await world.Api.PatchAsync(Kinds.Clusters, null, "c1", PatchKind.Merge, patch, CtlWorld.Stop);
            }
        });
        Assert.Equal("cluster c1 tagged mine,other\n", (await world.RunAsync("tag", "c1", "mine")).Out);
    }

    [Fact]
    public async Task Delete_forgets_only_what_is_offline()
    {
        await using var world = await TreeAsync();
        var online = await world.RunAsync("delete", "cluster", "c10", "c1");
        Assert.Equal((1, "error: cluster 'c1' is online and would come back at once; stop its controller, then delete it\n"), (online.Code, online.Error));
        Assert.Equal("cluster c10 forgotten\n", (await world.RunAsync("delete", "cluster", "c10")).Out);
        Assert.Null(await world.Api.GetAsync(Kinds.Clusters, null, "c10", CtlWorld.Stop));
    }

    [Fact]
    public async Task An_api_without_our_definitions_says_to_install_them()
    {
        await using var world = await CtlWorld.StartAsync(installed: false);
        var result = await world.RunAsync("get", "clusters");
        Assert.Equal(1, result.Code);
        Assert.Contains("does not serve clusters.ote.baidu.com; check that --kubeconfig names the root's API, or install", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Colours_are_for_terminals_that_want_them()
    {
        await using var world = await TreeAsync();
        Assert.DoesNotContain("\e[", (await world.RunAsync("get", "clusters")).Out, StringComparison.Ordinal);
        world.IsTerminal = true;
        Assert.Contains("\e[32monline\e[0m", (await world.RunAsync("get", "clusters")).Out, StringComparison.Ordinal);
        Assert.DoesNotContain("\e[", (await world.RunAsync("get", "clusters", "--no-color")).Out, StringComparison.Ordinal);
        world.Variables["NO_COLOR"] = "1";
        Assert.DoesNotContain("\e[", (await world.RunAsync("get", "clusters")).Out, StringComparison.Ordinal);
    }

    private static async Task ChangeAsync(CtlWorld world, string name, Action<JsonObject> change)
    {
        var cluster = (await world.Api.GetAsync(Kinds.Clusters, null, name, CtlWorld.Stop))!;
        change(cluster);
        var status = cluster["status"]!.DeepClone();
        var written = await world.Api.ReplaceAsync(Kinds.Clusters, cluster, CtlWorld.Stop);
        written["status"] = status;
        await world.Api.ReplaceStatusAsync(Kinds.Clusters, written, CtlWorld.Stop);
    }

    private static async Task<CtlWorld> TreeAsync()
    {
        var world = await CtlWorld.StartAsync();
        await world.AddClusterAsync("root", null, path: ["root"]);
        await world.AddClusterAsync("bj", "root", path: ["root", "bj"]);
        await world.AddClusterAsync("c1", "bj", tags: ["tier=edge", "gpu"], path: ["root", "bj", "c1"]);
        await world.AddClusterAsync("c10", "bj", "offline", ["tier=mec"], ["root", "bj", "c10"]);
        world.Time.Advance(TimeSpan.FromSeconds(90));
        return world;
    }

    private sealed class Meddler(HttpMessageHandler inner, Func<Task> beforePatch) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.Method == HttpMethod.Patch)
            {
                await beforePatch();
            }

            return await base.SendAsync(request, cancellationToken);
        }
    }
}
