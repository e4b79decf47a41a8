using System.Text.Json.Nodes;
using Ote.EdgeHub.Cache;
using Ote.EdgeHub.Offline;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;

namespace Ote.Tests.EdgeHub.Offline;

public sealed class MergeRulesTests
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 27, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Status_of_a_pod_is_the_nodes_word_and_nothing_else_of_it_is_touched()
    {
        var merge = Decide("/pods", Pod("u1", "10.0.0.1"), Pod("u1", "10.0.0.9"), Pod("u1", "10.0.0.1"));
        var patch = Assert.IsType<MergeStep.Patch>(Assert.Single(merge.Steps));
        Assert.Equal("status", patch.Subresource);
        Assert.Equal("""{"metadata":{"uid":"u1"},"status":{"podIP":"10.0.0.9"}}""", patch.Body.ToJsonString());
    }

    [Fact]
    public void What_was_changed_here_of_a_pods_spec_is_not_told_and_said_to_be_lost_with_its_status_told_all_the_same()
    {
        var here = Pod("u1", "10.0.0.9");
        here["spec"]!["activeDeadlineSeconds"] = 60;
        here["metadata"]!["finalizers"] = new JsonArray("x/y");
        var there = Pod("u1", "10.0.0.1");
        var merge = Decide("/pods", Pod("u1", "10.0.0.1"), here, there);
        Assert.Equal("status", Assert.IsType<MergeStep.Patch>(Assert.Single(merge.Steps)).Subresource);
        Assert.Equal("spec.activeDeadlineSeconds, metadata.finalizers were changed here, which is told to nobody: what a pod is to be, the API server says", Assert.Single(merge.Conflicts));

        // What a user changed there stays unsaid, and so does what both changed to the same.
        there["spec"]!["activeDeadlineSeconds"] = 60;
        there["spec"]!["priority"] = 1;
        Assert.StartsWith("metadata.finalizers was changed here", Assert.Single(Decide("/pods", Pod("u1", "10.0.0.1"), here, there).Conflicts), StringComparison.Ordinal);
    }

    [Fact]
    public void A_certificate_request_that_was_there_is_not_changed_by_the_node_and_that_is_said()
    {
        var here = Read("""{"metadata":{"uid":"r"},"spec":{"signerName":"a/b"}}""");
        var there = Read("""{"metadata":{"uid":"r"},"spec":{"signerName":"c/d"},"status":{"certificate":"x"}}""");
        Assert.Contains("spec.signerName was changed here", Assert.Single(Decide("certificates.k8s.io/certificatesigningrequests", there, here, there).Conflicts), StringComparison.Ordinal);
        Assert.Empty(Decide("certificates.k8s.io/certificatesigningrequests", there, there, there).Conflicts);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("u2")]
    public void Pod_that_was_deleted_or_replaced_meanwhile_is_not_brought_back(string? there)
    {
        var merge = Decide("/pods", Pod("u1", "a"), Pod("u1", "b"), there is null ? null : Pod(there, "a"));
        Assert.Empty(merge.Steps);
        Assert.Contains(there is null ? "deleted" : "replaced", Assert.Single(merge.Conflicts), StringComparison.Ordinal);
    }

    [Fact]
    public void Pod_that_ended_here_is_deleted_there_and_a_namesake_is_not()
    {
        Assert.Equal(new MergeStep.Delete("u1"), Assert.Single(Decide("/pods", Pod("u1", "a"), null, Pod("u1", "a")).Steps));
        Assert.Empty(Decide("/pods", Pod("u1", "a"), null, Pod("u2", "a")).Steps);
        Assert.Empty(Decide("/pods", Pod("u1", "a"), null, null).Steps);
    }

    [Fact]
    public void Pod_whose_deletion_began_here_is_deleted_there_with_the_same_grace()
    {
        var going = Pod("u1", "a");
        going["metadata"]!["deletionTimestamp"] = "2026-11-27T12:00:00Z";
        going["metadata"]!["deletionGracePeriodSeconds"] = 30;
        Assert.Equal(new MergeStep.Delete("u1", 30), Assert.Single(Decide("/pods", Pod("u1", "a"), going, Pod("u1", "a")).Steps));
    }

    [Fact]
    public void Mirror_pod_made_here_is_created_there_without_what_the_API_server_deals_out()
    {
        var create = Assert.IsType<MergeStep.Create>(Assert.Single(Decide("/pods", null, Mirror("local", "h1"), null).Steps));
        Assert.Equal("", create.Object.Uid());
        Assert.Equal("", create.Object.ResourceVersion());
        Assert.Equal("h1", create.Object.Annotation("kubernetes.io/config.mirror"));
    }

    [Fact]
    public void Mirror_pod_of_the_same_manifest_stays_the_same_pod_and_gets_the_status()
    {
        var merge = Decide("/pods", null, Mirror("local", "h1"), Mirror("u7", "h1", "old"));
        Assert.Equal("u7", Assert.IsType<MergeStep.Patch>(Assert.Single(merge.Steps)).Body.Uid());
    }

    [Fact]
    public void Mirror_pod_of_another_manifest_takes_the_place_of_the_former_one() => Assert.Collection(
        Decide("/pods", null, Mirror("local", "h2"), Mirror("u7", "h1")).Steps,
        step => Assert.Equal(new MergeStep.Delete("u7"), step),
        step => Assert.IsType<MergeStep.Create>(step));

    [Fact]
    public void Users_are_right_about_a_nodes_labels_and_the_node_about_its_status()
    {
        var merge = Decide(
            "/nodes",
            Read("""{"metadata":{"uid":"n","labels":{"zone":"a","arch":"x"}},"status":{"capacity":{"cpu":"2"}}}"""),
            Read("""{"metadata":{"uid":"n","labels":{"zone":"b","arch":"y"}},"status":{"capacity":{"cpu":"4"}}}"""),
            Read("""{"metadata":{"uid":"n","labels":{"zone":"c","arch":"x"}},"status":{"capacity":{"cpu":"3"}}}"""));
        Assert.Equal(["""{"metadata":{"labels":{"arch":"y"},"uid":"n"}}""", """{"metadata":{"uid":"n"},"status":{"capacity":{"cpu":"4"}}}"""], merge.Steps.Cast<MergeStep.Patch>().Select(step => step.Body.ToJsonString()));
        Assert.Equal(["metadata.labels.zone was changed on both sides; the API server's stays"], merge.Conflicts);
    }

    [Fact]
    public void Label_that_the_node_has_told_before_the_answer_was_lost_is_the_nodes_own_and_not_a_users_change()
    {
        var entry = Entry("/nodes", Labelled("v1"), Labelled("v3"), s_now) with { Sent = Labelled("v2") };
        var merge = MergeRules.Decide(MergeRules.Heard(entry, Labelled("v2")), Labelled("v2"), s_now);
        Assert.Equal("""{"metadata":{"labels":{"kubelet":"v3"},"uid":"n"}}""", Assert.IsType<MergeStep.Patch>(Assert.Single(merge.Steps)).Body.ToJsonString());
        Assert.Empty(merge.Conflicts);
        Assert.Single(MergeRules.Decide(MergeRules.Heard(entry, Labelled("a user's")), Labelled("a user's"), s_now).Conflicts);

        static JsonObject Labelled(string version) => new() { ["metadata"] = new JsonObject { ["uid"] = "n", ["labels"] = new JsonObject { ["kubelet"] = version } } };
    }

    [Fact]
    public void Event_is_told_unless_an_API_server_would_have_forgotten_it_by_now()
    {
        Assert.IsType<MergeStep.Create>(Assert.Single(MergeRules.Decide(Entry("/events", null, Pod("e", "x"), s_now.AddMinutes(-59)), null, s_now).Steps));
        Assert.Empty(MergeRules.Decide(Entry("/events", null, Pod("e", "x"), s_now.AddMinutes(-61)), null, s_now).Steps);
    }

    [Fact]
    public void Lease_is_not_told_for_its_holder_renews_it() => Assert.False(MergeRules.Journals("coordination.k8s.io/leases"));

    [Fact]
    public void Pod_is_made_while_cut_off_only_where_it_shows_a_manifest_of_the_kubelets_own()
    {
        Assert.Null(MergeRules.RefusesPod(Mirror("u", "h")));
        Assert.Contains("no pod is admitted", MergeRules.RefusesPod(Pod("u", "a")), StringComparison.Ordinal);
    }

    private static Merge Decide(string resource, JsonObject? before, JsonObject? here, JsonObject? there) => MergeRules.Decide(Entry(resource, before, here, s_now), there, s_now);

    private static JournalEntry Entry(string resource, JsonObject? before, JsonObject? here, DateTimeOffset began) => new(1, new StoreKey(resource, "ns", "p"), began, before, here);

    private static JsonObject Pod(string uid, string ip) =>
        Read($$$"""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"ns","uid":"{{{uid}}}","resourceVersion":"9"},"spec":{"nodeName":"n1"},"status":{"podIP":"{{{ip}}}"}}""");

    private static JsonObject Mirror(string uid, string hash, string ip = "new")
    {
        var pod = Pod(uid, ip);
        pod["metadata"]!["annotations"] = new JsonObject { ["kubernetes.io/config.mirror"] = hash };
        return pod;
    }

    private static JsonObject Read(string json) => (JsonObject)JsonNode.Parse(json)!;
}
