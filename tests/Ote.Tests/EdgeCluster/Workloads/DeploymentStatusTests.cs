using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeCluster.Workloads;

public sealed class DeploymentStatusTests
{
    [Fact]
    public void Complete_rollout_is_available_and_says_that_it_has_progressed()
    {
        var deployment = Look(Sample.Deployment(2), Sample.Now, Sample.Set("a", "nginx:1", 2, 2, 1));
        Assert.True(deployment.IsTrue("Available"));
        Assert.Equal("NewReplicaSetAvailable", deployment.Condition("Progressing").Text("reason"));
        Assert.Equal((2, 2, 2, 2), (deployment.Count("replicas"), deployment.Count("updatedReplicas"), deployment.Count("readyReplicas"), deployment.Count("availableReplicas")));
        Assert.Equal(1, deployment.Whole("status", "observedGeneration"));
        Assert.Null(deployment["status"]!["unavailableReplicas"]);
    }

    [Fact]
    public void Second_look_at_the_same_state_changes_nothing()
    {
        var set = Sample.Set("a", "nginx:1", 2, 1, 1);
        var first = Look(Sample.Deployment(2), Sample.Now, set);
        var second = Look(first.Copy(), Sample.Now.AddSeconds(5), set);
        Assert.True(JsonNode.DeepEquals(first, second));
    }

    [Fact]
    public void Rollout_that_does_not_move_exceeds_its_deadline_and_recovers_when_it_moves()
    {
        var deployment = Sample.Deployment(2);
        deployment["spec"]!["progressDeadlineSeconds"] = 60;
        deployment = Look(deployment, Sample.Now, Sample.Set("a", "nginx:1", 2, 0, 1));
        Assert.Equal("MinimumReplicasUnavailable", deployment.Condition("Available").Text("reason"));
        var (_, again) = DeploymentStatus.Next(deployment, [Sample.Set("a", "nginx:1", 2, 0, 1)], Sample.Set("a", "nginx:1", 2, 0, 1), Sample.Now.AddSeconds(20));
        Assert.Equal(TimeSpan.FromSeconds(40), again);
        deployment = Look(deployment, Sample.Now.AddSeconds(60), Sample.Set("a", "nginx:1", 2, 0, 1));
        Assert.Equal("ProgressDeadlineExceeded", deployment.Condition("Progressing").Text("reason"));
        Assert.Equal("False", deployment.Condition("Progressing").Text("status"));
        deployment = Look(deployment, Sample.Now.AddSeconds(70), Sample.Set("a", "nginx:1", 2, 1, 1));
        Assert.Equal("ReplicaSetUpdated", deployment.Condition("Progressing").Text("reason"));
    }

    [Fact]
    public void Pods_that_cannot_be_made_show_on_the_deployment_until_they_can()
    {
        var set = Sample.Set("a", "nginx:1", 2, 0, 1);
        ReplicaSetDecision.SetFailure((JsonObject)set["status"]!, "quota exceeded", Sample.Now);
        var deployment = Look(Sample.Deployment(2), Sample.Now, set);
        Assert.Equal("quota exceeded", deployment.Condition("ReplicaFailure").Text("message"));
        Assert.Null(Look(deployment, Sample.Now, Sample.Set("a", "nginx:1", 2, 2, 1)).Condition("ReplicaFailure"));
    }

    private static JsonObject Look(JsonObject deployment, DateTimeOffset now, JsonObject set)
    {
        deployment["status"] = DeploymentStatus.Next(deployment, [set], set, now).Status;
        return deployment;
    }
}
