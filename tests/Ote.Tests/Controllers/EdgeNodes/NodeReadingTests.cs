using System.Text.Json.Nodes;
using Ote.Controllers.EdgeNodes;

namespace Ote.Tests.Controllers.EdgeNodes;

public sealed class NodeReadingTests
{
    [Theory]
    [InlineData("{}", "{}", null, null)]
    [InlineData("""{"ote.baidu.com/autonomy":"enabled"}""", "{}", 86400, true)]
    [InlineData("""{"ote.baidu.com/autonomy":"enabled"}""", """{"ote.baidu.com/autonomy-duration":"90s","ote.baidu.com/autonomy-alone":"evict"}""", 90, false)]
    [InlineData("""{"ote.baidu.com/autonomy":"enabled"}""", """{"ote.baidu.com/autonomy-duration":"soon"}""", 86400, true)] // a slip evicts nobody
    [InlineData("""{"ote.baidu.com/autonomy":"disabled"}""", "{}", null, null)]
    [Trait("Defect", "N2")]
    public void Owner_opts_a_node_in_by_a_label(string labels, string annotations, int? seconds, bool? alone)
    {
        var policy = NodeReading.Policy(Node("a", labels, annotations));
        Assert.Equal((seconds, alone), ((int?)policy?.Duration.TotalSeconds, policy?.KeepsUnwitnessed));
    }

    [Theory]
    [InlineData("{}", false, true)]
    [InlineData("""{"ote.baidu.com/autonomy":"enabled"}""", true, true)]
    [InlineData("""{"ote.baidu.com/autonomy":"disabled"}""", false, false)]
    [InlineData("""{"ote.baidu.com/autonomy":"of course"}""", false, true)] // says nothing, and is told
    public void A_nodes_own_label_goes_before_what_chooses_it(string labels, bool alone, bool chosen)
    {
        var node = Node("a", labels, "{}");
        Assert.Equal((alone, chosen), (NodeReading.Policy(node) is not null, NodeReading.Policy(node, _ => true) is not null));
        Assert.Equal(labels.Contains("course", StringComparison.Ordinal), NodeReading.Slip(node) is not null);
    }

    [Theory]
    [InlineData("abc")]
    [InlineData("12")]
    [InlineData("0s")]
    [InlineData("2147483647d")] // longer than a clock can count
    public void A_duration_that_is_none_is_a_day_and_is_told(string text)
    {
        var node = Node("a", """{"ote.baidu.com/autonomy":"enabled"}""", $$"""{"ote.baidu.com/autonomy-duration":"{{text}}"}""");
        Assert.Equal(TimeSpan.FromDays(1), NodeReading.Policy(node)!.Duration);
        Assert.Contains($"'{text}'", NodeReading.Slip(node)!, StringComparison.Ordinal);
    }

    [Fact]
    public void Votes_are_those_of_nodes_of_the_same_site_that_are_heard_themselves_and_have_looked()
    {
        const string Here = """{"ote.baidu.com/site":"hall"}""";
        JsonObject[] nodes =
        [
            Node("a", Here, """{"ote.baidu.com/witness":"{\"a\":true}"}"""), // nobody bears witness to itself
            Node("b", Here, """{"ote.baidu.com/witness":"{\"a\":true}"}"""),
            Node("c", Here, """{"ote.baidu.com/witness":"{\"a\":false}"}"""),
            Node("d", Here, """{"ote.baidu.com/witness":"{\"b\":false}"}"""), // has not looked for a
            Node("e", Here, """{"ote.baidu.com/witness":"no JSON"}"""),
            Node("f", """{"ote.baidu.com/site":"yard"}""", """{"ote.baidu.com/witness":"{\"a\":true}"}"""),
            Node("g", Here, """{"ote.baidu.com/witness":"{\"a\":true}"}"""), // cut off as well
        ];
        Assert.Equal([new WitnessVote("b", true), new WitnessVote("c", false)], NodeReading.Votes(nodes[0], nodes, name => name != "g"));
        Assert.Equal(2, NodeReading.Words(nodes[0], nodes, name => name != "g").Refused); // of e and of g
    }

    private static JsonObject Node(string name, string labels, string annotations) =>
        new() { ["metadata"] = new JsonObject { ["name"] = name, ["labels"] = JsonNode.Parse(labels), ["annotations"] = JsonNode.Parse(annotations) } };
}
