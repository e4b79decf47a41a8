using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeCluster.Workloads;

public sealed class DeploymentDecisionTests
{
    [Fact]
    public void New_deployment_gets_a_set_named_and_labelled_by_its_template()
    {
        var deployment = Sample.Deployment(2);
        deployment["metadata"]!["annotations"] = Sample.Parse("""{"kubernetes.io/change-cause":"first","kubectl.kubernetes.io/last-applied-configuration":"{}"}""");
        var set = Decide(deployment).Create!;
        var hash = set.Text("metadata", "labels", PodTemplate.HashLabel);
        Assert.Equal($"web-{hash}", set.Name());
        Assert.Equal(hash, set.Text("spec", "selector", "matchLabels", PodTemplate.HashLabel));
        Assert.Equal(hash, set.Text("spec", "template", "metadata", "labels", PodTemplate.HashLabel));
        Assert.Equal(2, set.Whole("spec", "replicas"));
        Assert.Equal("1", set.Annotation(DeploymentDecision.RevisionAnnotation));
        Assert.Equal("first", set.Annotation("kubernetes.io/change-cause"));
        Assert.Null(set.Annotation("kubectl.kubernetes.io/last-applied-configuration"));
        Assert.Equal(deployment.Uid(), set.Controller()!.Value.Uid);
        Assert.True(PodTemplate.Same(PodTemplate.Of(set), PodTemplate.Of(deployment)));
    }

    [Fact]
    public void Deciding_twice_on_the_same_state_names_the_same_set()
    {
        Assert.Equal(Decide(Sample.Deployment(2)).Create!.Name(), Decide(Sample.Deployment(2)).Create!.Name());
        Assert.NotEqual(Decide(Sample.Deployment(2)).Create!.Name(), Decide(Sample.Deployment(2, "nginx:2")).Create!.Name());
        var collided = Sample.Deployment(2);
        collided["status"] = Sample.Parse("""{"collisionCount":1}""");
        Assert.NotEqual(Decide(Sample.Deployment(2)).Create!.Name(), Decide(collided).Create!.Name());
    }

    [Fact]
    public void Template_with_its_fields_in_another_order_is_the_same()
    {
        var turned = Sample.Parse("""{"spec":{"containers":[{"image":"nginx:1","name":"web"}]},"metadata":{"labels":{"app":"web"}}}""");
        Assert.Equal(PodTemplate.Hash(PodTemplate.Of(Sample.Deployment(1)), 0), PodTemplate.Hash(turned, 0));
        Assert.True(PodTemplate.Same(turned, PodTemplate.Of(Sample.Deployment(1))));
    }

    [Fact]
    public void Number_that_changed_is_followed_at_once()
    {
        var scaling = Assert.Single(Decide(Sample.Deployment(5), Sample.Set("a", "nginx:1", 2, 2, 1)).Scale);
        Assert.Equal(("a", 5), (scaling.Set.Name(), scaling.To));
        Assert.Equal("Scaled up replica set a from 2 to 5", scaling.Text);
        Assert.Equal(0, Assert.Single(Decide(Sample.Deployment(0), Sample.Set("a", "nginx:1", 2, 2, 1)).Scale).To);
    }

    [Fact]
    public void Changed_template_makes_a_set_of_the_next_revision_with_the_surge_alone()
    {
        var set = Decide(Sample.Deployment(4, "nginx:2"), Sample.Set("a", "nginx:1", 4, 4, 3)).Create!;
        Assert.Equal("4", set.Annotation(DeploymentDecision.RevisionAnnotation));
        Assert.Equal(1, set.Whole("spec", "replicas"));
    }

    // asked, (old replicas, available), (new replicas, available) -> old to, new to; -1: unchanged. 25 % surge and unavailable.
    [Theory]
    [InlineData(4, 4, 4, 1, 0, 3, -1)] // one may be missing at once; the new one is not counted on
    [InlineData(4, 3, 3, 1, 0, -1, 2)] // room again: up first
    [InlineData(4, 3, 3, 2, 0, -1, -1)] // waits for the new ones
    [InlineData(4, 3, 3, 2, 2, 1, -1)]
    [InlineData(4, 1, 1, 4, 4, 0, -1)]
    [InlineData(4, 4, 0, 1, 0, 3, -1)] // old ones that do not serve go as far as the count allows
    [InlineData(4, 0, 0, 4, 4, -1, -1)]
    public void Rolling_update_goes_by_steps_that_keep_enough_available(int asked, int old, int oldOk, int fresh, int freshOk, int oldTo, int freshTo)
    {
        var scale = Decide(Sample.Deployment(asked, "nginx:2"), Sample.Set("a", "nginx:1", old, oldOk, 1), Sample.Set("b", "nginx:2", fresh, freshOk, 2)).Scale;
        Assert.Equal(oldTo, scale.Where(s => !s.IsNew).Select(s => s.To).DefaultIfEmpty(-1).Single());
        Assert.Equal(freshTo, scale.Where(s => s.IsNew).Select(s => s.To).DefaultIfEmpty(-1).Single());
    }

