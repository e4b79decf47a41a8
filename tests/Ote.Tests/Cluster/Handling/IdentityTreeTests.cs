using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Roles.ClusterController;

namespace Ote.Tests.Cluster.Handling;

/// <summary>Certificates over their whole life, in a tree of shipped controllers.</summary>
public sealed class IdentityTreeTests
{
    private const string Refusal = "was revoked by an operator";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_certificate_of_the_tree_is_renewed_in_time_with_a_new_key_and_the_tree_goes_on()
    {
        var log = new Heard();
        await using var tree = await HourTreeAsync(TimeSpan.Zero, log);
        await AddAsync(tree, "north", "root", leaf: false);
        await AddAsync(tree, "c1", "north");
        var before = new[] { "north", "c1" }.ToDictionary(n => n, n => Stored(tree, n));
        var rootBefore = await EndOfAsync(tree, "root");

        ((FakeTimeProvider)tree.Time).Advance(TimeSpan.FromMinutes(40)); // of 66: all are due
        foreach (var (name, former) in before)
        {
            var first = former.Certificate.NotAfter.ToUniversalTime();
            var renewed = await tree.WhileAsync(SmallTree.UntilAsync(
                tree.Root, Kinds.Clusters, null, name, c => c.Time("status", "certificate", "notAfter") > first && c.Text("status", "status") == "online", Ct));
            Assert.True(renewed.IsTrue("CertificateValid"));
            await tree.WhileAsync(log.UntilAsync($"Renewed the certificate of {name}"));
            var next = Stored(tree, name);
            Assert.NotEqual(former.Certificate.GetPublicKeyString(), next.Certificate.GetPublicKeyString());
            Assert.Equal(former.Peer, next.Peer);
        }

        await tree.WhileAsync(SmallTree.UntilAsync(tree.Root, Kinds.Clusters, null, "root", c => c.Time("status", "certificate", "notAfter") > rootBefore, Ct));

        // An hour later the first certificates have ended; the tree still does its work.
        ((FakeTimeProvider)tree.Time).Advance(TimeSpan.FromMinutes(25));
        await tree.WhileAsync(tree.ClusterIsAsync("c1", "online", Ct));
        await tree.CommandAsync("see", "c1", "GET", "/api/v1/namespaces/default/configmaps", "", Ct);
        Assert.Equal("Succeeded", (await tree.WhileAsync(tree.OverAsync("see", Ct))).Text("status", "commandPhase"));
    }

