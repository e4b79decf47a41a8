using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeCluster.Workloads;

public sealed class StatefulSetDecisionTests
{
    [Fact]
    public void Ordered_set_makes_the_next_pod_only_when_the_one_before_serves()
    {
        var set = Set(3);
        Assert.Equal([(0, "r1")], Decide(set).Create);
        Assert.Empty(Decide(set, Pod(0, ready: false)).Create);
        Assert.Equal([(1, "r1")], Decide(set, Pod(0)).Create);
    }

    [Fact]
    public void Parallel_set_makes_all_at_once()
    {
        Assert.Equal([(0, "r1"), (1, "r1"), (2, "r1")], Decide(Set(3, """{"podManagementPolicy":"Parallel"}""")).Create);
        Assert.Equal([(5, "r1"), (6, "r1")], Decide(Set(2, """{"podManagementPolicy":"Parallel","ordinals":{"start":5}}""")).Create);
    }

    [Fact]
    public void Set_shrinks_from_the_end_one_after_the_other()
    {
        var set = Set(1);
        var decision = Decide(set, Pod(0), Pod(1), Pod(2));
        Assert.Equal(["web-2"], Names(decision.Delete));
        Assert.Equal(["web-2"], Names(decision.Condemned));
        Assert.Empty(Decide(set, Pod(0), Pod(1), Going(Pod(2))).Delete);
        Assert.Equal(["web-1"], Names(Decide(set, Pod(0), Pod(1)).Delete));
    }

    [Fact]
    public void Update_goes_from_the_last_pod_to_the_first_and_waits_for_each()
    {
        var set = Set(3, current: "r0");
        Assert.Equal(["web-2"], Names(Decide(set, Pod(0, "r0"), Pod(1, "r0"), Pod(2, "r0")).Delete));
        Assert.Empty(Decide(set, Pod(0, "r0"), Pod(1, "r0"), Pod(2, ready: false)).Delete);
        Assert.Equal(["web-1"], Names(Decide(set, Pod(0, "r0"), Pod(1, "r0"), Pod(2)).Delete));
    }

    [Fact]
    public void Pods_below_the_partition_stay_and_are_made_again_as_they_were()
    {
        var set = Set(3, """{"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"partition":2}}}""", current: "r0");
        Assert.Empty(Decide(set, Pod(0, "r0"), Pod(1, "r0"), Pod(2)).Delete);
        Assert.Equal([(1, "r0")], Decide(set, Pod(0, "r0"), Pod(2)).Create);
        Assert.Equal([(2, "r1")], Decide(set, Pod(0, "r0"), Pod(1, "r0")).Create);
        Assert.Equal("r0", Decide(set, Pod(0, "r0"), Pod(1, "r0"), Pod(2)).Status.Text("currentRevision"));
    }

    [Fact]
    public void On_delete_leaves_old_pods_alone_and_makes_new_ones_of_the_present_template()
    {
        var set = Set(2, """{"updateStrategy":{"type":"OnDelete"}}""", current: "r0");
        Assert.Empty(Decide(set, Pod(0, "r0"), Pod(1, "r0")).Delete);
        Assert.Equal([(1, "r1")], Decide(set, Pod(0, "r0")).Create);
    }

    [Fact]
    public void Status_says_when_the_update_is_complete()
    {
        var set = Set(2, current: "r0");
        var half = Decide(set, Pod(0, "r0"), Pod(1)).Status;
        Assert.Equal(("r0", "r1", 1L, 1L), (half.Text("currentRevision"), half.Text("updateRevision"), half.Whole("currentReplicas"), half.Whole("updatedReplicas")));
        var whole = Decide(set, Pod(0), Pod(1)).Status;
        Assert.Equal(("r1", 2L, 2L, 2L), (whole.Text("currentRevision"), whole.Whole("currentReplicas"), whole.Whole("readyReplicas"), whole.Whole("availableReplicas")));
    }

