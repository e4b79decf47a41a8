using Ote.EdgeCluster.Nodes;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeCluster.Nodes;

public sealed class PodStatusTests
{
    [Fact]
    public void What_the_runtime_does_not_speak_of_stays()
    {
        var merged = PodStatus.Merge(
            Sample.Parse("""{"qosClass":"BestEffort","phase":"Pending","conditions":[{"type":"Ready","status":"False"},{"type":"my/gate","status":"True"}]}"""),
            Sample.Parse("""{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}"""));
        Assert.Equal(
            """{"qosClass":"BestEffort","phase":"Running","conditions":[{"type":"Ready","status":"True"},{"type":"my/gate","status":"True"}]}""", merged.ToJsonString());
    }

    [Theory]
    [InlineData("""{"running":{"startedAt":"t"}}""", "Started")]
    [InlineData("""{"waiting":{"reason":"ErrImagePull","message":"no such tag"}}""", "Failed")]
    [InlineData("""{"waiting":{"reason":"ImagePullBackOff","message":"back-off"}}""", "BackOff")]
    [InlineData("""{"waiting":{"reason":"CrashLoopBackOff","message":"back-off"}}""", "BackOff")]
    [InlineData("""{"waiting":{"reason":"ContainerCreating"}}""", null)]
    public void Change_of_a_container_is_told_once(string state, string? reason)
    {
        var status = Sample.Parse($$$"""{"containerStatuses":[{"name":"web","image":"nginx:1","restartCount":0,"state":{{{state}}} }]}""");
        Assert.Equal(reason, PodStatus.Between(null, status).Select(e => e.Reason).SingleOrDefault());
        Assert.Empty(PodStatus.Between(status.Copy(), status));
    }
}
