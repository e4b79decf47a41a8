using System.Text.Json.Nodes;
using Ote.EdgeCluster.Nodes;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeCluster.Nodes;

public sealed class PlacementTests
{
    private static readonly JsonObject Plain = Sample.Pod("p", node: null);

    [Fact]
    public void Pod_goes_where_the_fewest_are_and_by_name_among_equals()
    {
        JsonObject[] nodes = [Sample.Node("n3"), Sample.Node("n2"), Sample.Node("n1")];
        Assert.Equal("n2", Pick(Plain, nodes, Sample.Pod("x", node: "n1")).Node);
        Assert.Equal("n1", Pick(Plain, nodes).Node);
    }

    [Fact]
    public void Pod_without_a_place_is_told_how_many_nodes_refused_it_and_why()
    {
        var pod = Sample.Pod("p", node: null);
        pod["spec"]!["nodeSelector"] = Sample.Parse("""{"disk":"ssd"}""");
        JsonObject[] nodes =
        [
            Sample.Node("a", ready: false), Sample.Node("b", spec: """{"unschedulable":true}"""), Sample.Node("c"), Sample.Node("d"),
            Sample.Node("e", labels: """{"disk":"ssd"}"""), Sample.Node("f", labels: """{"disk":"ssd"}""", spec: """{"taints":[{"key":"own","value":"x","effect":"NoSchedule"}]}"""),
        ];
        var (node, reason) = Pick(pod, nodes, [.. Enumerable.Range(0, 3).Select(i => Sample.Pod($"x{i}", node: "e"))]);
        Assert.Null(node);
        Assert.Equal(
            "0/6 nodes are available: 1 Too many pods, 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }, 1 node(s) had untolerated taint {own: x}, "
            + "1 node(s) were unschedulable, 2 node(s) didn't match Pod's node affinity/selector.",
            reason);
    }

    [Theory]
    [InlineData("""{"key":"own","operator":"Exists"}""", true)]
    [InlineData("""{"key":"own","operator":"Equal","value":"x","effect":"NoSchedule"}""", true)]
    [InlineData("""{"operator":"Exists"}""", true)]
    [InlineData("""{"key":"own","operator":"Equal","value":"y"}""", false)]
    [InlineData("""{"key":"own","operator":"Exists","effect":"NoExecute"}""", false)]
    public void Toleration_lets_a_pod_onto_a_tainted_node(string toleration, bool allowed)
    {
        var pod = Sample.Pod("p", node: null);
        pod["spec"]!["tolerations"] = new JsonArray(JsonNode.Parse(toleration));
        JsonObject[] nodes = [Sample.Node("n", spec: """{"taints":[{"key":"own","value":"x","effect":"NoSchedule"}]}""")];
        Assert.Equal(allowed, Pick(pod, nodes).Node is not null);
    }

    [Fact]
    public void Requests_are_held_against_what_is_left_of_the_node()
    {
        JsonObject[] nodes = [Sized("n1", "1", "1Gi"), Sized("n2", "2", "1Gi")];
        Assert.Equal("n2", Pick(Asking("p", "1500m", "100Mi"), nodes).Node);
        Assert.Equal("n1", Pick(Asking("p", "500m", "100Mi"), nodes, Asking("x", "1600m", "0", "n2")).Node);
        Assert.Equal("0/2 nodes are available: 2 Insufficient cpu, 2 Insufficient memory.", Pick(Asking("p", "3", "2Gi"), nodes).Reason);
        Assert.Equal("0/2 nodes are available: 2 Insufficient nvidia.com/gpu.", Pick(With(Plain, """{"containers":[{"resources":{"requests":{"nvidia.com/gpu":"1"}}}]}"""), nodes).Reason);
    }

    [Theory]
    [InlineData("""{"key":"disk","operator":"In","values":["ssd","nvme"]}""", "n2")]
    [InlineData("""{"key":"disk","operator":"NotIn","values":["ssd"]}""", "n1")]
    [InlineData("""{"key":"disk","operator":"Exists"}""", "n2")]
    [InlineData("""{"key":"rank","operator":"Gt","values":["5"]}""", "n2")]
    [InlineData("""{"key":"rank","operator":"Lt","values":["2"]}""", null)]
    public void Required_node_affinity_selects(string expression, string? expected)
    {
        JsonObject[] nodes = [Sample.Node("n1"), Sample.Node("n2", labels: """{"disk":"ssd","rank":"7"}""")];
        var pod = With(Plain, $$$"""{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{{{expression}}}]}]} } } }""");
        Assert.Equal(expected, Pick(pod, nodes).Node);
    }

    [Fact]
    public void Pods_of_one_owner_spread_though_other_nodes_are_fuller()
    {
        JsonObject[] nodes = [Sized("n1", "4", "8Gi"), Sized("n2", "4", "8Gi"), Sized("n3", "4", "8Gi")];
        List<JsonObject> there = [Asking("x", "500m", "1Gi", "n2"), Asking("y", "500m", "1Gi", "n3")];
        for (var i = 0; i < 9; i++)
        {
            var pod = Sample.Pod($"web-{i}", node: null, owner: "rs");
            pod["spec"]!["nodeName"] = Pick(pod, nodes, [.. there]).Node;
            there.Add(pod);
        }

        Assert.All(nodes, node => Assert.Equal(3, there.Count(p => p.Name().StartsWith("web-", StringComparison.Ordinal) && p.Text("spec", "nodeName") == node.Name())));
    }

    [Fact]
    public void Pods_that_ask_for_nothing_fill_a_node_too()
    {
        JsonObject[] nodes = [Sized("n1", "4", "8Gi"), Sized("n2", "4", "8Gi")];
        JsonObject[] there = [.. Enumerable.Range(0, 8).Select(i => Sample.Pod($"p{i}", node: "n1")), Asking("x", "500m", "1Gi", "n2")];
        Assert.Equal("n2", Pick(Sample.Pod("q", node: null), nodes, there).Node);
    }

