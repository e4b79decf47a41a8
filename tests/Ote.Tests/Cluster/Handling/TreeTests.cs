using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Tests.Cluster.Handling;

public sealed class TreeTests
{
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";
    private const string Body = """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"a":"b"}}""";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Command_at_the_root_reaches_exactly_the_selected_clusters_through_two_levels_and_their_answers_come_back()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        await tree.AddAsync("north", "root", ["tier=region"], Ct, leaf: false);
        await tree.AddAsync("c1", "north", ["tier=edge"], Ct);
        await tree.AddAsync("c10", "north", ["tier=mec"], Ct);
        await tree.AddAsync("c2", "root", ["tier=edge"], Ct);
        foreach (var name in new[] { "north", "c1", "c10", "c2" })
        {
            await tree.ClusterIsAsync(name, "online", Ct);
        }

        await tree.CommandAsync("make", "tier=edge", "POST", ConfigMaps, Body, Ct);
        var over = await tree.OverAsync("make", Ct);

        Assert.Equal("Succeeded", over.Text("status", "commandPhase"));
        Assert.Equal(2, over.Whole("status", "targetCounts", "succeeded"));
        Assert.Equal(201, over.Whole("status", "c1", "code"));
        var results = await tree.ResultsAsync("make", Ct);
        Assert.Equal(["c1", "c2"], results.Keys.Order(StringComparer.Ordinal));
        Assert.NotNull(await tree.Cluster("c1").GetAsync(Kinds.ConfigMaps, "default", "m", Ct));
        Assert.Null(await tree.Cluster("c10").GetAsync(Kinds.ConfigMaps, "default", "m", Ct));
    }

    [Fact]
    [Trait("Defect", "M10")]
    [Trait("Defect", "R1")]
    public async Task Name_never_reaches_a_longer_name_and_an_unmatched_selector_is_said_at_once()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        await tree.AddAsync("c10", "root", [], Ct);
        await tree.ClusterIsAsync("c10", "online", Ct);

        await tree.CommandAsync("none", "c1", "GET", ConfigMaps, "", Ct);
        var over = await tree.OverAsync("none", Ct);

        Assert.Equal("False", over.Condition("Matched").Text("status"));
        Assert.Equal("Failed", over.Text("status", "commandPhase"));
    }

    [Fact]
    [Trait("Defect", "M10")]
    public async Task Cluster_that_was_away_gets_its_command_when_it_is_back_and_runs_it_once()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        await tree.AddAsync("c1", "root", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        await tree.StopAsync("c1");
        await tree.ClusterIsAsync("c1", "offline", Ct);

        await tree.CommandAsync("late", "c1", "POST", ConfigMaps, Body, Ct);
        await SmallTree.UntilAsync(tree.Root, Kinds.ClusterControllers, "default", "late", c => c.Text("status", "commandPhase") == "Pending", Ct);
        await tree.AddAsync("c1", "root", [], Ct);
        var over = await tree.OverAsync("late", Ct);

        Assert.Equal("Succeeded", over.Text("status", "commandPhase"));
        Assert.Equal(201, over.Whole("status", "c1", "code"));
    }

    [Fact]
    public async Task Edited_command_is_a_new_command()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        await tree.AddAsync("c1", "root", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        await tree.CommandAsync("edit", "c1", "POST", ConfigMaps, Body, Ct);
        var first = await tree.OverAsync("edit", Ct);

        first["spec"]!["method"] = "GET";
        first["spec"]!["url"] = ConfigMaps + "/m";
        first["spec"]!["body"] = "";
        await tree.Root.ReplaceAsync(Kinds.ClusterControllers, first, Ct);
        var second = await tree.OverAsync("edit", Ct, generation: 2);

        Assert.Equal(200, second.Whole("status", "c1", "code"));
    }

    [Fact]
    public async Task Cancelled_command_ends_at_clusters_that_have_not_answered_and_is_never_delivered_late()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        await tree.AddAsync("c1", "root", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        await tree.StopAsync("c1");
        await tree.ClusterIsAsync("c1", "offline", Ct);
        await tree.CommandAsync("stop", "c1", "POST", ConfigMaps, Body, Ct);
        await SmallTree.UntilAsync(tree.Root, Kinds.ClusterControllers, "default", "stop", c => c.Text("status", "commandPhase") == "Pending", Ct);

        await tree.Root.PatchAsync(Kinds.ClusterControllers, "default", "stop", Ote.Kube.Client.PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["cancel"] = true } }, Ct);
        var over = await tree.OverAsync("stop", Ct, generation: 2);
        await tree.AddAsync("c1", "root", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        await tree.CommandAsync("after", "c1", "GET", ConfigMaps + "/m", "", Ct);

        Assert.Equal("Cancelled", over.Text("status", "commandPhase"));
        Assert.Equal(404, (await tree.OverAsync("after", Ct)).Whole("status", "c1", "code"));
    }

    [Fact]
    [Trait("Defect", "T15")]
    public async Task Mid_level_controller_is_a_control_entry_for_its_own_subtree_with_results()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        await tree.AddAsync("north", "root", [], Ct, leaf: false, control: true);
        await tree.AddAsync("c1", "north", ["tier=edge"], Ct);
        await tree.AddAsync("c2", "root", ["tier=edge"], Ct);
        var north = tree.Control("north");
        await tree.ClusterIsAsync("c1", "online", Ct, north);
        await tree.ClusterIsAsync("c2", "online", Ct);

        await tree.CommandAsync("here", "tier=edge", "POST", ConfigMaps, Body, Ct, north);
        var over = await tree.OverAsync("here", Ct, north);

        Assert.Equal(1, over.Whole("status", "targetCounts", "targets"));
        Assert.Equal(201, over.Whole("status", "c1", "code"));
        Assert.Null(await tree.Cluster("c2").GetAsync(Kinds.ConfigMaps, "default", "m", Ct));
    }

    [Fact]
    public async Task Tags_set_at_the_root_reach_the_cluster_and_select_it()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        await tree.AddAsync("c1", "root", ["tier=edge"], Ct);
        var cluster = await tree.ClusterIsAsync("c1", "online", Ct);
        cluster["spec"]!["tags"] = new JsonArray("tier=edge", "gpu=a100");
        await tree.Root.PatchAsync(Kinds.Clusters, null, "c1", Ote.Kube.Client.PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["tags"] = new JsonArray("tier=edge", "gpu=a100") } }, Ct);
        await SmallTree.UntilAsync(tree.Root, Kinds.Clusters, null, "c1", c => c.Items("status", "tags")?.Count == 2, Ct);

        await tree.CommandAsync("gpu", "gpu=a100", "GET", ConfigMaps, "", Ct);

        Assert.Equal("Succeeded", (await tree.OverAsync("gpu", Ct)).Text("status", "commandPhase"));
    }

    [Fact]
    public async Task Cluster_errors_come_back_as_they_are_and_the_requester_is_who_asked()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        await tree.AddAsync("c1", "root", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);

        await tree.CommandAsync("missing", "c1", "GET", ConfigMaps + "/nothing", "", Ct);
        var over = await tree.OverAsync("missing", Ct);

        Assert.Equal("Failed", over.Text("status", "commandPhase"));
        var result = (await tree.ResultsAsync("missing", Ct))["c1"];
        Assert.Equal(404, result.Whole("code"));
        Assert.Contains("\"reason\":\"NotFound\"", result.Text("body"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bad_spec_is_refused_with_every_fault_named()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        await tree.CommandAsync("bad", "a b c(", "GET", "no-slash", "", Ct, more: spec => spec["destination"] = "nowhere");
        var over = await tree.OverAsync("bad", Ct);

        var message = over.Condition("Valid").Text("message");
        Assert.Contains("spec.clusterSelector", message, StringComparison.Ordinal);
        Assert.Contains("spec.destination", message, StringComparison.Ordinal);
        Assert.Contains("spec.url", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Method_that_is_none_is_refused_before_there_is_a_command()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => tree.CommandAsync("bad", "*", "BREW", "/api", "", Ct));

        Assert.Equal(422, refused.Code);
        Assert.Contains("spec.method: Unsupported value: \"BREW\"", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cluster_that_needs_approval_waits_and_comes_in_once_accepted()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        var token = await tree.TokenAsync(Ct, autoAccept: false);
        var joining = tree.AddAsync("c1", "root", [], Ct, token: token);
        await SmallTree.UntilAsync(tree.Root, Kinds.Clusters, null, "c1", c => c.Truth("spec", "accepted") == false, Ct);
        Assert.False(joining.IsCompleted);

        await tree.Root.PatchAsync(Kinds.Clusters, null, "c1", Ote.Kube.Client.PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["accepted"] = true } }, Ct);
        await joining;

        await tree.ClusterIsAsync("c1", "online", Ct);
    }

    [Fact]
    public async Task Cluster_that_comes_back_with_other_tags_is_not_selected_any_more_and_never_runs_the_command()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", ["tier=edge"], Ct);
        await tree.AddAsync("c2", "root", ["tier=edge"], Ct);
        foreach (var name in new[] { "c1", "c2" })
        {
            await tree.ClusterIsAsync(name, "online", Ct);
            await tree.StopAsync(name);
            await tree.ClusterIsAsync(name, "offline", Ct);
        }

        await tree.CommandAsync("late", "tier=edge", "POST", ConfigMaps, Body, Ct);
        await SmallTree.UntilAsync(tree.Root, Kinds.ClusterControllers, "default", "late", c => c.Text("status", "commandPhase") is not null, Ct);
        await tree.AddAsync("c1", "north", ["tier=mec"], Ct);
        await tree.AddAsync("c2", "root", ["tier=mec"], Ct);
        var over = await tree.OverAsync("late", Ct);

        Assert.Equal(2, over.Whole("status", "targetCounts", "notSelected"));
        Assert.Null(await tree.Cluster("c1").GetAsync(Kinds.ConfigMaps, "default", "m", Ct));
        Assert.Null(await tree.Cluster("c2").GetAsync(Kinds.ConfigMaps, "default", "m", Ct));
    }

    [Fact]
    public async Task Entry_that_is_a_target_itself_does_not_wait_for_itself()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        var shim = new Shim.ScriptedShim { OnExecute = (_, _) => throw new Ote.Shim.Remote.ShimUnavailableException("gone", mayHaveRun: false, null) };
        await tree.AddAsync("c1", "root", [], Ct, control: true, shim: shim);
        var c1 = tree.Control("c1");
        await tree.CommandAsync("first", "c1", "GET", ConfigMaps, "", Ct, c1);
        await SmallTree.UntilAsync(c1, Kinds.ClusterControllers, "default", "first", c => c.Whole("status", "targetCounts", "durable") == 1, Ct);
        await tree.CommandAsync("second", "c1", "GET", ConfigMaps, "", Ct, c1);
        await SmallTree.UntilAsync(c1, Kinds.ClusterControllers, "default", "second", c => c.Whole("status", "targetCounts", "sent") == 1, Ct);

        await c1.PatchAsync(Kinds.ClusterControllers, "default", "second", Ote.Kube.Client.PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["cancel"] = true } }, Ct);

        Assert.Equal("Cancelled", (await tree.OverAsync("second", Ct, c1, generation: 2)).Text("status", "commandPhase"));
    }
}
