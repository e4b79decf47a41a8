using Google.Protobuf;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;
using Ote.Testing.Meters;
using RouteEntry = Ote.Protocol.Tunnel.RouteEntry;

namespace Ote.Tests.Cluster.Handling;

/// <summary>Only clusters that the root has admitted are part of a tree, whoever says that they hang below it.</summary>
public sealed class MembershipTreeTests
{
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Defect", "S3")]
    public async Task Leaf_that_invents_clusters_gets_a_verdict_and_no_object_and_the_true_owner_of_the_name_joins()
    {
        await using var tree = await SmallTree.StartAsync(Ct);
        using var counts = new Counts(tree.Meters);
        await using var evil = await EvilChild.AttachAsync(tree, Ct);
        await evil.SayAsync(Snapshot("root", Invented("ghost"), Invented("late", ByteString.CopyFrom(new byte[32]))), Ct);
        var ghost = await tree.CommandAsync("haunt", "ghost", "GET", ConfigMaps, "", Ct);
        await tree.OverAsync("haunt", Ct);
        await evil.SayAsync(Answer("ghost", ghost.Uid()), Ct);

        await tree.AddAsync("late", "root", [], Ct); // its name is free
        await tree.ClusterIsAsync("late", "online", Ct);
        Assert.Null(await tree.Root.GetAsync(Kinds.Clusters, null, "ghost", Ct));
        Assert.Equal(["evil", "late"], tree["root"].Below.Select(e => e.Name).Order());
        Assert.Empty(await tree.ResultsAsync("haunt", Ct));
        Assert.Equal(["ghost", "late"], evil.Told.Where(m => m.NameVerdict is not null).Select(m => m.NameVerdict.Name));
        Assert.Equal(2, counts.Of("ote.tunnel.violations", "reason=UnprovenName"));
        Assert.True(evil.IsUp);
    }

    [Fact]
    public async Task Middle_level_forgets_what_the_root_did_not_admit()
    {
        var heard = new Heard();
        await using var tree = new SmallTree { Loggers = heard };
        await tree.StartRootAsync(Ct);
        await tree.AddAsync("region", "root", [], Ct, leaf: false, control: true);
        await tree.ClusterIsAsync("region", "online", Ct);
        await using var evil = await EvilChild.AttachAsync(tree, Ct, below: "region");
        await evil.SayAsync(Snapshot("region", Invented("ghost")), Ct);
        await heard.UntilAsync("Name ghost of cluster", times: 2); // at the root and at the region
        await tree.AddAsync("c1", "region", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        await tree.ClusterIsAsync("evil", "online", Ct); // it shows a proof of its own
        Assert.Equal(["c1", "evil"], tree["region"].Below.Select(e => e.Name).Order());
        Assert.Equal(["c1", "evil", "region"], tree["root"].Below.Select(e => e.Name).Order());
        Assert.Null(await tree.Root.GetAsync(Kinds.Clusters, null, "ghost", Ct));
        Assert.Contains(evil.Told, m => m.NameVerdict is { Name: "ghost", WinnerUid: "" });
    }

    [Fact]
    public async Task Cluster_of_an_older_build_has_its_proof_soon_after_its_start_and_is_there_all_the_time()
    {
        var heard = new Heard();
        await using var tree = new SmallTree { Loggers = heard };
        await tree.StartRootAsync(Ct);
        await tree.AddAsync("region", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "region", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        var file = Path.Combine(tree.Folder, "c1", "identity", "membership");
        var proof = await File.ReadAllBytesAsync(file, Ct);
        await tree.StopAsync("c1");
        await tree.ClusterIsAsync("c1", "offline", Ct);
        File.Delete(file);
        await tree.AddAsync("c1", "region", [], Ct);
        await heard.UntilAsync("Renewed the certificate of c1");
        Assert.Equal(proof, await File.ReadAllBytesAsync(file, Ct));
        await tree.ClusterIsAsync("c1", "online", Ct);
        Assert.DoesNotContain(heard.Lines, line => line.Contains("Name c1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Link_over_which_names_are_announced_without_end_is_ended_and_counted()
    {
        var heard = new Heard();
        await using var tree = new SmallTree { Loggers = heard };
        await tree.StartRootAsync(Ct);
        using var counts = new Counts(tree.Meters);
        await using var evil = await EvilChild.AttachAsync(tree, Ct);
        var said = evil.SayAsync(Snapshot("root", [.. Enumerable.Range(0, RouteTable.MostNames).Select(i => new RouteEntry { Name = $"n{i}", Uid = "u" })]), Ct);
        await heard.UntilAsync("at most 100000 can be");
        await said.ContinueWith(static _ => { }, TaskScheduler.Default); // the link is gone, with or without an answer
        Assert.InRange(counts.Of("ote.tunnel.violations", "reason=TooManyNames"), 1, 100);
        Assert.DoesNotContain(tree["root"].Below, e => e.Name == "n0");
    }

    private static Message Snapshot(string parent, params RouteEntry[] below) => new()
    {
        Lane = Lane.Control,
        RouteSnapshot = new RouteSnapshot { Version = 6, Entries = { below.Prepend(new RouteEntry { Name = "evil", Uid = "u-evil", Parent = parent, Epoch = 1, Online = true }) } },
    };

    private static RouteEntry Invented(string name, ByteString? proof = null) =>
        new() { Name = name, Uid = "u-" + name, Parent = "evil", Epoch = 1, Online = true, Managed = true, Membership = proof ?? ByteString.Empty };

    private static Message Answer(string cluster, string command) => new()
    {
        Lane = Lane.Commands,
        Receipts = new ReceiptBatch { Receipts = { new Receipt { Cluster = cluster, CommandUid = command, Generation = 1, Entry = "root", Stage = Stage.Executed, Code = 200, AtUnixMilliseconds = 1 } } },
    };
}
