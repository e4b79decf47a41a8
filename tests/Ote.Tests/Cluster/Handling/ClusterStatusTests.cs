using System.Text.Json.Nodes;
using Ote.Cluster.Handling;
using Ote.Kube.Objects;

namespace Ote.Tests.Cluster.Handling;

public sealed class ClusterStatusTests
{
    [Theory]
    [InlineData(0, "True", "all its children hang elsewhere")]
    [InlineData(1, "False", "1 child has not left yet")]
    [InlineData(2, "False", "2 children have not left yet")]
    public void A_drained_cluster_says_how_many_have_not_left(int children, string status, string message)
    {
        var cluster = new JsonObject { ["status"] = new JsonObject() };
        ClusterStatus.WriteDrain((JsonObject)cluster["status"]!, children, DateTimeOffset.UnixEpoch);
        Assert.Equal((status, message), (cluster.Condition("Drained").Text("status"), cluster.Condition("Drained").Text("message")));
    }
}
