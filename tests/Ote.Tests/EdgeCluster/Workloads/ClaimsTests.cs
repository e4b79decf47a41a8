using System.Text.Json.Nodes;
using Ote.EdgeCluster.Workloads;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeCluster.Workloads;

public sealed class ClaimsTests
{
    private readonly JsonObject _owner = Sample.Set("s1", "nginx:1", 1, 0, 1);

    [Fact]
    public void Own_orphaned_and_foreign_objects_are_told_apart()
    {
        var orphan = Sample.Pod("orphan");
        orphan["metadata"]!.AsObject().Remove("ownerReferences");
        var strayed = Sample.Pod("strayed");
        strayed["metadata"]!["labels"]!["app"] = "other";
        var elsewhere = Sample.Pod("elsewhere");
        elsewhere["metadata"]!["namespace"] = "prod";
        var claims = Sort([Sample.Pod("own"), orphan, strayed, elsewhere, Sample.Pod("foreign", owner: "other-uid")]);
        Assert.Equal(["own"], claims.Owned.Select(p => p.Name()));
        Assert.Equal(["orphan"], claims.Adopt.Select(p => p.Name()));
        Assert.Equal(["strayed"], claims.Release.Select(p => p.Name()));
    }

    [Fact]
    public void Owner_that_is_going_takes_nothing_new()
    {
        _owner["metadata"]!["deletionTimestamp"] = "2026-03-01T11:59:00Z";
        var orphan = Sample.Pod("orphan");
        orphan["metadata"]!.AsObject().Remove("ownerReferences");
        Assert.Empty(Sort([orphan]).Adopt);
    }

    [Fact]
    public void Released_object_keeps_its_other_owners()
    {
        var pod = Sample.Pod("p");
        pod.Items("metadata", "ownerReferences")!.Add((JsonNode)new JsonObject { ["uid"] = "other" });
        var left = Owners.ReleasePatch(pod, "s1-uid").Items("metadata", "ownerReferences")!;
        Assert.Equal("other", Assert.Single(left).Text("uid"));
    }

    private Claims Sort(JsonObject[] candidates) => Claims.Sort(_owner, labels => labels.Text("app") == "web", candidates);
}
