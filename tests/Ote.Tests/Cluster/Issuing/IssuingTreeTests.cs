using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;
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
        await using var tree = await NorthAsync(audit: true);
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
        Assert.Equal(1, await UsedAsync(tree, token));
        Assert.Equal("north", (await tree.Root.GetAsync(Kinds.Clusters, null, "shop-1", Ct)).Text("status", "parentName"));
        foreach (var (cluster, said) in new[] { ("north", "let-in"), ("root", "admitted") })
        {
            var line = JsonNode.Parse(Assert.Single(await File.ReadAllLinesAsync(Path.Combine(tree.Folder, cluster, "audit"), Ct), l => l.Contains($"\"{said}\"", StringComparison.Ordinal)));
            Assert.Equal(("shop-1", "north", token.Split('.')[0]), (line.Text("site"), line.Text("issuer"), line.Text("token")));
        }
    }

    [Fact]
    public async Task Token_that_is_revoked_is_taken_from_the_issuer_and_who_came_by_it_is_not_admitted()
    {
        var log = new Heard();
        await using var tree = await NorthAsync(log);
        var token = await tree.LeaveAsync("north", Ct, uses: 2);
        await tree.StopAsync("root");
        await tree.AddAsync("shop-1", "north", [], Ct, token: token);
        await tree.Root.DeleteAsync(Kinds.JoinTokens, null, token.Split('.')[0], Ct);
        await tree.StartRootAsync(Ct);
        Assert.Contains("is not there any more", await log.UntilAsync("The root does not admit shop-1"), StringComparison.Ordinal);
        await tree.HoldsAsync("north", 0, Ct);
        Assert.Null(await tree.Root.GetAsync(Kinds.Clusters, null, "shop-1", Ct));
    }

    [Fact]
    public async Task Leave_that_cannot_be_carried_out_or_has_ended_is_shown()
    {
        await using var tree = await NorthAsync();
        await tree.LeaveAsync("north", Ct);
        await tree.PatchAsync("north", new JsonObject { ["until"] = "2020-01-01T00:00:00Z" }, Ct);
        await SmallTree.UntilAsync(tree.Root, Kinds.Clusters, null, "north", c => c.Condition("MayIssue").Text("reason") == "Ended", Ct);
        await tree.PatchAsync("north", null, Ct);
        await SmallTree.UntilAsync(tree.Root, Kinds.Clusters, null, "north", c => c.Condition("MayIssue") is null, Ct);
    }

    [Fact]
    public async Task Site_further_down_is_let_in_by_the_nearest_cluster_above_that_has_leave_also_over_restarts()
    {
        await using var tree = await NorthAsync();
        await tree.AddAsync("mid", "north", [], Ct, leaf: false);
        var token = await tree.LeaveAsync("north", Ct);
        await tree.ClusterIsAsync("mid", "online", Ct);
        await tree.StopAsync("root");
        await tree.AddAsync("shop-1", "mid", [], Ct, token: token);
        Assert.Equal("mid", (await tree.ClusterIsAsync("shop-1", "online", Ct, tree.Control("north"))).Text("status", "parentName"));

        foreach (var name in new[] { "shop-1", "mid", "north" })
        {
            await tree.StopAsync(name);
        }

        await tree.AddAsync("north", "root", [], Ct, leaf: false, control: true);
        await tree.AddAsync("mid", "north", [], Ct, leaf: false);
        await tree.AddAsync("shop-1", "mid", [], Ct, token: token);
        await tree.ClusterIsAsync("shop-1", "online", Ct, tree.Control("north"));

        await tree.StartRootAsync(Ct);
        await tree.ClusterIsAsync("shop-1", "online", Ct);
        Assert.Equal(1, await UsedAsync(tree, token));
    }

    [Fact]
    public async Task Site_whose_name_was_given_away_meanwhile_is_told_so_and_cut_off_and_comes_in_when_the_name_is_free()
    {
        var log = new Heard();
        await using var tree = await NorthAsync(log);
        var token = await tree.LeaveAsync("north", Ct);
        await tree.Root.CreateAsync(Kinds.Clusters, null, new JsonObject
        {
            ["apiVersion"] = Kinds.Clusters.ApiVersion,
            ["kind"] = Kinds.Clusters.Kind,
            ["metadata"] = new JsonObject { ["name"] = "shop-1" },
            ["spec"] = new JsonObject { ["name"] = "shop-1", ["uid"] = "u-other", ["accepted"] = true },
        }, Ct);
        await tree.StopAsync("root");
        await tree.AddAsync("shop-1", "north", [], Ct, token: token);
        await tree.ClusterIsAsync("shop-1", "online", Ct, tree.Control("north"));

        await tree.StartRootAsync(Ct);
        var cut = await log.UntilAsync("The root does not admit shop-1");
        Assert.Contains("start it with another --name and a new token", cut, StringComparison.Ordinal);
        await log.UntilAsync("cannot be renewed now; it is tried again: the name shop-1 belongs to another cluster"); // the site says it too
        await SmallTree.UntilAsync(tree.Control("north"), Kinds.Clusters, null, "shop-1", c => c.Condition("Ready").Text("reason") == "NoRoute", Ct);
        Assert.Equal("u-other", (await tree.Root.GetAsync(Kinds.Clusters, null, "shop-1", Ct)).Text("spec", "uid"));
        Assert.Equal(0, await UsedAsync(tree, token));

        await tree.Root.DeleteAsync(Kinds.Clusters, null, "shop-1", Ct);
        await tree.ClusterIsAsync("shop-1", "online", Ct);
    }

    [Fact]
    public async Task What_is_not_admitted_is_told_to_nobody_above_its_issuer_and_ends_when_the_leave_is_withdrawn()
    {
        var log = new Heard();
        await using var tree = await NorthAsync(log);
        var token = await tree.LeaveAsync("north", Ct, uses: 2);
        await using var quiet = await EvilChild.AttachAsync(tree, Ct, "north", await JoinAsync(tree, token, "shop-1")); // it never asks the root
        await quiet.SayAsync(Routes(new RouteEntry { Name = "shop-1", Uid = "u-shop-1", Parent = "north", Epoch = 1, Online = true }, Invented("shop-2")), Ct);
        await tree.ClusterIsAsync("shop-1", "online", Ct, tree.Control("north"));
        await tree.AddAsync("c1", "north", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct); // what comes after it has come through
        Assert.Equal(["c1", "north"], tree["root"].Below.Select(e => e.Name).Order());
        Assert.Equal(["c1", "shop-1"], tree["north"].Below.Select(e => e.Name).Order());
        Assert.Contains(quiet.Told, m => m.NameVerdict is { Name: "shop-2" });

        await tree.PatchAsync("north", null, Ct);
        await log.UntilAsync("was withdrawn by an operator");
        await tree.ClusterIsAsync("shop-1", "offline", Ct, tree.Control("north"));
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var joining = JoinAsync(tree, token, "shop-3", enough.Token);
        await log.UntilAsync("is for north, which has no leave to let in");
        await enough.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => joining);
    }

    [Fact]
    public async Task Certificate_of_an_issuer_counts_nowhere_but_below_it_and_not_for_who_is_admitted()
    {
        var log = new Heard();
        await using var tree = await NorthAsync(log);
        await tree.AddAsync("south", "root", [], Ct, leaf: false);
        await tree.AddAsync("mid", "north", [], Ct, leaf: false);
        await tree.AddAsync("shop-9", "mid", [], Ct);
        var identity = await JoinAsync(tree, await tree.LeaveAsync("north", Ct), "shop-1");
        await using var atRoot = EvilChild.Begin(tree, "root", identity);
        await log.UntilAsync("issued by north, and counts below that cluster only");
        await using var atSouth = EvilChild.Begin(tree, "south", identity);
        await log.UntilAsync("issued by north, and counts below that cluster only", times: 2);

        // An issuer that was taken over signs what it likes by its true leave.
        await using var other = EvilChild.Begin(tree, "mid", tree.Forge("north", "shop-9", tree["mid"].Below.Single().Uid));
        await log.UntilAsync("the root has admitted shop-9 already");
        await using var unknown = await EvilChild.AttachAsync(tree, Ct, "mid", tree.Forge("north", "shop-2", "u-2"));
        await log.UntilAsync("Name shop-2 of cluster u-2 is refused"); // by north, which knows whom it has let in
        Assert.False(atRoot.IsUp || atSouth.IsUp || other.IsUp);
        Assert.Null(await tree.Root.GetAsync(Kinds.Clusters, null, "shop-2", Ct));
    }

    [Fact]
    public async Task Issuer_brings_in_no_more_than_the_root_has_made_tokens_for()
    {
        var log = new Heard();
        await using var tree = await NorthAsync(log);
        var token = await tree.LeaveAsync("north", Ct);
        await tree.AddAsync("shop-1", "north", [], Ct, token: token);
        await tree.ClusterIsAsync("shop-1", "online", Ct);

        foreach (var (name, uid, why) in new[]
        {
            ("shop-2", "u-2", "has admitted 1 of 1 cluster"),
            ("shop-1", tree["north"].Below.Single().Uid, "the root has admitted shop-1"),
            ("north", "u-4", "no proof of a certificate"), // outside of its leave
        })
        {
            var answer = await tree.AskAsync("north", tree.Forge("north", name, uid, token.Split('.')[0]), Ct);
            Assert.Equal(JoinAnswer.Types.Outcome.Refused, answer.Outcome);
            Assert.Contains(why, answer.Text, StringComparison.Ordinal);
        }

        Assert.Equal(1, await UsedAsync(tree, token));
    }

    private static async Task<SmallTree> NorthAsync(Heard? log = null, bool audit = false)
    {
        var tree = new SmallTree { Loggers = log ?? new Heard() };
        tree.Adjust = o => audit ? o with { AuditLogFile = Path.Combine(o.DataDirectory, "audit") } : o;
        await tree.StartRootAsync(Ct);
        await tree.AddAsync("north", "root", [], Ct, leaf: false, control: true);
        return tree;
    }

    private static async Task<ClusterIdentity> JoinAsync(SmallTree tree, string token, string name, CancellationToken? ct = null)
    {
        Assert.True(CaPin.TryParse(tree["root"].CaPin, out var pin));
        var ticket = new JoinTicket(new Uri($"https://{tree.Listen("north")}"), pin, token, new PeerIdentity(name, "u-" + name), []);
        var joined = await new JoinClient(TimeProvider.System, static () => 0.5, NullLogger.Instance).JoinAsync(ticket, Path.Combine(tree.Folder, name), ct ?? Ct);
        joined.Connection.Dispose();
        return joined.Identity;
    }

    private static Message Routes(params RouteEntry[] entries) =>
        new() { Lane = Lane.Control, RouteSnapshot = new RouteSnapshot { Version = 6, Entries = { entries } } };

    private static RouteEntry Invented(string name) => new() { Name = name, Uid = "u-" + name, Parent = "shop-1", Epoch = 1, Online = true };

    private static async Task<long?> UsedAsync(SmallTree tree, string token) => (await tree.Root.GetAsync(Kinds.JoinTokens, null, token.Split('.')[0], Ct)).Whole("status", "used") ?? 0;
}
