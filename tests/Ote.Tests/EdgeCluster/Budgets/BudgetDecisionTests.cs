using System.Text.Json.Nodes;
using Ote.EdgeCluster.Budgets;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeCluster.Budgets;

public sealed class BudgetDecisionTests
{
    [Theory]
    [InlineData("""{"minAvailable":2}""", 3, 2, 1)]
    [InlineData("""{"minAvailable":"50%"}""", 5, 3, 0)]
    [InlineData("""{"maxUnavailable":1}""", 5, 4, 0)]
    [InlineData("""{"maxUnavailable":"50%"}""", 5, 2, 1)]
    public void Disruptions_allowed_are_what_is_healthy_beyond_what_must_be(string spec, int expected, int desired, int allowed)
    {
        // Three of the five that their owner wants are there.
        var status = Decide(spec, [Sample.Pod("a"), Sample.Pod("b"), Sample.Pod("c")]).Status;
        Assert.Equal((expected, desired, 3L, allowed), (status.Whole("expectedPods"), status.Whole("desiredHealthy"), status.Whole("currentHealthy"), status.Whole("disruptionsAllowed")));
    }

    [Fact]
    public void Evicted_pod_is_not_healthy_until_it_is_gone_or_two_minutes_are_over()
    {
        const string Disrupted = """{"disruptedPods":{"a":"2026-03-01T11:59:00Z","gone":"2026-03-01T11:59:00Z","b":"2026-03-01T11:57:00Z"}}""";
        var decision = Decide("""{"minAvailable":1}""", [Sample.Pod("a"), Sample.Pod("b")], Disrupted);
        Assert.Equal(["a"], ((JsonObject)decision.Status["disruptedPods"]!).Select(d => d.Key));
        Assert.Equal(1, decision.Status.Whole("currentHealthy"));
        Assert.Equal(TimeSpan.FromMinutes(1), decision.Again);
    }

    [Fact]
    public void Pods_that_are_not_ready_or_go_are_not_healthy()
    {
        var going = Sample.Pod("c");
        going["metadata"]!["deletionTimestamp"] = "2026-03-01T12:00:30Z";
        Assert.Equal(1, Decide("""{"minAvailable":1}""", [Sample.Pod("a"), Sample.Pod("b", ready: false), going]).Status.Whole("currentHealthy"));
    }

    private static BudgetDecision Decide(string spec, JsonObject[] pods, string status = "{}")
    {
        var budget = new JsonObject { ["metadata"] = new JsonObject { ["name"] = "web", ["generation"] = 1 }, ["spec"] = JsonNode.Parse(spec), ["status"] = JsonNode.Parse(status) };
        return BudgetDecision.Decide(budget, pods, _ => 5, Sample.Now);
    }
}
