using System.Text.Json.Nodes;
using Ote.EdgeCluster.Nodes;

namespace Ote.Tests.EdgeCluster.Nodes;

public sealed class NodeFitTests
{
    private static readonly JsonObject Plain = Sample.Pod("p", node: null);

    [Fact]
    public void Pod_goes_where_the_fewest_are_and_by_name_among_equals()
    {
        JsonObject[] nodes = [Sample.Node("n3"), Sample.Node("n2"), Sample.Node("n1")];
        Assert.Equal("n2", NodeFit.Pick(Plain, nodes, n => n == "n1" ? 1 : 0).Node);
        Assert.Equal("n1", NodeFit.Pick(Plain, nodes, _ => 0).Node);
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
        var (node, reason) = NodeFit.Pick(pod, nodes, n => n == "e" ? 3 : 0);
        Assert.Null(node);
        Assert.Equal(
            "0/6 nodes are available: 1 Too many pods, 2 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint {own: x}, "
            + "1 node(s) were not ready, 1 node(s) were unschedulable.",
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
        Assert.Equal(allowed, NodeFit.Pick(pod, nodes, _ => 0).Node is not null);
    }
}
