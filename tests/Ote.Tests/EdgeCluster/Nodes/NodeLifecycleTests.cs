using System.Text.Json.Nodes;
using Ote.EdgeCluster.Nodes;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeCluster.Nodes;

public sealed class NodeLifecycleTests
{
    [Fact]
    public void Node_whose_lease_ran_out_is_unknown_and_unreachable()
    {
        var life = Decide(Sample.Node("n"), renewedAgo: 41);
        Assert.True(life.Unknown);
        Assert.Equal("Unknown", new JsonObject { ["status"] = life.Status.DeepClone() }.Condition("Ready").Text("status"));
        Assert.Equal(["node.kubernetes.io/unreachable NoSchedule", "node.kubernetes.io/unreachable NoExecute"], Taints(life));
        Assert.Equal("2026-03-01T12:00:00Z", life.Taints[1].Text("timeAdded"));
    }

    [Fact]
    public void Node_that_renews_keeps_the_taints_of_others_only()
    {
        var node = Sample.Node("n", spec: """{"taints":[{"key":"own","effect":"NoSchedule"},{"key":"node.kubernetes.io/unreachable","effect":"NoExecute","timeAdded":"2026-03-01T11:00:00Z"}]}""");
        var life = Decide(node, renewedAgo: 10);
        Assert.Equal(["own NoSchedule"], Taints(life));
        Assert.Equal(TimeSpan.FromSeconds(30), life.Again);
        Assert.NotNull(life.TaintPatch(node));
        node["spec"]!["taints"] = life.Taints.DeepClone();
        Assert.Null(life.TaintPatch(node));
    }

    [Fact]
    public void Node_in_trouble_is_tainted_since_when_it_was_and_a_cordoned_one_takes_no_pods()
    {
        var node = Sample.Node("n", ready: false, spec: """{"unschedulable":true,"taints":[{"key":"node.kubernetes.io/not-ready","effect":"NoExecute","timeAdded":"2026-03-01T11:00:00Z"}]}""");
        var life = Decide(node, renewedAgo: 10);
        Assert.Equal(["node.kubernetes.io/not-ready NoExecute", "node.kubernetes.io/unschedulable NoSchedule", "node.kubernetes.io/not-ready NoSchedule"], Taints(life));
        Assert.Equal("2026-03-01T11:00:00Z", life.Taints[0].Text("timeAdded"));
    }

    [Theory]
    [InlineData("[]", 0)]
    [InlineData("""[{"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}]""", 240)]
    [InlineData("""[{"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute","tolerationSeconds":60}]""", 0)]
    [InlineData("""[{"operator":"Exists"}]""", null)]
    public void Pod_leaves_when_it_bears_the_taint_no_longer(string tolerations, int? seconds)
    {
        var node = Sample.Node("n", spec: """{"taints":[{"key":"node.kubernetes.io/unreachable","effect":"NoExecute","timeAdded":"2026-03-01T11:59:00Z"}]}""");
        var pod = Sample.Pod("p", node: "n");
        pod["spec"]!["tolerations"] = JsonNode.Parse(tolerations);
        Assert.Equal(seconds is { } left ? TimeSpan.FromSeconds(left) : null, TaintEviction.In(pod, node, Sample.Now));
        Assert.Null(TaintEviction.In(pod, Sample.Node("n"), Sample.Now));
    }

    private static NodeLifecycle Decide(JsonObject node, int renewedAgo) => NodeLifecycle.Decide(
        node, new JsonObject { ["spec"] = new JsonObject { ["leaseDurationSeconds"] = 40, ["renewTime"] = Sample.Now.AddSeconds(-renewedAgo).ToKubeTime() } }, TimeSpan.FromMinutes(1), Sample.Now);

    private static IEnumerable<string> Taints(NodeLifecycle life) => life.Taints.Select(t => $"{t.Text("key")} {t.Text("effect")}");
}
