using Ote.EdgeCluster.Runtimes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeCluster;

/// <summary>Nodes that fail, pods that have to leave, and who decides about it, in virtual time.</summary>
public sealed class NodeTroubleTests
{
    [Fact]
    public async Task Pods_of_a_node_that_fell_silent_are_replaced_elsewhere_and_it_gives_them_up_when_it_is_back()
    {
        // As scripted: the first node is silent from the fifth minute on, for ten minutes.
        var simulated = new SimulatedRuntimeOptions { StartDelay = TimeSpan.Zero, Outages = [new NodeOutage(0, TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(10))] };
        await using var world = await EdgeWorld.StartAsync(nodes: 2, simulated);
        await world.CreateAsync(Kinds.Deployments, Deployment(2, "\"tolerations\":[{\"key\":\"node.kubernetes.io/unreachable\",\"operator\":\"Exists\",\"effect\":\"NoExecute\",\"tolerationSeconds\":60}],"));
        var pods = world.Watch(Kinds.Pods);
        var before = await pods.UntilAsync(p => p.Count(x => x.IsReady()) == 2);
        Assert.Equal(["c1-node-1", "c1-node-2"], before.Select(p => p.NodeName()).Order());
        var nodes = world.Watch(Kinds.Nodes);
        await world.PassUntilAsync(nodes, n => n[0].Condition("Ready").Text("status") == "Unknown" && n[0].Items("spec", "taints")?.Count == 2);
        Assert.InRange(world.Time.GetUtcNow() - Sample.Now, TimeSpan.FromSeconds(330), TimeSpan.FromSeconds(346));
        await pods.UntilAsync(p => p.Any(x => x.NodeName() == "c1-node-1" && !x.IsReady()));

        await world.PassUntilAsync(pods, p => p.Count(x => x.NodeName() == "c1-node-2" && x.IsReady()) == 2);
        var lost = Assert.Single(pods.Items, p => p.NodeName() == "c1-node-1");
        Assert.True(lost.IsDeleting());
        Assert.True(world.Time.GetUtcNow() - Sample.Now > TimeSpan.FromSeconds(390));

        await world.PassUntilAsync(nodes, n => n[0].IsTrue("Ready") && n[0].Items("spec", "taints") is not { Count: > 0 }, TimeSpan.FromSeconds(5));
        await pods.UntilAsync(p => p.Count == 2);
    }

    [Fact]
    public async Task Node_is_cut_off_and_brought_back_by_an_annotation()
    {
        await using var world = await EdgeWorld.StartAsync();
        var nodes = world.Watch(Kinds.Nodes);
        await nodes.UntilAsync(n => n.Count == 1);
        await world.PatchAsync(Kinds.Nodes, "c1-node-1", """{"metadata":{"annotations":{"simulated.ote.baidu.com/silent":"true"}}}""");
        await world.PassUntilAsync(nodes, n => n[0].Condition("Ready").Text("status") == "Unknown");
        await world.PatchAsync(Kinds.Nodes, "c1-node-1", """{"metadata":{"annotations":{"simulated.ote.baidu.com/silent":null,"simulated.ote.baidu.com/trouble":"disk is gone"}}}""");
        var node = await nodes.UntilAsync("c1-node-1", n => n.Condition("Ready").Text("status") == "False" && n.Items("spec", "taints")?.Any(t => t.Text("key") == "node.kubernetes.io/not-ready") == true);
        Assert.Equal("disk is gone", node.Condition("Ready").Text("message"));
        await world.PatchAsync(Kinds.Nodes, "c1-node-1", """{"metadata":{"annotations":{"simulated.ote.baidu.com/trouble":null}}}""");
        await nodes.UntilAsync("c1-node-1", n => n.IsTrue("Ready") && n.Items("spec", "taints") is not { Count: > 0 });
    }

    [Fact]
    public async Task Pods_of_a_node_that_is_gone_for_good_are_taken_away_without_its_word()
    {
        await using var world = await EdgeWorld.StartAsync(nodes: 2);
        await world.CreateAsync(Kinds.Deployments, Deployment(2));
        var pods = world.Watch(Kinds.Pods);
        await pods.UntilAsync(p => p.Count(x => x.IsReady()) == 2);
        world.Cluster.Runtimes[0].SetSilent(true);
        await world.DeleteAsync(Kinds.Nodes, "c1-node-1");
        await pods.UntilAsync(p => p.Count == 2 && p.All(x => x.NodeName() == "c1-node-2" && x.IsReady()));
    }

