using System.Text.Json.Nodes;
using Ote.Mirror.Reporting;
using Ote.Protocol.Reports;

namespace Ote.Tests.Mirror.Reporting;

public sealed class ClusterTallyTests
{
    private readonly ClusterTally _tally = new();

    [Fact]
    public void Figures_are_told_when_all_nodes_and_pods_were_counted()
    {
        Put("nodes", Node("n1", ready: true, cpu: "2", memory: "4Gi"));
        Assert.Null(_tally.Now);
        All("nodes", ("", "n1"));
        Assert.Null(_tally.Now);
        All("pods");
        Assert.Equal((1u, 1u, 0u), (_tally.Now!.Nodes, _tally.Now.NodesReady, _tally.Now.Pods));
    }

    [Fact]
    public void What_pods_request_is_counted_while_they_have_a_node_and_have_not_ended()
    {
        Put("nodes", Node("n1", ready: true, cpu: "2", memory: "4Gi"));
        Put("nodes", Node("n2", ready: false, cpu: "1500m", memory: "1Gi"));
        Put("pods", Pod("a", "Running", "n1", "250m", "64Mi"));
        Put("pods", Pod("b", "Pending", null, "8", "1Gi")); // nobody has it yet
        Put("pods", Pod("c", "Succeeded", "n1", "1", "1Gi"));
        All("nodes", ("", "n1"), ("", "n2"));
        All("pods", ("default", "a"), ("default", "b"), ("default", "c"));
        var now = _tally.Now!;
        Assert.Equal((2u, 1u), (now.Nodes, now.NodesReady));
        Assert.Equal((3u, 1u, 1u, 1u, 1u), (now.Pods, now.PodsRunning, now.PodsPending, now.PodsSucceeded, now.PodsReady));
        Assert.Equal(new ResourceFigures { Name = "cpu", Capacity = 3500, Allocatable = 3500, Requested = 250 }, Of("cpu"));
        Assert.Equal(new ResourceFigures { Name = "memory", Capacity = 5L << 30, Allocatable = 5L << 30, Requested = 64 << 20 }, Of("memory"));
        Assert.Equal(1, Of("pods").Requested);

        Put("pods", Pod("a", "Failed", "n1", "250m", "64Mi"));
        _tally.Of("nodes")!.Remove("", "n2");
        Assert.Equal(new ResourceFigures { Name = "cpu", Capacity = 2000, Allocatable = 2000 }, Of("cpu"));
        Assert.Equal((0u, 1u, 0u), (_tally.Now!.PodsRunning, _tally.Now.PodsFailed, _tally.Now.PodsReady));
    }

    [Fact]
    public void What_nodes_use_is_told_where_it_is_measured()
    {
        Put("nodes", Node("n1", ready: true, cpu: "2", memory: "4Gi"));
        All("nodes", ("", "n1"));
        All("pods");
        Assert.Equal(0, Of("cpu").Used); // not measured
        var news = 0;
        _tally.Changed += () => news++;
        foreach (var _ in Enumerable.Range(0, 2))
        {
            _tally.Measured([Usage("123456789n", "100Mi"), Usage("0", "28Mi")]);
        }

        Assert.Equal((125, (128L << 20) + 1, 0), (Of("cpu").Used, Of("memory").Used, Of("pods", or: new ResourceFigures()).Used));
        Assert.Equal(1, news);
        _tally.Measured(null);
        Assert.Equal(0, Of("cpu").Used);

        static JsonObject Usage(string cpu, string memory) => new() { ["cpu"] = cpu, ["memory"] = memory };
    }

    [Fact]
    public void What_is_not_among_all_any_more_is_taken_out()
    {
        Put("pods", Pod("a", "Running", "n1", "250m", "64Mi"));
        All("nodes");
        All("pods");
        Assert.Equal(new ClusterSummary(), _tally.Now);
    }

    [Fact]
    public void A_change_that_changes_no_figure_is_no_news()
    {
        var changes = 0;
        _tally.Changed += () => changes++;
        Put("pods", Pod("a", "Running", "n1", "250m", "64Mi"));
        Put("pods", Pod("a", "Running", "n1", "0.25", "64Mi"));
        Assert.Equal(1, changes);
    }

    private static JsonObject Node(string name, bool ready, string cpu, string memory) => (JsonObject)JsonNode.Parse($$"""
        {"kind":"Node","metadata":{"name":"{{name}}"},"status":{"capacity":{"cpu":"{{cpu}}","memory":"{{memory}}"},"allocatable":{"cpu":"{{cpu}}","memory":"{{memory}}"},
         "conditions":[{"type":"Ready","status":"{{(ready ? "True" : "Unknown")}}"}]} }
        """)!;

    private static JsonObject Pod(string name, string phase, string? node, string cpu, string memory) => (JsonObject)JsonNode.Parse($$"""
        {"kind":"Pod","metadata":{"name":"{{name}}","namespace":"default"},"spec":{ {{(node is null ? "" : $"\"nodeName\":\"{node}\",")}} "containers":[{"name":"c","resources":{"requests":{"cpu":"{{cpu}}","memory":"{{memory}}"} } }]},
         "status":{"phase":"{{phase}}","conditions":[{"type":"Ready","status":"{{(phase == "Running" ? "True" : "False")}}"}]} }
        """)!;

    private ResourceFigures Of(string resource, ResourceFigures? or = null) => _tally.Now!.Resources.SingleOrDefault(r => r.Name == resource) ?? or ?? throw new InvalidOperationException($"{resource} is not told");

    private void Put(string stream, JsonObject obj) => _tally.Of(stream)!.Put(obj);

    private void All(string stream, params (string, string)[] names) => _tally.Of(stream)!.Keep(names.ToHashSet());
}
