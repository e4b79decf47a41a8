using System.Text.Json.Nodes;
using Ote.Cluster.Handling;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;

namespace Ote.Tests.Cluster.Handling;

public sealed class ClusterStatusTests
{
    [Theory]
    [InlineData(0, 0, 0, "True", "all its children hang elsewhere")]
    [InlineData(1, 0, 0, "False", "1 child has not left yet")]
    [InlineData(2, 1, 0, "False", "2 children have not left yet")]
    [InlineData(0, 1, 0, "False", "1 child has left and is not attached elsewhere yet")]
    [InlineData(0, 2, 1, "False", "2 children have left and are not attached elsewhere yet")]
    [InlineData(0, 0, 1, "True", "no child hangs below it; 1 cluster that did is away")]
    public void A_drained_cluster_says_how_many_have_not_left_or_not_arrived(int attached, int moving, int away, string status, string message)
    {
        var cluster = new JsonObject { ["status"] = new JsonObject() };
        ClusterStatus.WriteDrain((JsonObject)cluster["status"]!, new ChildrenOf(attached, moving, away), DateTimeOffset.UnixEpoch);
        Assert.Equal((status, message), (cluster.Condition("Drained").Text("status"), cluster.Condition("Drained").Text("message")));
    }
}
