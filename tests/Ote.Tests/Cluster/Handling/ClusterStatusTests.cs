using System.Text.Json.Nodes;
using Ote.Cluster.Handling;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;

namespace Ote.Tests.Cluster.Handling;

public sealed class ClusterStatusTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly RouteEntry Entry = new() { Name = "c1", Uid = "u1", Parent = "bj", Home = "bj", Online = true };

    [Theory]
    [InlineData("bj", "True", "PreferredParent")]
    [InlineData("sh", "False", "OtherParent")]
    public void An_attached_cluster_says_whether_it_is_at_home(string parent, string status, string reason) =>
        Assert.Equal((status, reason), AtHome(Write([], Entry with { Parent = parent })));

    [Theory]
    [InlineData(null)]
    [InlineData("bj")]
    public void A_cluster_that_is_away_does_not_claim_to_be_at_home_any_more(string? lostAncestor)
    {
        var status = Write([], Entry);
        Write(status, Entry with { Online = false }, lostAncestor);
        Assert.Equal(("Unknown", "NotAttached"), AtHome(status));
        Assert.Equal("it is away; it last hung below bj", Named(status).Text("message"));
        Write(status, Entry);
        Assert.Equal(("True", "PreferredParent"), AtHome(status));
    }

    [Fact]
    public void A_cluster_whose_home_nobody_knows_says_nothing_of_it() => Assert.Null(Named(Write([], Entry with { Home = "", Online = false })));

    private static JsonObject Write(JsonObject status, RouteEntry entry, string? lostAncestor = null)
    {
        ClusterStatus.Write(status, entry, ["root", entry.Parent, entry.Name], lostAncestor, accepted: true, Now);
        return status;
    }

    private static (string?, string?) AtHome(JsonObject status) => (Named(status).Text("status"), Named(status).Text("reason"));

    private static JsonNode? Named(JsonObject status) => status.Items("conditions")!.FirstOrDefault(condition => condition.Text("type") == "AtHome");
}
