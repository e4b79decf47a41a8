using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Tests.Cluster.Access;
using Ote.Tests.Cluster.Handling;
using Ote.Tests.Shim;

namespace Ote.Tests.Cluster.Audit;

/// <summary>What a tree's audit logs hold of its commands.</summary>
public sealed class AuditTreeTests
{
    private const string Secrets = "/api/v1/namespaces/default/secrets";
    private const string Body = """{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"stringData":{"password":"hunter2"}}""";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_command_leaves_one_acceptance_and_one_outcome_also_over_restarts_and_no_body_anywhere()
    {
        await using var tree = await TreeAsync();
        await tree.CommandAsync("make", "c1", "POST", Secrets, Body, Ct);
        await tree.OverAsync("make", Ct);
        await tree.CommandAsync("read", "c1", "GET", Secrets + "/s", "", Ct);
        await tree.OverAsync("read", Ct);
        await tree.StopAsync("c1");
        await tree.StopAsync("root");
        await tree.StartRootAsync(Ct);
        await tree.AddAsync("c1", "root", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        await tree.CommandAsync("again", "c1", "GET", Secrets + "/s", "", Ct);
        await tree.OverAsync("again", Ct);

        var entry = Lines(tree, "root");
        var target = Lines(tree, "c1");
        Assert.Equal(["accepted default/make", "over default/make", "accepted default/read", "over default/read", "accepted default/again", "over default/again"], entry.Select(Event));
        Assert.Equal(["outcome default/make", "outcome default/read", "outcome default/again"], target.Select(Event));
        Assert.Equal(("alice", "POST", Secrets, 201L), (target[0].Text("user"), target[0].Text("method"), target[0].Text("url"), target[0].Whole("code")));
        Assert.Equal(entry[0].Text("trace"), target[0].Text("trace"));
        Assert.DoesNotContain("hunter2", Text(tree, "root") + Text(tree, "c1"), StringComparison.Ordinal);
        Assert.DoesNotContain("aHVudGVyMg", Text(tree, "root") + Text(tree, "c1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_allowed_is_noted_where_it_was_decided_and_at_the_target()
    {
        await using var tree = await TreeAsync(policy: true);
        await tree.CommandAsync("make", "c1", "POST", Secrets, Body, Ct);
        await tree.OverAsync("make", Ct);

        Assert.Equal(["refused default/make", "outcome default/make"], Lines(tree, "c1").Select(Event));
        Assert.Equal(("POST", "c1"), (Lines(tree, "c1")[0].Text("method"), Lines(tree, "c1")[0].Items("notAllowedClusters")![0]!.ToString()));
        Assert.Equal(("alice", "NotAllowed"), (Lines(tree, "c1")[1].Text("user"), Lines(tree, "c1")[1].Text("error")));
        Assert.Equal("Refused", Lines(tree, "c1")[1].Text("outcome")); // who counts what was executed does not count it
    }

    [Fact]
    public async Task A_target_says_of_a_command_that_an_edit_took_away_from_it_that_it_was_superseded()
    {
        await using ShimLink link = new(); // nobody serves there: what is told to north waits
        await using var tree = await TreeAsync();
        await tree.AddAsync("north", "root", [], Ct, shim: link.NewRemote());
        await tree.ClusterIsAsync("north", "online", Ct);
        await tree.CommandAsync("move", "north", "GET", Secrets, "", Ct);
        await SmallTree.UntilAsync(tree.Root, Kinds.ClusterControllers, "default", "move", c => c.Whole("status", "targetCounts", "durable") == 1, Ct);
        await tree.Root.PatchAsync(
            Kinds.ClusterControllers, "default", "move", PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["clusterSelector"] = "c1" } }, Ct);
        await tree.OverAsync("move", Ct, generation: 2);
        while (Lines(tree, "north").Length == 0)
        {
            Ct.ThrowIfCancellationRequested();
            await Task.Run(() => { }, Ct);
        }

        var line = Assert.Single(Lines(tree, "north"));
        Assert.Equal(("outcome", 1L, "Cancelled", "Superseded"), (line.Text("event"), line.Whole("generation"), line.Text("outcome"), line.Text("error")));
        Assert.Equal(["accepted default/move", "over default/move", "accepted default/move", "over default/move"], Lines(tree, "root").Select(Event));
    }

    private static async Task<SmallTree> TreeAsync(bool policy = false)
    {
        var tree = new SmallTree();
        var file = Path.Combine(tree.Folder, "policy.yaml");
        await File.WriteAllTextAsync(file, Policies.Text("none", "subjects: []"), Ct);
        tree.Adjust = o => o with { AuditLogFile = Path.Combine(tree.Folder, o.Name + ".audit"), CommandPolicyFile = policy && o.Name == "c1" ? file : null };
        await tree.StartRootAsync(Ct);
        await tree.AddAsync("c1", "root", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        return tree;
    }

    private static string Event(JsonObject line) => $"{line.Text("event")} {line.Text("command")}";

    private static string Text(SmallTree tree, string name)
    {
        using var open = new StreamReader(new FileStream(Path.Combine(tree.Folder, name + ".audit"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return open.ReadToEnd();
    }

    private static JsonObject[] Lines(SmallTree tree, string name) => [.. Text(tree, name).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => (JsonObject)JsonNode.Parse(l)!)];
}