    [Fact]
    public void Pod_that_serves_for_too_short_a_time_holds_the_next_one_back()
    {
        var decision = Decide(Set(2, """{"minReadySeconds":90}"""), Pod(0));
        Assert.Empty(decision.Create);
        Assert.Equal(TimeSpan.FromSeconds(30), decision.Again);
    }

    [Fact]
    public void Pod_that_has_ended_is_made_again_under_its_name()
    {
        var over = Pod(0);
        over["status"]!["phase"] = "Failed";
        Assert.Equal(["web-0"], Names(Decide(Set(1), over).Delete));
    }

    [Fact]
    public void Pod_has_its_name_its_labels_and_its_claims()
    {
        var set = Set(1, """{"serviceName":"db","volumeClaimTemplates":[{"metadata":{"name":"data"},"spec":{"accessModes":["ReadWriteOnce"]}}]}""");
        var pod = StatefulPod.Make(set, PodTemplate.Of(set), "r1", 3);
        Assert.Equal(("web-3", "web-3", "db"), (pod.Name(), pod.Text("spec", "hostname"), pod.Text("spec", "subdomain")));
        Assert.Equal("3", pod.Text("metadata", "labels", "apps.kubernetes.io/pod-index"));
        Assert.Equal("data-web-3", pod.Items("spec", "volumes")![0].Text("persistentVolumeClaim", "claimName"));
        var claim = Assert.Single(StatefulPod.Claims(set, 3));
        Assert.Equal(("data-web-3", "web"), (claim.Name(), claim.Text("metadata", "labels", "app")));
    }

    [Theory]
    [InlineData("Retain", "Retain", null, null)]
    [InlineData("Delete", "Retain", "StatefulSet", "StatefulSet")]
    [InlineData("Retain", "Delete", null, "Pod")]
    [InlineData("Delete", "Delete", "StatefulSet", "Pod")]
    public void Claim_goes_with_whom_its_set_says(string whenDeleted, string whenScaled, string? usual, string? condemned)
    {
        var set = Set(1, $$$"""{"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"{{{whenDeleted}}}","whenScaled":"{{{whenScaled}}}"} }""");
        var claim = Sample.Parse("""{"metadata":{"name":"data-web-0","uid":"c"}}""");
        Assert.Equal(usual, Owner(StatefulPod.Retention(set, claim, null)));
        Assert.Equal(condemned, Owner(StatefulPod.Retention(set, claim, Pod(0))));
    }

    private static string? Owner(JsonObject? patch) => patch?.Items("metadata", "ownerReferences")!.Select(o => o.Text("kind")).SingleOrDefault();

    private static StatefulSetDecision Decide(JsonObject set, params JsonObject[] pods) => StatefulSetDecision.Decide(set, "r1", pods, Sample.Now);

    private static IEnumerable<string> Names(IEnumerable<JsonObject> objects) => objects.Select(o => o.Name());

    private static JsonObject Pod(int ordinal, string revision = "r1", bool ready = true)
    {
        var pod = Sample.Pod($"web-{ordinal}", ready: ready);
        pod["metadata"]!["labels"]![RevisionHistory.HashLabel] = revision;
        return pod;
    }

    private static JsonObject Going(JsonObject pod)
    {
        pod["metadata"]!["deletionTimestamp"] = "2026-03-01T12:00:30Z";
        return pod;
    }

    private static JsonObject Set(int replicas, string spec = "{}", string? current = null)
    {
        var set = Sample.Parse($$$"""
            {"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"web","namespace":"default","uid":"s1","generation":1},
             "spec":{"replicas":{{{replicas}}},"serviceName":"web","selector":{"matchLabels":{"app":"web"} },"updateStrategy":{"type":"RollingUpdate"},
              "template":{"metadata":{"labels":{"app":"web"} },"spec":{"containers":[{"name":"web","image":"nginx:1"}]} } },"status":{} }
            """);
        foreach (var (name, value) in Sample.Parse(spec))
        {
            set["spec"]![name] = value?.DeepClone();
        }

        if (current is not null)
        {
            set["status"]!["currentRevision"] = current;
        }

        return set;
    }
}
