using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeCluster.Workloads;

public sealed class ReplicaSetDecisionTests
{
    [Theory]
    [InlineData(3, 0, 3, 0)]
    [InlineData(3, 3, 0, 0)]
    [InlineData(1, 3, 0, 2)]
    [InlineData(0, 2, 0, 2)]
    public void Count_that_differs_from_the_wish_is_made_up(int asked, int there, int create, int delete)
    {
        var decision = Decide(asked, [.. Enumerable.Range(0, there).Select(i => Sample.Pod($"p{i}"))]);
        Assert.Equal((create, delete), (decision.Create, decision.Delete.Count));
    }

    [Fact]
    public void Pods_that_are_over_or_going_do_not_count()
    {
        var going = Sample.Pod("going");
        going["metadata"]!["deletionTimestamp"] = "2026-03-01T11:59:00Z";
        var decision = Decide(2, [Sample.Pod("failed", phase: "Failed", ready: false), going, Sample.Pod("p")]);
        Assert.Equal(1, decision.Create);
        Assert.Equal(1, decision.Status.Whole("replicas"));
    }

    [Fact]
    public void Scaling_down_takes_what_costs_least_first()
    {
        var cheap = Sample.Pod("cheap");
        cheap["metadata"]!["annotations"] = new JsonObject { ["controller.kubernetes.io/pod-deletion-cost"] = "-5" };
        JsonObject[] pods =
        [
            Sample.Pod("old", readyAgo: 600),
            cheap,
            Sample.Pod("restarted", readyAgo: 30, restarts: 4),
            Sample.Pod("young", readyAgo: 30),
            Sample.Pod("unready", ready: false),
            Sample.Pod("pending", phase: "Pending", ready: false),
            Sample.Pod("unbound", phase: "Pending", ready: false, node: null),
        ];
        Assert.Equal(
            ["unbound", "pending", "unready", "cheap", "restarted", "young", "old"],
            Decide(0, pods).Delete.Select(p => p.Name()));
    }

    [Fact]
    public void Ready_pod_is_available_only_after_minReadySeconds_and_the_set_looks_again_then()
    {
        var set = Set(2);
        set["spec"]!["minReadySeconds"] = 90;
        var decision = ReplicaSetDecision.Decide(set, [Sample.Pod("a", readyAgo: 60), Sample.Pod("b", readyAgo: 100)], Sample.Now);
        Assert.Equal((2, 1), (decision.Status.Whole("readyReplicas"), decision.Status.Whole("availableReplicas")));
        Assert.Equal(TimeSpan.FromSeconds(30), decision.Again);
    }

    [Fact]
    public void Set_that_is_going_makes_no_pods()
    {
        var set = Set(2);
        set["metadata"]!["deletionTimestamp"] = "2026-03-01T11:59:00Z";
        Assert.Equal(0, ReplicaSetDecision.Decide(set, [], Sample.Now).Create);
    }

    [Fact]
    public void Status_that_is_shown_already_is_recognised_whatever_its_numbers_were_made_of()
    {
        var decision = Decide(1, [Sample.Pod("a")]);
        var stored = Set(1);
        stored["status"] = JsonNode.Parse(decision.Status.ToJsonString());
        Assert.True(stored.Shows(decision.Status));
        Assert.False(stored.Shows(Decide(1, []).Status));
    }

    [Fact]
    public void Failure_to_make_pods_shows_until_it_is_over()
    {
        var status = new JsonObject();
        ReplicaSetDecision.SetFailure(status, "quota", Sample.Now);
        Assert.Equal("quota", status.Items("conditions")![0].Text("message"));
        ReplicaSetDecision.SetFailure(status, null, Sample.Now);
        Assert.Null(status["conditions"]);
    }

    private static JsonObject Set(int replicas) => Sample.Set("s1", "nginx:1", replicas, 0, 1);

    private static ReplicaSetDecision Decide(int asked, JsonObject[] pods) => ReplicaSetDecision.Decide(Set(asked), pods, Sample.Now);
}
