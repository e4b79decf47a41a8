using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeCluster.Workloads;

public sealed class DaemonSetDecisionTests
{
    private readonly JsonObject[] _nodes = [Sample.Node("n1"), Sample.Node("n2"), Sample.Node("n3", ready: false)];

    [Fact]
    public void Every_node_gets_one_pod_even_one_in_trouble()
    {
        var decision = Decide(Sample.DaemonSet(), []);
        Assert.Equal(["n1", "n2", "n3"], decision.CreateOn);
        Assert.Equal(3, decision.Status.Whole("desiredNumberScheduled"));
        Assert.Equal("n2", DaemonSetDecision.NewPod(Sample.DaemonSet(), "n2").NodeName());
    }

    [Fact]
    public void Selector_and_taint_keep_the_daemon_away()
    {
        JsonObject[] nodes =
        [
            Sample.Node("plain"), Sample.Node("gpu", labels: """{"gpu":"yes"}"""),
            Sample.Node("tainted", labels: """{"gpu":"yes"}""", spec: """{"taints":[{"key":"own","effect":"NoSchedule"}]}"""),
            Sample.Node("cordoned", labels: """{"gpu":"yes"}""", spec: """{"unschedulable":true,"taints":[{"key":"node.kubernetes.io/unschedulable","effect":"NoSchedule"}]}"""),
        ];
        var decision = DaemonSetDecision.Decide(Sample.DaemonSet(podSpec: "\"nodeSelector\":{\"gpu\":\"yes\"},"), nodes, [], Sample.Now);
        Assert.Equal(["cordoned", "gpu"], decision.CreateOn);
    }

    [Theory]
    [InlineData("NoSchedule", new string[0])]
    [InlineData("NoExecute", new[] { "a" })]
    public void Taint_that_comes_later_ends_a_running_daemon_only_when_it_says_so(string effect, string[] ended)
    {
        JsonObject[] nodes = [Sample.Node("n1", spec: $$"""{"taints":[{"key":"own","effect":"{{effect}}"}]}"""), Sample.Node("n2")];
        var decision = DaemonSetDecision.Decide(Sample.DaemonSet(), nodes, [Own("a", "n1"), Own("b", "n2")], Sample.Now);
        Assert.Equal(ended, decision.Delete.Select(p => p.Name()));
        Assert.Empty(decision.CreateOn);
        Assert.Equal((1L, 1L), (decision.Status.Whole("desiredNumberScheduled"), decision.Status.Whole("numberMisscheduled")));
    }

    [Fact]
    public void Second_pod_on_a_node_a_misplaced_one_and_a_failed_one_go()
    {
        var set = Sample.DaemonSet();
        var decision = Decide(set, [Own("a", "n1"), Own("b", "n1"), Own("lost", "n9"), Own("failed", "n2", phase: "Failed")]);
        Assert.Equal(["b", "failed", "lost"], decision.Delete.Select(p => p.Name()).Order());
        Assert.Equal(["n2", "n3"], decision.CreateOn);
        Assert.Equal(1, decision.Status.Whole("numberMisscheduled"));
    }

    [Fact]
    public void Node_whose_pod_is_going_waits_until_it_has_gone()
    {
        var going = Own("a", "n1");
        going["metadata"]!["deletionTimestamp"] = "2026-03-01T11:59:00Z";
        Assert.Equal(["n2", "n3"], Decide(Sample.DaemonSet(), [going]).CreateOn);
    }

    [Fact]
    public void Changed_template_replaces_one_serving_pod_at_a_time()
    {
        JsonObject[] pods = [Own("a", "n1"), Own("b", "n2"), Own("c", "n3")];
        var changed = Sample.DaemonSet("agent:2");
        Assert.Equal(["a"], Decide(changed, pods).Delete.Select(p => p.Name()));
        JsonObject[] next = [Own("a2", "n1", ready: false, set: changed), Own("b", "n2"), Own("c", "n3")];
        Assert.Empty(Decide(changed, next).Delete);
        Assert.Empty(Decide(Sample.DaemonSet("agent:2", update: """{"type":"OnDelete"}"""), pods).Delete);
    }

    private DaemonSetDecision Decide(JsonObject set, JsonObject[] pods) => DaemonSetDecision.Decide(set, _nodes, pods, Sample.Now);

    private static JsonObject Own(string name, string node, string phase = "Running", bool ready = true, JsonObject? set = null)
    {
        var pod = Sample.Pod(name, phase, ready && phase == "Running", node, owner: "ds1");
        pod["metadata"]!["labels"]![RevisionHistory.HashLabel] = PodTemplate.Hash(PodTemplate.Of(set ?? Sample.DaemonSet()), 0);
        return pod;
    }
}