    [Fact]
    public void Preferred_node_affinity_draws_but_does_not_bind()
    {
        var pod = With(Plain, """
            {"affinity":{"nodeAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":50,"preference":{"matchExpressions":[{"key":"disk","operator":"Exists"}]}}]}}}
            """);
        Assert.Equal("n2", Pick(pod, [Sample.Node("n1"), Sample.Node("n2", labels: """{"disk":"ssd"}""")], Sample.Pod("x", node: "n2")).Node);
        Assert.Equal("n1", Pick(pod, [Sample.Node("n1")]).Node);
    }

    [Fact]
    public void Anti_affinity_keeps_pods_of_one_kind_on_different_hosts_also_from_the_other_side()
    {
        const string Apart = """
            {"affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"kubernetes.io/hostname","labelSelector":{"matchLabels":{"app":"web"}}}]}}}
            """;
        JsonObject[] nodes = [Host("n1", "a"), Host("n2", "a")];
        Assert.Equal("n2", Pick(With(Plain, Apart), nodes, Sample.Pod("x", node: "n1")).Node);
        Assert.Equal(
            "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.",
            Pick(With(Plain, Apart), nodes, Sample.Pod("x", node: "n1"), Sample.Pod("y", node: "n2")).Reason);
        Assert.Equal(
            "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules.",
            Pick(Plain, [nodes[0]], With(Sample.Pod("x", node: "n1"), Apart)).Reason);
    }

    [Fact]
    public void Affinity_brings_pods_into_one_zone_and_the_first_may_begin_anywhere()
    {
        const string Together = """
            {"affinity":{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"topology.kubernetes.io/zone","labelSelector":{"matchLabels":{"app":"web"}}}]}}}
            """;
        JsonObject[] nodes = [Host("n1", "a"), Host("n2", "b"), Host("n3", "b")];
        Assert.Equal("n1", Pick(With(Plain, Together), nodes).Node);
        Assert.Equal("n3", Pick(With(Plain, Together), nodes, Sample.Pod("x", node: "n2")).Node);
        var stranger = With(Plain, Together);
        stranger["metadata"]!["labels"] = Sample.Parse("""{"app":"other"}""");
        Assert.Equal("0/3 nodes are available: 3 node(s) didn't match pod affinity rules.", Pick(stranger, nodes).Reason);
    }

    [Fact]
    public void Topology_spread_evens_out_zones_and_refuses_beyond_its_skew()
    {
        const string Spread = """
            {"topologySpreadConstraints":[{"maxSkew":1,"topologyKey":"topology.kubernetes.io/zone","whenUnsatisfiable":"DoNotSchedule","labelSelector":{"matchLabels":{"app":"web"}}}]}
            """;
        JsonObject[] nodes = [Host("n1", "a"), Host("n2", "b"), Sample.Node("n3")];
        Assert.Equal("n2", Pick(With(Plain, Spread), nodes, Sample.Pod("x", node: "n1")).Node);
        nodes[1]["spec"]!["unschedulable"] = true;
        Assert.Equal(
            "0/3 nodes are available: 1 node(s) didn't match pod topology spread constraints, 1 node(s) didn't match pod topology spread constraints (missing required label), 1 node(s) were unschedulable.",
            Pick(With(Plain, Spread), nodes, Sample.Pod("x", node: "n1")).Reason);
        Assert.Equal("n1", Pick(With(Plain, Spread.Replace("DoNotSchedule", "ScheduleAnyway", StringComparison.Ordinal)), nodes[..2], Sample.Pod("x", node: "n1")).Node);
    }

    [Fact]
    public void Host_port_is_given_once_a_node()
    {
        var pod = With(Plain, """{"containers":[{"ports":[{"containerPort":80,"hostPort":80}]}]}""");
        var other = With(Sample.Pod("x", node: "n1"), """{"containers":[{"ports":[{"containerPort":8080,"hostPort":80}]}]}""");
        Assert.Equal("0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.", Pick(pod, [Sample.Node("n1")], other).Reason);
    }

    private static (string? Node, string Reason) Pick(JsonObject pod, JsonObject[] nodes, params JsonObject[] there)
    {
        var loads = new NodeLoads();
        foreach (var node in nodes)
        {
            loads.Of(node.Name()).Node = node;
        }

        foreach (var other in there)
        {
            loads.Put(other, other.Text("spec", "nodeName")!);
        }

        return Placement.Pick(pod, [.. nodes.Select(n => loads.Of(n.Name()))], loads.Choosy.Values);
    }

    private static JsonObject With(JsonObject pod, string spec)
    {
        var copy = pod.Copy();
        foreach (var (name, value) in Sample.Parse(spec))
        {
            copy["spec"]![name] = value?.DeepClone();
        }

        return copy;
    }

    private static JsonObject Asking(string name, string cpu, string memory, string? node = null) =>
        With(Sample.Pod(name, node: node), $$$"""{"containers":[{"resources":{"requests":{"cpu":"{{{cpu}}}","memory":"{{{memory}}}"} } }]}""");

    private static JsonObject Sized(string name, string cpu, string memory)
    {
        var node = Sample.Node(name);
        node["status"]!["allocatable"] = Sample.Parse($$$"""{"cpu":"{{{cpu}}}","memory":"{{{memory}}}","pods":"100"}""");
        return node;
    }

    private static JsonObject Host(string name, string zone) =>
        Sample.Node(name, labels: $$$"""{"kubernetes.io/hostname":"{{{name}}}","topology.kubernetes.io/zone":"{{{zone}}}"}""");
}
