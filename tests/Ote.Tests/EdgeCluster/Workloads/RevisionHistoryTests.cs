using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeCluster.Workloads;

public sealed class RevisionHistoryTests
{
    [Fact]
    public void Each_template_gets_one_revision_and_an_earlier_one_comes_back_under_a_new_number()
    {
        var first = Decide(Sample.DaemonSet("agent:1"));
        Assert.True(first.Create);
        Assert.Equal(1, RevisionHistory.NumberOf(first.Current));
        var second = Decide(Sample.DaemonSet("agent:2"), first.Current);
        Assert.Equal((true, 2L), (second.Create, RevisionHistory.NumberOf(second.Current)));
        var same = Decide(Sample.DaemonSet("agent:2"), first.Current, second.Current);
        Assert.Equal((false, null), (same.Create, same.Renumber));
        var back = Decide(Sample.DaemonSet("agent:1"), first.Current, second.Current);
        Assert.Equal((false, 3L, first.Current.Name()), (back.Create, back.Renumber, back.Current.Name()));
    }

    [Fact]
    public void Revision_is_a_patch_that_brings_the_template_back()
    {
        var set = Sample.DaemonSet("agent:1");
        var revision = Decide(set).Current;
        Assert.Equal("replace", revision.Text("data", "spec", "template", "$patch"));
        Assert.True(JsonNode.DeepEquals(PodTemplate.Of(set), RevisionHistory.TemplateOf(revision)));
        Assert.Equal("web", revision.Text("metadata", "labels", "app"));
    }

    [Fact]
    public void Oldest_revisions_beyond_the_limit_go_but_none_that_pods_still_have()
    {
        var set = Sample.DaemonSet("agent:9");
        set["spec"]!["revisionHistoryLimit"] = 1;
        var old = Enumerable.Range(1, 4).Select(n => Old(n)).ToArray();
        var history = RevisionHistory.Decide(set, Kinds.DaemonSets, old, r => r.Name() == "agent-1");
        Assert.Equal(["agent-2", "agent-3"], history.Delete.Select(r => r.Name()));
    }

    private static RevisionHistory Decide(JsonObject set, params JsonObject[] revisions) => RevisionHistory.Decide(set, Kinds.DaemonSets, revisions, _ => true);

    private static JsonObject Old(int number) => Sample.Parse($$$"""{"metadata":{"name":"agent-{{{number}}}"},"data":{"n":{{{number}}} },"revision":{{{number}}} }""");
}