    [Fact]
    public async Task Eviction_asks_the_budget_and_goes_on_when_the_next_pod_serves()
    {
        await using var world = await EdgeWorld.StartAsync();
        await world.CreateAsync(Kinds.Deployments, Deployment(2));
        await world.CreateAsync(Kinds.PodDisruptionBudgets, """{"metadata":{"name":"web"},"spec":{"minAvailable":1,"selector":{"matchLabels":{"app":"web"}}}}""");
        var budgets = world.Watch(Kinds.PodDisruptionBudgets);
        await budgets.UntilAsync("web", b => b.Whole("status", "disruptionsAllowed") == 1);
        var pods = world.Watch(Kinds.Pods);
        var names = (await pods.UntilAsync(p => p.Count(x => x.IsReady()) == 2)).Select(p => p.Name()).ToList();

        // The next pod cannot start, so the budget is spent with the first eviction.
        world.Cluster.Runtimes[0].SetTrouble("disk is gone");
        await world.EvictAsync(names[0]);
        await pods.UntilAsync(p => p.All(x => x.Name() != names[0]));
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => world.EvictAsync(names[1]));
        Assert.Equal(429, refused.Code);
        Assert.Contains("would violate the pod's disruption budget", refused.Message, StringComparison.Ordinal);
        world.Cluster.Runtimes[0].SetTrouble(null);
        await pods.UntilAsync(p => p.Count(x => x.IsReady()) == 2);
        await budgets.UntilAsync("web", b => b.Whole("status", "disruptionsAllowed") == 1);
        await world.EvictAsync(names[1]);
        await pods.UntilAsync(p => p.Count(x => x.IsReady()) == 2 && p.All(x => !names.Contains(x.Name())));
    }

    [Fact]
    public async Task Of_pods_that_wait_for_room_the_more_important_gets_it()
    {
        await using var world = await EdgeWorld.StartAsync(simulated: new SimulatedRuntimeOptions { StartDelay = TimeSpan.Zero, MaxPods = 1 });
        await world.CreateAsync(Kinds.PriorityClasses, """{"metadata":{"name":"high"},"value":1000}""");
        await world.CreateAsync(Kinds.Pods, Pod("first"));
        var pods = world.Watch(Kinds.Pods);
        await pods.UntilAsync("first", p => p.IsReady());
        await world.CreateAsync(Kinds.Pods, Pod("a-low"));
        await world.CreateAsync(Kinds.Pods, Pod("z-high", "\"priorityClassName\":\"high\","));
        await pods.UntilAsync(p => p.Count(x => x.Condition("PodScheduled").Text("message") == "0/1 nodes are available: 1 Too many pods.") == 2);
        await world.Watch(Kinds.Events).UntilAsync(e => e.Any(x => x.Text("reason") == "FailedScheduling" && x.Text("message") == "0/1 nodes are available: 1 Too many pods."));
        await world.DeleteAsync(Kinds.Pods, "first");
        await pods.UntilAsync("z-high", p => p.IsReady());
        Assert.Null(pods.Items.Single(p => p.Name() == "a-low").NodeName());
    }

    [Fact]
    public async Task Service_has_an_address_and_the_endpoints_that_serve()
    {
        await using var world = await EdgeWorld.StartAsync();
        await world.CreateAsync(Kinds.Services, """{"metadata":{"name":"web"},"spec":{"type":"LoadBalancer","selector":{"app":"web"},"ports":[{"port":80,"targetPort":8080}]}}""");
        await world.CreateAsync(Kinds.Deployments, Deployment(2));
        var slices = world.Watch(Kinds.EndpointSlices);
        var slice = (await slices.UntilAsync(s => s.Count == 1 && s[0].Items("endpoints")?.Count(e => e.Truth("conditions", "ready") == true) == 2))[0];
        Assert.Equal(8080, slice.Items("ports")![0].Whole("port"));
        var service = await world.Watch(Kinds.Services).UntilAsync("web", s => s.Items("status", "loadBalancer", "ingress")?.Count == 1);
        Assert.StartsWith("10.96.", service.Text("spec", "clusterIP"), StringComparison.Ordinal);
        await world.Watch(Kinds.Endpoints).UntilAsync("web", e => e.Items("subsets")?[0].Items("addresses")?.Count == 2);
        await world.PatchAsync(Kinds.Deployments, "web", """{"spec":{"replicas":1}}""");
        await slices.UntilAsync(s => s[0].Items("endpoints")?.Count == 1);
        await world.DeleteAsync(Kinds.Services, "web");
        await slices.UntilAsync(s => s.Count == 0);
    }

    [Fact]
    public async Task Each_namespace_has_its_account_and_authority_where_that_is_wanted()
    {
        await using var world = await EdgeWorld.StartAsync(options: o => o with { ProvisionsNamespaces = true });
        await world.CreateAsync(Kinds.Namespaces, """{"metadata":{"name":"shop"}}""");
        await world.Watch(Kinds.ServiceAccounts).UntilAsync(a => a.Any(x => x.Key() == "shop/default") && a.Any(x => x.Key() == "default/default"));
        var map = (await world.Watch(Kinds.ConfigMaps).UntilAsync(m => m.Any(x => x.Key() == "shop/kube-root-ca.crt"))).First(x => x.Namespace() == "shop");
        Assert.StartsWith("-----BEGIN CERTIFICATE", map.Text("data", "ca.crt"), StringComparison.Ordinal);
    }

    private static string Pod(string name, string spec = "") => $$$"""{"metadata":{"name":"{{{name}}}"},"spec":{ {{{spec}}}"containers":[{"name":"c","image":"x"}]} }""";

    private static string Deployment(int replicas, string spec = "") => $$$"""
        {"metadata":{"name":"web","namespace":"default"},"spec":{"replicas":{{{replicas}}},"selector":{"matchLabels":{"app":"web"} },
         "template":{"metadata":{"labels":{"app":"web"} },"spec":{ {{{spec}}}"containers":[{"name":"c","image":"x"}]} } } }
        """;
}