    [Theory]
    [InlineData(120, true)]
    [InlineData(0, false)]
    public async Task Cluster_that_was_away_past_the_end_of_its_certificate_comes_back_within_the_grace_only(int graceMinutes, bool comesBack)
    {
        var log = new Heard();
        await using var tree = await HourTreeAsync(TimeSpan.FromMinutes(graceMinutes), log);
        await AddAsync(tree, "c1", "root");
        await tree.StopAsync("c1");
        await tree.WhileAsync(tree.ClusterIsAsync("c1", "offline", Ct));
        ((FakeTimeProvider)tree.Time).Advance(TimeSpan.FromMinutes(90));
        // What was about to wait for the end as the clock leapt waits from then on.
        await tree.WhileAsync(SmallTree.UntilAsync(tree.Root, Kinds.Clusters, null, "c1", c => c.Condition("CertificateValid").Text("reason") == "Expired", Ct), TimeSpan.FromSeconds(2));

        await tree.AddAsync("c1", "root", [], Ct);
        if (comesBack)
        {
            await tree.WhileAsync(tree.ClusterIsAsync("c1", "online", Ct));
            Assert.True((await tree.WhileAsync(SmallTree.UntilAsync(tree.Root, Kinds.Clusters, null, "c1", c => c.IsTrue("CertificateValid"), Ct))).IsTrue("CertificateValid"));
        }
        else
        {
            var said = await tree.WhileAsync(log.UntilAsync("cannot be renewed now; it is tried again: no join token"));
            Assert.Contains("c1", said, StringComparison.Ordinal);
            Assert.False(tree["c1"].IsReady);
            Assert.Contains("no parent takes it before it has another", await tree.WhileAsync(log.UntilAsync("this cluster's own certificate ended at")), StringComparison.Ordinal);
            Assert.DoesNotContain(log.Lines, line => line.Contains("prematurely", StringComparison.Ordinal)); // that looks like a bad network
            var options = new ClusterControllerOptions { Name = "c1", DataDirectory = "/d", Parent = new Uri("https://root.test:8287") };
            Assert.Matches(
                "^there is no link to the parent https://root.test:8287/: its certificate ended at .*Z and cannot be renewed now: no join token, .* remove identity/cluster.pem and give a token$",
                ClusterControllerRole.WhyNotReady(options, tree["c1"], null));
            Assert.Contains("cannot be renewed any more", (await tree.Root.GetAsync(Kinds.Clusters, null, "c1", Ct))!.Condition("CertificateValid").Text("message"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Revoked_cluster_is_cut_off_below_a_middle_level_stays_out_over_restarts_and_comes_back_when_accepted()
    {
        var log = new Heard();
        await using var tree = SmallTreeOf(log, TimeProvider.System);
        await tree.StartRootAsync(Ct);
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);

        await AcceptAsync(tree, "c1", false);
        await tree.ClusterIsAsync("c1", "offline", Ct);
        var shown = await SmallTree.UntilAsync(tree.Root, Kinds.Clusters, null, "c1", c => c.Condition("Accepted").Text("reason") == "Revoked", Ct);
        Assert.False(shown.IsTrue("Accepted"));

        // The middle level forgets nothing, also when it is started without the root.
        await tree.StopAsync("c1");
        await tree.StopAsync("root");
        await tree.StopAsync("north");
        var refusals = log.Lines.Count(line => line.Contains(Refusal, StringComparison.Ordinal));
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", [], Ct);
        Assert.Contains("otectl accept c1", await log.UntilAsync(Refusal, refusals + 1), StringComparison.Ordinal);

        await tree.StartRootAsync(Ct);
        await tree.StopAsync("c1");
        await AcceptAsync(tree, "c1", true);
        await SmallTree.UntilAsync(tree.Root, Kinds.Clusters, null, "c1", c => c.IsTrue("Accepted"), Ct);
        await log.UntilAsync("Clusters shut out of the tree: 0", times: 2); // at the root, and at the middle level
        await tree.AddAsync("c1", "north", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
    }

    [Fact]
    public async Task Revoked_cluster_whose_object_was_deleted_comes_back_when_one_of_its_name_and_uid_is_accepted_and_the_audit_says_so()
    {
        var log = new Heard();
        await using var tree = SmallTreeOf(log, TimeProvider.System);
        var audit = Path.Combine(tree.Folder, "root.audit");
        tree.Adjust = o => o.Name == "root" ? o with { AuditLogFile = audit } : o;
        await tree.StartRootAsync(Ct);
        await tree.AddAsync("c1", "root", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        var uid = (await tree.Root.GetAsync(Kinds.Clusters, null, "c1", Ct)).Text("spec", "uid")!;
        await AcceptAsync(tree, "c1", false);
        await tree.ClusterIsAsync("c1", "offline", Ct);
        await tree.StopAsync("c1");
        await tree.Root.DeleteAsync(Kinds.Clusters, null, "c1", Ct);

        await tree.AddAsync("c1", "root", [], Ct);
        Assert.Contains($"--uid {uid}", await log.UntilAsync(Refusal, 1), StringComparison.Ordinal);
        await tree.StopAsync("c1");

        // Under another name it stays out.
        await AnewAsync(tree, "c2", uid);
        await log.UntilAsync($"its uid {uid} was revoked as c1");
        await tree.Root.DeleteAsync(Kinds.Clusters, null, "c2", Ct);
        await AnewAsync(tree, "c1", uid);
        await log.UntilAsync("Clusters shut out of the tree: 0", times: 1);
        await tree.AddAsync("c1", "root", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);

        using var open = new StreamReader(new FileStream(audit, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        var lines = (await open.ReadToEndAsync(Ct)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => System.Text.Json.Nodes.JsonNode.Parse(l)!.AsObject());
        Assert.Equal([("revoked", "c1", uid), ("let-in-again", "c1", uid)], lines.Select(l => (l.Text("event"), l.Text("site"), l.Text("uid"))));
    }

    private static Task<System.Text.Json.Nodes.JsonObject> AnewAsync(SmallTree tree, string name, string uid) => tree.Root.CreateAsync(
        Kinds.Clusters,
        null,
        new System.Text.Json.Nodes.JsonObject
        {
            ["apiVersion"] = Kinds.Clusters.ApiVersion, ["kind"] = "Cluster", ["metadata"] = new System.Text.Json.Nodes.JsonObject { ["name"] = name },
            ["spec"] = new System.Text.Json.Nodes.JsonObject { ["name"] = name, ["uid"] = uid, ["accepted"] = true },
        },
        Ct);

    [Fact]
    public async Task Cluster_that_asks_for_another_ones_host_is_not_let_in()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        tree.Adjust = o => o.Name is "north" or "evil" ? o with { Advertise = "north.example.org:8287" } : o;
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        var refused = await Assert.ThrowsAsync<ClusterControllerException>(() => tree.AddAsync("evil", "root", [], Ct, leaf: false));
        Assert.Contains("the host north.example.org is held by cluster north", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Secrets_are_in_no_log_and_private_files_are_for_their_owner_only()
    {
        var log = new Heard();
        await using var tree = SmallTreeOf(log, TimeProvider.System);
        await tree.StartRootAsync(Ct);
        var token = await tree.TokenAsync(Ct);
        await tree.AddAsync("north", "root", [], Ct, leaf: false, token: token);
        await tree.AddAsync("c1", "north", [], Ct, token: token);
        await tree.ClusterIsAsync("c1", "online", Ct);

        var secret = token.Split('.')[1];
        Assert.NotEmpty(log.Lines);
        Assert.DoesNotContain(log.Lines, line => line.Contains(secret, StringComparison.Ordinal) || line.Contains("PRIVATE KEY", StringComparison.Ordinal));
        var needle = Encoding.ASCII.GetBytes(secret);
        foreach (var file in Directory.GetFiles(tree.Folder, "*", SearchOption.AllDirectories))
        {
            Assert.Equal((file, UnixFileMode.UserRead | UnixFileMode.UserWrite), (file, File.GetUnixFileMode(file)));
            await using var open = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var content = new MemoryStream();
            await open.CopyToAsync(content, Ct);
            Assert.True(content.GetBuffer().AsSpan(0, (int)content.Length).IndexOf(needle) < 0, $"{file} holds the token's secret");
        }

        foreach (var folder in Directory.GetDirectories(tree.Folder, "*", SearchOption.AllDirectories))
        {
            Assert.Equal((folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute), (folder, File.GetUnixFileMode(folder)));
        }

        var tokens = await tree.Root.ListAsync(Kinds.JoinTokens, null, null, Ct);
        Assert.All(tokens.Items, t => Assert.DoesNotContain(secret, t.ToJsonString(), StringComparison.Ordinal));
    }

    private static SmallTree SmallTreeOf(Heard log, TimeProvider time) => new() { Loggers = log, Time = time };

    private static async Task<SmallTree> HourTreeAsync(TimeSpan grace, Heard? log = null)
    {
        var tree = SmallTreeOf(log ?? new Heard(), new FakeTimeProvider(TimeProvider.System.GetUtcNow()));
        tree.Adjust = o => o with { CertificateLife = TimeSpan.FromHours(1), RenewalGrace = grace };
        await tree.StartRootAsync(Ct);
        return tree;
    }

    private static async Task AddAsync(SmallTree tree, string name, string parent, bool leaf = true)
    {
        await tree.WhileAsync(tree.AddAsync(name, parent, [], Ct, leaf));
        await tree.WhileAsync(tree.ClusterIsAsync(name, "online", Ct));
    }

    private static async Task<DateTimeOffset?> EndOfAsync(SmallTree tree, string name) =>
        (await SmallTree.UntilAsync(tree.Root, Kinds.Clusters, null, name, c => c.Time("status", "certificate", "notAfter") is not null, Ct)).Time("status", "certificate", "notAfter");

    private static ClusterIdentity Stored(SmallTree tree, string name) => ClusterIdentity.Load(Path.Combine(tree.Folder, name, "identity"))!;

    private static Task<JsonObject> AcceptAsync(SmallTree tree, string name, bool accepted) =>
        tree.Root.PatchAsync(Kinds.Clusters, null, name, PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["accepted"] = accepted } }, Ct);
}
