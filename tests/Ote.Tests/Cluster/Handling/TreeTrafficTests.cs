using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Handling;

/// <summary>What a command costs on the links: one message over each edge behind which somebody is meant, and none elsewhere.</summary>
public sealed class TreeTrafficTests
{
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";
    private static readonly string[] Edges = ["north", "south", "c1", "c2", "c3", "c4", "c5"];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("tier=edge", "north south c1 c2 c3")]
    [InlineData("c1", "north c1")]
    [InlineData("c1,c2,c3", "north south c1 c2 c3")]
    [InlineData("c3,c5", "south c3 c5")]
    [InlineData("north", "north")]
    public async Task Command_crosses_each_edge_towards_its_targets_once_and_no_other(string selector, string crossed)
    {
        var counts = new EdgeCounts();
        await using var tree = new SmallTree { Wire = counts.Watch };
        await tree.StartRootAsync(Ct);
        await tree.AddAsync("north", "root", ["tier=region"], Ct, leaf: false);
        await tree.AddAsync("south", "root", ["tier=region"], Ct, leaf: false);
        await tree.AddAsync("c1", "north", ["tier=edge"], Ct);
        await tree.AddAsync("c2", "north", ["tier=edge"], Ct);
        await tree.AddAsync("c3", "south", ["tier=edge"], Ct);
        await tree.AddAsync("c4", "south", ["tier=mec"], Ct);
        await tree.AddAsync("c5", "root", ["tier=mec"], Ct);
        foreach (var name in Edges)
        {
            await tree.ClusterIsAsync(name, "online", Ct);
        }

        await tree.CommandAsync("count", selector, "GET", ConfigMaps, "", Ct);
        await tree.OverAsync("count", Ct);

        // A second copy of the first would reach every cluster before the second command does.
        await tree.CommandAsync("everybody", "*", "GET", ConfigMaps, "", Ct);
        await tree.OverAsync("everybody", Ct);
        var expected = crossed.Split(' ');
        Assert.Equal(
            Edges.Select(edge => $"{edge} {(expected.Contains(edge) ? 2 : 1)}"),
            Edges.Select(edge => $"{edge} {counts.Of(edge, Message.PayloadOneofCase.Command)}"));
    }
}
