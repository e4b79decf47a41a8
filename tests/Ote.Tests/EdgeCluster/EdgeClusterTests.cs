using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.EdgeCluster;
using Ote.EdgeCluster.Runtimes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Edge = Ote.EdgeCluster.EdgeCluster;

namespace Ote.Tests.EdgeCluster;

/// <summary>The whole cluster in the process. What waits, waits for the API to show something.</summary>
public sealed class EdgeClusterTests : IAsyncDisposable
{
    private const string ImagePullError = "simulated.ote.baidu.com/image-pull-error";
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-edge-").FullName;
    private readonly List<IAsyncDisposable> _ends = [];

    [Fact]
    public async Task Deployment_of_two_becomes_available()
    {
        var (_, client) = await StartAsync();
        await ApplyAsync(client, 2);
        var deployment = await Watch(client, Kinds.Deployments).UntilAsync("web", d => Complete(d, 2));
        Assert.Equal("1", deployment.Annotation(DeploymentDecision.RevisionAnnotation));
        var pods = await Watch(client, Kinds.Pods).UntilAsync(p => p.Count == 2);
        Assert.All(pods, p => Assert.Equal("Running", p.Text("status", "phase")));
        Assert.All(pods, p => Assert.Contains("simulated", p.Text("status", "message"), StringComparison.Ordinal));
        Assert.Equal(2, pods.Select(p => p.Text("status", "podIP")).Distinct().Count());
    }

    [Fact]
    public void Quiet_watch_is_told_the_newest_version_as_often_as_at_the_root() =>
        // Clients let a watch end after 5 to 10 minutes: one that heard nothing until then goes on from a version that may be gone.
        Assert.Equal(new ApiServerOptions().BookmarkInterval, new EdgeClusterOptions { Name = "c1" }.Server.BookmarkInterval);

    [Fact]
    public async Task Scaling_up_and_down_is_followed()
    {
        var (_, client) = await StartAsync();
        await ApplyAsync(client, 2);
        var deployments = Watch(client, Kinds.Deployments);
        await deployments.UntilAsync("web", d => Complete(d, 2));
        await ScaleAsync(client, 5);
        await deployments.UntilAsync("web", d => Complete(d, 5));
        await ScaleAsync(client, 1);
        await deployments.UntilAsync("web", d => Complete(d, 1));
        await Watch(client, Kinds.Pods).UntilAsync(p => p.Count == 1);
    }

    [Fact]
    public async Task Rolling_update_keeps_enough_pods_available_and_never_makes_too_many()
    {
        var (_, client) = await StartAsync(nodes: 2);
        await ApplyAsync(client, 4);
        var deployments = Watch(client, Kinds.Deployments);
        await deployments.UntilAsync("web", d => Complete(d, 4));
        var pods = Watch(client, Kinds.Pods);
        await pods.UntilAsync(p => p.Count(q => q.IsReady()) == 4);
        var (least, most) = (4, 4);
        pods.Seen += (_, _) =>
        {
            // Pods that are on their way out count neither as there nor as serving.
            var active = pods.Items.Where(p => p.IsActive()).ToList();
            least = Math.Min(least, active.Count(p => p.IsReady()));
            most = Math.Max(most, active.Count);
        };
        await PatchAsync(client, """{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"nginx:2"}]}}}}""");
        await deployments.UntilAsync("web", d => Complete(d, 4) && d.Generation() == 2);
        var now = await pods.UntilAsync(p => p.Count == 4 && p.All(q => q.Items("spec", "containers")![0].Text("image") == "nginx:2"));
        Assert.All(now, p => Assert.True(p.IsReady()));
        Assert.InRange(least, 3, 4);
        Assert.InRange(most, 4, 5);
        Assert.Equal("2", deployments.Items[0].Annotation(DeploymentDecision.RevisionAnnotation));
    }