    [Fact]
    public void Pod_that_is_to_go_but_is_still_there_takes_up_room()
    {
        JsonObject[] Sets(int there) => [Sample.Set("a", "nginx:1", 3, 3, 1, status: there), Sample.Set("b", "nginx:2", 1, 1, 2)];
        Assert.DoesNotContain(Decide(Sample.Deployment(4, "nginx:2"), Sets(4)).Scale, s => s.IsNew);
        Assert.Equal(2, Assert.Single(Decide(Sample.Deployment(4, "nginx:2"), Sets(3)).Scale).To);
    }

    [Theory]
    [InlineData("""{"type":"RollingUpdate","rollingUpdate":{"maxSurge":0,"maxUnavailable":0}}""", 3, 0, 1)]
    [InlineData("""{"type":"RollingUpdate","rollingUpdate":{"maxSurge":"50%","maxUnavailable":"50%"}}""", 3, 2, 1)]
    [InlineData("""{"type":"RollingUpdate"}""", 3, 1, 0)]
    [InlineData("""{"type":"RollingUpdate","rollingUpdate":{"maxSurge":2,"maxUnavailable":9}}""", 3, 2, 3)]
    public void Bounds_round_surge_up_and_unavailability_down_and_are_never_both_zero(string strategy, int replicas, int surge, int unavailable) =>
        Assert.Equal((surge, unavailable), Rollout.Bounds(Sample.Deployment(replicas, strategy: strategy)));

    [Fact]
    public void Recreate_ends_all_old_pods_before_the_first_new_one()
    {
        var deployment = Sample.Deployment(2, "nginx:2", """{"type":"Recreate"}""");
        var first = Decide(deployment, Sample.Set("a", "nginx:1", 2, 2, 1));
        Assert.Equal(0, Assert.Single(first.Scale).To);
        Assert.Equal(0, first.Create!.Whole("spec", "replicas"));
        Assert.Empty(Decide(deployment, Sample.Set("a", "nginx:1", 0, 0, 1, status: 1), Sample.Set("b", "nginx:2", 0, 0, 2)).Scale);
        Assert.Equal(2, Assert.Single(Decide(deployment, Sample.Set("a", "nginx:1", 0, 0, 1), Sample.Set("b", "nginx:2", 0, 0, 2)).Scale).To);
    }

    [Fact]
    public void Recreate_waits_for_pods_that_are_still_ending()
    {
        var old = Sample.Set("a", "nginx:1", 0, 0, 1);
        old["status"]!["terminatingReplicas"] = 1;
        var deployment = Sample.Deployment(2, "nginx:2", """{"type":"Recreate"}""");
        Assert.Equal(0, Decide(deployment, old).Create!.Replicas());
        Assert.Empty(Decide(deployment, old, Sample.Set("b", "nginx:2", 0, 0, 2)).Scale);
        old["status"]!["terminatingReplicas"] = 0;
        Assert.Equal(2, Assert.Single(Decide(deployment, old, Sample.Set("b", "nginx:2", 0, 0, 2)).Scale).To);
    }

    [Fact]
    public void Going_back_to_an_old_template_takes_its_set_again_as_the_newest_revision()
    {
        var decision = Decide(Sample.Deployment(2), Sample.Set("a", "nginx:1", 0, 0, 1), Sample.Set("b", "nginx:2", 2, 2, 2));
        Assert.Null(decision.Create);
        Assert.Equal("3", decision.Annotate.Text(DeploymentDecision.RevisionAnnotation));
        Assert.Equal("3", decision.Revision);
    }

    [Fact]
    public void History_beyond_its_limit_goes_oldest_first()
    {
        var deployment = Sample.Deployment(1, "nginx:4");
        deployment["spec"]!["revisionHistoryLimit"] = 1;
        var decision = Decide(
            deployment, Sample.Set("a", "nginx:1", 0, 0, 1), Sample.Set("b", "nginx:2", 0, 0, 2), Sample.Set("c", "nginx:3", 0, 0, 3), Sample.Set("d", "nginx:4", 1, 1, 4));
        Assert.Equal(["a", "b"], decision.Delete.Select(s => s.Name()));
    }

    [Fact]
    public void Paused_deployment_scales_but_does_not_roll_out()
    {
        var deployment = Sample.Deployment(3, "nginx:2");
        deployment["spec"]!["paused"] = true;
        var decision = Decide(deployment, Sample.Set("a", "nginx:1", 2, 2, 1));
        Assert.Null(decision.Create);
        Assert.Equal(("a", 3), (Assert.Single(decision.Scale).Set.Name(), decision.Scale[0].To));
    }

    [Fact]
    public void Deployment_that_is_going_does_nothing()
    {
        var deployment = Sample.Deployment(3);
        deployment["metadata"]!["deletionTimestamp"] = "2026-03-01T11:59:00Z";
        Assert.False(Decide(deployment).Acts);
    }

    private static DeploymentDecision Decide(JsonObject deployment, params JsonObject[] sets) => DeploymentDecision.Decide(deployment, sets, Sample.Now);
}
