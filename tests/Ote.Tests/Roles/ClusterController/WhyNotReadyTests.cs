using Ote.Cluster.Handling;
using Ote.Roles.ClusterController;

namespace Ote.Tests.Roles.ClusterController;

/// <summary>What <c>/readyz</c> says of a controller that has not started yet.</summary>
public sealed class WhyNotReadyTests
{
    private static readonly ClusterControllerOptions Child = new() { Name = "c1", DataDirectory = "/d", Parent = new Uri("https://north.test:8287") };

    [Fact]
    public void Cluster_that_waits_to_be_accepted_says_so() => Assert.Equal(
        "it has not joined yet through https://north.test:8287/: waiting for an operator: otectl accept c1",
        ClusterControllerRole.WhyNotReady(Child, null, "waiting for an operator: otectl accept c1"));

    [Fact]
    public void Before_anything_is_known_it_says_that_it_starts_or_joins() => Assert.Equal(
        "the controller is starting, or has not joined yet through https://north.test:8287/", ClusterControllerRole.WhyNotReady(Child, null, null));
}
