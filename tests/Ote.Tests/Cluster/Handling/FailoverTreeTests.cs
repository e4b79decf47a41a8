using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Ote.Cluster.Failover;
using Ote.Cluster.Handling;
using Ote.Cluster.Journal;
using Ote.Flow;
using Ote.Kube.Objects;
using Ote.Shim;
using Ote.Shim.Contract;

namespace Ote.Tests.Cluster.Handling;

/// <summary>Whole controllers over TLS on loopback lose their parents and find them again.</summary>
public sealed class FailoverTreeTests
{
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";
    private const string Body = """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"},"data":{"a":"b"}}""";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Defect", "T6")]
    public async Task A_cluster_whose_parent_dies_hangs_below_its_uncle_and_goes_home_when_that_is_back()
    {
        await using var tree = await StartAsync();
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("south", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", ["tier=edge"], Ct);
        await KnowsAsync(tree, "c1", "south");

        await tree.StopAsync("north");
        var moved = await ParentIsAsync(tree, "c1", "south");

        Assert.Equal("online", moved.Text("status", "status"));
        Assert.Equal("north", moved.Text("status", "preferredParent"));
        Assert.Equal("False", moved.Condition("AtHome").Text("status"));
        Assert.Equal(["root", "south", "c1"], moved.Items("status", "path")!.Select(p => p!.ToString()));
        await tree.CommandAsync("make", "tier=edge", "POST", ConfigMaps, Body, Ct);
        Assert.Equal("Succeeded", (await tree.OverAsync("make", Ct)).Text("status", "commandPhase"));

        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        var home = await ParentIsAsync(tree, "c1", "north");

        Assert.Equal("True", home.Condition("AtHome").Text("status"));
    }

    [Fact]
    public async Task An_attachment_and_its_end_are_told_once_at_each_end()
    {
        var heard = new Heard();
        await using var tree = new SmallTree { Loggers = heard, Adjust = Quick };
        await tree.StartRootAsync(Ct);
        await tree.AddAsync("c1", "root", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        await tree.StopAsync("c1");
        await heard.UntilAsync("c1 is no longer attached");

        string[] told = [.. heard.Lines.Where(line => !line.StartsWith("Debug", StringComparison.Ordinal) && !line.StartsWith("Trace", StringComparison.Ordinal))];
        Assert.Single(told, line => line.Contains("c1", StringComparison.Ordinal) && line.Contains("attached", StringComparison.Ordinal) && !line.Contains("no longer", StringComparison.Ordinal));
        Assert.Single(told, line => line.Contains("Attached to parent", StringComparison.Ordinal));
        Assert.Single(told, line => line.Contains("no longer attached", StringComparison.Ordinal) || line.Contains("detached", StringComparison.Ordinal));
        Assert.Single(told, line => line.Contains("Parent root lost", StringComparison.Ordinal) || line.Contains("Link to parent", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_parents_own_api_says_of_a_cluster_that_went_home_where_it_hangs_also_after_a_restart()
    {
        await using var tree = await StartAsync();
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("south", "root", [], Ct, leaf: false, control: true);
        await tree.AddAsync("c1", "north", [], Ct);
        await KnowsAsync(tree, "c1", "south");
        await tree.StopAsync("north");
        await tree.ClusterIsAsync("c1", "online", Ct, tree.Control("south"));

        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await ParentIsAsync(tree, "c1", "north");
        var gone = await MovedAsync();
        Assert.Equal(("unknown", "Unknown", "True"), (gone.Text("status", "status"), gone.Condition("Ready").Text("status"), gone.Condition("AtHome").Text("status")));

        await tree.StopAsync("south");
        await tree.AddAsync("south", "root", [], Ct, leaf: false, control: true);
        await MovedAsync();

        Task<JsonObject> MovedAsync() => SmallTree.UntilAsync(tree.Control("south"), Kinds.Clusters, null, "c1", c => c.Text("status", "movedTo") == "north", Ct);
    }

    [Fact]
    public async Task A_command_that_runs_while_its_cluster_moves_ends_once()
    {
        var shim = new HeldShim();
        await using var tree = await StartAsync();
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("south", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", ["tier=edge"], Ct, shim: shim);
        await KnowsAsync(tree, "c1", "south");
        await tree.CommandAsync("make", "tier=edge", "POST", ConfigMaps, Body, Ct);
        await shim.Entered.Task.WaitAsync(Ct);

        await tree.StopAsync("north");
        await ParentIsAsync(tree, "c1", "south");
        shim.Go.SetResult();
        var over = await tree.OverAsync("make", Ct);

        Assert.Equal("Succeeded", over.Text("status", "commandPhase"));
        Assert.Equal(1, shim.Executions);
        Assert.Equal(["c1"], (await tree.ResultsAsync("make", Ct)).Keys);
    }

    [Fact]
    public async Task A_branch_moves_as_a_whole_and_commands_find_the_way()
    {
        await using var tree = await StartAsync();
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("south", "root", [], Ct, leaf: false);
        await tree.AddAsync("site", "north", [], Ct, leaf: false);
        await tree.AddAsync("c1", "site", ["tier=edge"], Ct);
        await KnowsAsync(tree, "site", "south");
        await tree.ClusterIsAsync("c1", "online", Ct);

        await tree.StopAsync("north");
        await ParentIsAsync(tree, "site", "south");
        var leaf = await SmallTree.UntilAsync(
            tree.Root, Kinds.Clusters, null, "c1", c => c.Text("status", "status") == "online" && c.Items("status", "path")!.Any(p => p!.ToString() == "south"), Ct);

        Assert.Equal(["root", "south", "site", "c1"], leaf.Items("status", "path")!.Select(p => p!.ToString()));
        await tree.CommandAsync("make", "tier=edge", "POST", ConfigMaps, Body, Ct);
        Assert.Equal("Succeeded", (await tree.OverAsync("make", Ct)).Text("status", "commandPhase"));
        await SmallTree.UntilAsync(tree["c1"], c => c.Path.SequenceEqual(["root", "south", "site", "c1"]), Ct);
    }

    /// <summary>Home is as far from the root as the cluster is by then, and hears of the root's beats when the cluster does.</summary>
    [Fact]
    public async Task A_branch_that_its_grandparent_took_goes_home_though_home_stands_no_higher()
    {
        await using var tree = await StartAsync();
        await tree.AddAsync("mid", "root", [], Ct, leaf: false);
        await tree.AddAsync("hub", "mid", [], Ct, leaf: false);
        await tree.AddAsync("c1", "hub", ["tier=edge"], Ct);
        await KnowsAsync(tree, "hub", "root");
        await tree.ClusterIsAsync("c1", "online", Ct);

        await tree.StopAsync("mid");
        await ParentIsAsync(tree, "hub", "root");
        await tree.AddAsync("mid", "root", [], Ct, leaf: false);
        var home = await ParentIsAsync(tree, "hub", "mid");

        Assert.Equal("True", home.Condition("AtHome").Text("status"));
        await SmallTree.UntilAsync(tree["c1"], c => c.Path.SequenceEqual(["root", "mid", "hub", "c1"]), Ct);
    }

    [Fact]
    public async Task Children_of_a_parent_that_is_cut_off_itself_leave_it_and_go_home_when_it_is_not()
    {
        var cable = new Cable();
        await using var tree = new SmallTree { Adjust = Soon, Wire = (name, dialer) => name == "north" ? cable.Through(dialer) : dialer };
        await tree.StartRootAsync(Ct);
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("south", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", ["tier=edge"], Ct);
        await KnowsAsync(tree, "c1", "south");

        cable.Cut();
        await ParentIsAsync(tree, "c1", "south");
        await tree.CommandAsync("make", "tier=edge", "POST", ConfigMaps, Body, Ct);
        Assert.Equal("Succeeded", (await tree.OverAsync("make", Ct)).Text("status", "commandPhase"));

        cable.Mend();
        var home = await ParentIsAsync(tree, "c1", "north");
        Assert.Equal("True", home.Condition("AtHome").Text("status"));

        static ClusterControllerOptions Soon(ClusterControllerOptions options) => Quick(options) is var quick ? quick with
        {
            Tunnel = quick.Tunnel with { Heartbeat = TimeSpan.FromMilliseconds(60), Lease = TimeSpan.FromSeconds(1) },
            Failover = quick.Failover with { UnrootedFor = TimeSpan.FromMilliseconds(200) },
        } : options;
    }

    [Fact]
    public async Task Below_a_lost_cluster_everything_is_unknown_and_not_online()
    {
        await using var tree = await StartAsync();
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        await tree.Root.PatchAsync(Kinds.Clusters, null, "c1", Ote.Kube.Client.PatchKind.Merge, Spec(s => s["pinnedParent"] = "north"), Ct);
        await SmallTree.UntilAsync(tree["c1"], c => c.IsPinned, Ct);

        await tree.StopAsync("north");
        await tree.ClusterIsAsync("north", "offline", Ct);
        var below = await tree.ClusterIsAsync("c1", "unknown", Ct);

        Assert.Equal("Unknown", below.Condition("Ready").Text("status"));
        Assert.Contains("north", below.Condition("Ready").Text("message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_drained_parent_sends_its_children_elsewhere_and_gets_them_back_afterwards()
    {
        await using var tree = await StartAsync();
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("south", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", [], Ct);
        await KnowsAsync(tree, "c1", "south");

        await tree.Root.PatchAsync(Kinds.Clusters, null, "north", Ote.Kube.Client.PatchKind.Merge, Spec(s => s["drain"] = true), Ct);
        await ParentIsAsync(tree, "c1", "south");
        await tree.Root.PatchAsync(Kinds.Clusters, null, "north", Ote.Kube.Client.PatchKind.Merge, Spec(s => s["drain"] = false), Ct);

        await ParentIsAsync(tree, "c1", "north");
    }

    [Fact]
    public async Task Of_a_data_directory_that_runs_twice_one_is_attached_and_the_other_takes_its_place_when_it_is_gone()
    {
        var heard = new Heard();
        await using var tree = new SmallTree { Loggers = heard, Adjust = Quick };
        await tree.StartRootAsync(Ct);
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("south", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        await tree.StopAsync("c1");
        var copy = Path.Combine(tree.Folder, "copy");
        Copy(Path.Combine(tree.Folder, "c1"), copy);
        await tree.AddAsync("c1", "north", [], Ct);
        await ParentIsAsync(tree, "c1", "north");

        await using (await tree.TwinAsync("c1", copy, "south", Ct))
        {
            await heard.UntilAsync("c1 has attached to another parent since", times: 1);
        }

        Assert.Equal("online", (await ParentIsAsync(tree, "c1", "north")).Text("status", "status"));
    }

    [Fact]
    public async Task While_the_root_is_away_a_restarted_parent_gets_its_children_back()
    {
        await using var tree = await StartAsync();
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        await tree.StopAsync("root");

        await tree.StopAsync("north");
        await tree.AddAsync("north", "root", [], Ct, leaf: false);

        await SmallTree.UntilAsync(tree["c1"], c => c.Parent == "north", Ct);
    }

    [Fact]
    public async Task A_leaf_whose_disk_is_full_leaves_all_its_parents_alone_for_ever_longer_and_goes_on_when_there_is_room()
    {
        var heard = new Heard();
        var disk = new FailingJournal(new MemoryJournal());
        await using var tree = new SmallTree { Loggers = heard, Adjust = Quick, Journal = name => name == "c1" ? disk : null };
        await tree.StartRootAsync(Ct);
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("south", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", ["tier=edge"], Ct);
        await KnowsAsync(tree, "c1", "south");
        disk.Fails = true;
        await tree.CommandAsync("make", "tier=edge", "POST", ConfigMaps, Body, Ct);

        await heard.UntilAsync("nobody is dialled for", times: 4);
        Assert.Contains(heard.Lines, line => line.Contains("Handling message", StringComparison.Ordinal) && line.Contains("no space left", StringComparison.Ordinal));
        Assert.InRange(heard.Lines.Count(line => line.Contains("Cluster c1 is attached below", StringComparison.Ordinal)), 6, 8);

        disk.Fails = false;
        Assert.Equal("Succeeded", (await tree.OverAsync("make", Ct)).Text("status", "commandPhase"));
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to, File.GetUnixFileMode(from));
        foreach (var file in Directory.GetFiles(from))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }

        foreach (var folder in Directory.GetDirectories(from))
        {
            Copy(folder, Path.Combine(to, Path.GetFileName(folder)));
        }
    }

    private static Task<SmallTree> StartAsync() => SmallTree.StartAsync(Ct, Quick);

    private static ClusterControllerOptions Quick(ClusterControllerOptions options) => options with
    {
        Tunnel = options.Tunnel with { Heartbeat = TimeSpan.FromMilliseconds(200), Lease = TimeSpan.FromSeconds(2) },
        Failover = new FailoverOptions
        {
            Backoff = new BackoffOptions(TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(500)),
            Spread = TimeSpan.FromMilliseconds(10),
            ProbeEvery = TimeSpan.FromMilliseconds(100),
            StableFor = TimeSpan.FromMilliseconds(400),
        },
    };

    private static JsonObject Spec(Action<JsonObject> set)
    {
        var spec = new JsonObject();
        set(spec);
        return new JsonObject { ["spec"] = spec };
    }

    private static Task<JsonObject> ParentIsAsync(SmallTree tree, string name, string parent) => SmallTree.UntilAsync(
        tree.Root, Kinds.Clusters, null, name, c => c.Text("status", "parentName") == parent && c.Text("status", "status") == "online", Ct);

    /// <summary>Waits until a cluster has been told of a candidate.</summary>
    private static async Task KnowsAsync(SmallTree tree, string name, string candidate)
    {
        await tree.ClusterIsAsync(name, "online", Ct);
        await SmallTree.UntilAsync(tree[name], c => c.Candidates.Contains(candidate), Ct);
    }

    private sealed class HeldShim : IClusterShim
    {
        public TaskCompletionSource Entered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Go { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Executions { get; private set; }

        public ValueTask<ShimDescription> DescribeAsync(CancellationToken ct) => ValueTask.FromResult(new ShimDescription { Kind = "held" });

        public async Task<ExecuteResponse> ExecuteAsync(ExecuteRequest request, CancellationToken ct)
        {
            Executions++;
            Entered.TrySetResult();
            await Go.Task.WaitAsync(ct);
            return new ExecuteResponse { Code = 201 };
        }

        public async IAsyncEnumerable<Readiness> WatchReadinessAsync([EnumeratorCancellation] CancellationToken ct)
        {
            yield return new Readiness { Ready = true };
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