    [Fact]
    public async Task Image_that_cannot_be_pulled_shows_on_pod_deployment_and_events()
    {
        var (_, client) = await StartAsync();
        await ApplyAsync(client, 1, new JsonObject { [ImagePullError] = "manifest unknown" });
        var pod = (await Watch(client, Kinds.Pods).UntilAsync(
            p => p.Count == 1 && p[0].Items("status", "containerStatuses")?[0].Text("state", "waiting", "reason") == "ErrImagePull"))[0];
        Assert.Equal("Pending", pod.Text("status", "phase"));
        var deployment = await Watch(client, Kinds.Deployments).UntilAsync("web", d => d.Count("unavailableReplicas") == 1);
        Assert.False(deployment.IsTrue("Available"));
        await Watch(client, Kinds.Events).UntilAsync(
            events => events.Any(e => e.Text("reason") == "Failed" && e.Text("type") == "Warning" && e.Text("message")!.Contains("manifest unknown", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Users_find_the_events_they_look_for()
    {
        var (_, client) = await StartAsync();
        await ApplyAsync(client, 1);
        var events = await Watch(client, Kinds.Events).UntilAsync(
            all => new[] { "ScalingReplicaSet", "SuccessfulCreate", "Scheduled", "Started" }.All(reason => all.Any(e => e.Text("reason") == reason)));
        Assert.All(events, e => Assert.NotNull(e.Text("involvedObject", "uid")));
    }

    [Fact]
    public async Task Deleted_deployment_takes_its_pods_along()
    {
        var (_, client) = await StartAsync();
        await ApplyAsync(client, 2);
        await Watch(client, Kinds.Deployments).UntilAsync("web", d => Complete(d, 2));
        await client.DeleteAsync(Kinds.Deployments, "default", "web", TestContext.Current.CancellationToken);
        var pods = Watch(client, Kinds.Pods);
        await pods.UntilAsync(p => p.Count == 0);
        await Watch(client, Kinds.ReplicaSets).UntilAsync(s => s.Count == 0);
        await Watch(client, Kinds.Pods).UntilAsync(p => p.Count == 0);
    }

    [Fact]
    public async Task Deleted_pod_is_replaced_by_exactly_one()
    {
        var (_, client) = await StartAsync();
        await ApplyAsync(client, 2);
        var pods = Watch(client, Kinds.Pods);
        var before = await pods.UntilAsync(p => p.Count(q => q.IsReady()) == 2);
        await client.DeleteAsync(Kinds.Pods, "default", before[0].Name(), TestContext.Current.CancellationToken);
        var after = await pods.UntilAsync(p => p.Count(q => q.IsReady()) == 2 && p.All(q => q.Uid() != before[0].Uid()));
        Assert.Contains(before[1].Uid(), after.Select(p => p.Uid()));
        Assert.Equal(2, after.Count);
    }

    [Fact]
    public async Task Every_pod_ever_made_was_asked_for_however_many_changes_come_at_once()
    {
        var (_, client) = await StartAsync(nodes: 3);
        var made = new HashSet<string>();
        var pods = Watch(client, Kinds.Pods);
        pods.Seen += (old, now) =>
        {
            if (old is null && now is not null)
            {
                lock (made)
                {
                    made.Add(now.Uid());
                }
            }
        };
        await pods.UntilAsync(p => p.Count == 0);
        await ApplyAsync(client, 30);
        await Watch(client, Kinds.Deployments).UntilAsync("web", d => Complete(d, 30));
        await pods.UntilAsync(p => p.Count == 30);
        Assert.Equal(30, made.Count);
        Assert.All(pods.Items.CountBy(p => p.NodeName() ?? ""), node => Assert.InRange(node.Value, 9, 11));
    }

    [Fact]
    public async Task Daemon_set_runs_one_pod_on_each_of_three_nodes()
    {
        var (_, client) = await StartAsync(nodes: 3);
        var daemon = Sample.DaemonSet();
        ((JsonObject)daemon["metadata"]!).Remove("uid");
        await client.CreateAsync(Kinds.DaemonSets, "default", daemon, TestContext.Current.CancellationToken);
        var shown = await Watch(client, Kinds.DaemonSets).UntilAsync("agent", d => d.Count("numberAvailable") == 3);
        Assert.Equal(3, shown.Count("desiredNumberScheduled"));
        var pods = await Watch(client, Kinds.Pods).UntilAsync(p => p.Count == 3);
        Assert.Equal(["c1-node-1", "c1-node-2", "c1-node-3"], pods.Select(p => p.NodeName()).Order());
    }

    [Fact]
    public async Task Node_in_trouble_turns_not_ready_and_its_pods_wait_until_it_is_over()
    {
        var (cluster, client) = await StartAsync();
        cluster.Runtimes[0].SetTrouble("disk is gone");
        var nodes = Watch(client, Kinds.Nodes);
        var node = await nodes.UntilAsync("c1-node-1", n => !n.IsTrue("Ready"));
        Assert.Equal("disk is gone", node.Condition("Ready").Text("message"));
        await ApplyAsync(client, 1);
        var pods = Watch(client, Kinds.Pods);
        var waiting = await pods.UntilAsync(p => p.Count == 1 && p[0].Condition("PodScheduled").Text("reason") == "Unschedulable");
        Assert.Contains("1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }", waiting[0].Condition("PodScheduled").Text("message"), StringComparison.Ordinal);
        cluster.Runtimes[0].SetTrouble(null);
        await pods.UntilAsync(p => p.Count == 1 && p[0].IsReady());
        Assert.Contains("simulated", (await nodes.UntilAsync("c1-node-1", n => n.IsTrue("Ready"))).Text("status", "nodeInfo", "osImage"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Orphaned_pod_that_the_selector_wants_is_adopted_instead_of_one_more_made()
    {
        var (_, client) = await StartAsync();
        var set = Sample.Set("s1", "nginx:1", 1, 0, 1);
        set["metadata"] = new JsonObject { ["name"] = "s1" };
        set.Remove("status");
        ((JsonObject)set["spec"]!["template"]!["metadata"]!["labels"]!).Remove("pod-template-hash");
        var orphan = Sample.Parse("""{"metadata":{"name":"mine","labels":{"app":"web"}},"spec":{"containers":[{"name":"web","image":"nginx:1"}]}}""");
        var made = await client.CreateAsync(Kinds.Pods, "default", orphan, TestContext.Current.CancellationToken);
        await Watch(client, Kinds.Pods).UntilAsync(p => p.Count == 1 && p[0].IsReady()); // so that the controllers know of it
        var owner = await client.CreateAsync(Kinds.ReplicaSets, "default", set, TestContext.Current.CancellationToken);
        await Watch(client, Kinds.ReplicaSets).UntilAsync("s1", s => s.Count("availableReplicas") == 1);
        var pods = await Watch(client, Kinds.Pods).UntilAsync(p => p.Count == 1);
        Assert.Equal((made.Uid(), owner.Uid()), (pods[0].Uid(), pods[0].Controller()!.Value.Uid));
    }

    [Fact]
    public async Task Restart_finds_the_same_nodes_and_pods_and_makes_nothing_anew()
    {
        var (_, client) = await StartAsync(nodes: 2, folder: _folder);
        await ApplyAsync(client, 3);
        await Watch(client, Kinds.Deployments).UntilAsync("web", d => Complete(d, 3));
        var before = await Watch(client, Kinds.Pods).UntilAsync(p => p.Count(q => q.IsReady()) == 3);
        var node = await client.GetAsync(Kinds.Nodes, null, "c1-node-1", TestContext.Current.CancellationToken);
        await EndAsync();

        var (second, again) = await StartAsync(nodes: 2, folder: _folder);
        await ScaleAsync(again, 4);
        await Watch(again, Kinds.Deployments).UntilAsync("web", d => Complete(d, 4));
        var after = await Watch(again, Kinds.Pods).UntilAsync(p => p.Count == 4);
        foreach (var pod in before)
        {
            var same = after.Single(p => p.Uid() == pod.Uid());
            Assert.True(JsonNode.DeepEquals(pod["status"], same["status"]));
            Assert.NotNull(second.Runtimes.Select(r => r.GetPodStatus(PodId.Of(pod))).Single(s => s is not null));
        }

        Assert.Equal(4, after.Select(p => p.Text("status", "podIP")).Distinct().Count());
        Assert.Equal(node!.Uid(), (await again.GetAsync(Kinds.Nodes, null, "c1-node-1", TestContext.Current.CancellationToken))!.Uid());
    }

    [Fact]
    public async Task Pods_run_when_their_virtual_start_delay_has_passed_and_leases_are_renewed()
    {
        var time = new FakeTimeProvider(Sample.Now);
        var (_, client) = await StartAsync(time: time, delay: TimeSpan.FromMinutes(3));
        await ApplyAsync(client, 1);
        var pods = Watch(client, Kinds.Pods);
        await pods.UntilAsync(p => p.Count == 1 && p[0].Items("status", "containerStatuses") is not null);
        var leases = Watch(client, Kinds.Leases);
        var renewed = (await leases.UntilAsync(l => l.Count == 1))[0].Text("spec", "renewTime");
        time.Advance(TimeSpan.FromMinutes(3));
        await pods.UntilAsync(p => p[0].IsReady());
        time.Advance(new EdgeClusterOptions { Name = "c1" }.LeaseInterval);
        await leases.UntilAsync(l => l[0].Text("spec", "renewTime") != renewed);
    }

    [Fact]
    public async Task Options_out_of_range_are_all_named()
    {
        var wrong = await Assert.ThrowsAsync<ArgumentException>(() => Edge.StartAsync(
            new EdgeClusterOptions { Name = "C_1", Nodes = 0, LeaseInterval = TimeSpan.FromSeconds(1) },
            NullLoggerFactory.Instance, TimeProvider.System, () => 0, TestContext.Current.CancellationToken));
        Assert.All(["C_1", "0 nodes", "lease"], part => Assert.Contains(part, wrong.Message, StringComparison.Ordinal));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var end in Enumerable.Reverse(_ends))
        {
            await end.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    private static bool Complete(JsonObject deployment, int replicas) =>
        deployment.Whole("status", "observedGeneration") == deployment.Generation()
        && deployment.Condition("Progressing").Text("reason") == "NewReplicaSetAvailable"
        && deployment.IsTrue("Available")
        && new[] { "replicas", "updatedReplicas", "readyReplicas", "availableReplicas" }.All(name => deployment.Count(name) == replicas);

    private static Task<JsonObject> ApplyAsync(KubeClient client, int replicas, JsonObject? annotations = null)
    {
        var deployment = Sample.Deployment(replicas);
        deployment["metadata"] = new JsonObject { ["name"] = "web", ["namespace"] = "default" };
        deployment["spec"]!["template"]!["metadata"]!["annotations"] = annotations;
        if (annotations is null)
        {
            ((JsonObject)deployment["spec"]!["template"]!["metadata"]!).Remove("annotations");
        }

        return client.CreateAsync(Kinds.Deployments, "default", deployment, TestContext.Current.CancellationToken);
    }

    private static Task<JsonObject> ScaleAsync(KubeClient client, int replicas) => PatchAsync(client, $$$"""{"spec":{"replicas":{{{replicas}}}}}""");

    private static Task<JsonObject> PatchAsync(KubeClient client, string patch) =>
        client.PatchAsync(Kinds.Deployments, "default", "web", PatchKind.StrategicMerge, JsonNode.Parse(patch)!, TestContext.Current.CancellationToken);

    private async Task<(Edge Cluster, KubeClient Client)> StartAsync(int nodes = 1, string? folder = null, TimeProvider? time = null, TimeSpan delay = default)
    {
        var options = new EdgeClusterOptions
        {
            Name = "c1", Nodes = nodes, DataDirectory = folder, Simulated = new SimulatedRuntimeOptions { StartDelay = delay },
        };
        var cluster = await Edge.StartAsync(options, NullLoggerFactory.Instance, time ?? TimeProvider.System, () => 0.5, TestContext.Current.CancellationToken);
        _ends.Add(cluster);
        var client = new KubeClient(new HttpClient(cluster.CreateHandler(UserInfo.Admin)) { BaseAddress = new Uri("https://embedded/"), Timeout = Timeout.InfiniteTimeSpan });
        return (cluster, client);
    }

    private async Task EndAsync()
    {
        foreach (var end in Enumerable.Reverse(_ends).ToList())
        {
            await end.DisposeAsync();
        }

        _ends.Clear();
    }

    private Watcher Watch(KubeClient client, ResourceRef kind)
    {
        var watcher = new Watcher(client, kind);
        _ends.Add(watcher);
        return watcher;
    }
}
