using System.Text.Json.Nodes;
using Ote.Ctl.Clusters;

namespace Ote.Tests.Ctl.Clusters;

public sealed class TreeDrawingTests
{
    [Theory]
    [InlineData("root> b>root a>root a1>a", "root,├─ a,│  └─ a1,└─ b")]
    [InlineData("c1>root c2>root", "root,├─ c1,└─ c2")]
    [InlineData("root> lost>gone", "root,gone,└─ lost")]
    [InlineData("root> x>y y>x", "root,x,└─ y")]
    [InlineData("self>self", "self")]
    public void Every_cluster_appears_once_whatever_its_parent_says(string clusters, string expected) =>
        Assert.Equal(expected, string.Join(',', TreeDrawing.Draw([.. clusters.Split(' ').Select(Cluster)]).Select(line => line.Branch + line.Name)));

    [Fact]
    public void A_very_deep_tree_is_drawn()
    {
        var chain = Enumerable.Range(0, 2000).Select(i => Cluster($"n{i}>{(i == 0 ? "" : $"n{i - 1}")}")).ToArray();
        Assert.Equal(2000, TreeDrawing.Draw(chain).Count());
    }

    private static ClusterView Cluster(string text)
    {
        var parts = text.Split('>');
        return new ClusterView(new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = parts[0] },
            ["status"] = new JsonObject { ["parentName"] = parts[1] },
        });
    }
}
