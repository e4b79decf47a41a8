using System.Text.Json.Nodes;
using Ote.Kube.Server.Quotas;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Tests.Kube.Server.Quotas;

/// <summary>What objects use, and whose quotas they fall under.</summary>
public sealed class QuotaUsageTests
{
    private static readonly DateTimeOffset s_now = new(2030, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("/pods", """{"spec":{"containers":[{"resources":{"requests":{"cpu":"100m","example.org/gpu":"2"},"limits":{"memory":"1Gi"}}},{"resources":{"requests":{"cpu":"0.2"}}}]}}""",
        "count/pods=1,cpu=300m,limits.memory=1Gi,pods=1,requests.cpu=300m,requests.example.org/gpu=2")]
    [InlineData("/pods", """{"spec":{"initContainers":[{"resources":{"requests":{"cpu":"1"}}},{"resources":{"requests":{"cpu":"2"}}}],"containers":[{"resources":{"requests":{"cpu":"1500m"}}}]}}""",
        "count/pods=1,cpu=2,pods=1,requests.cpu=2")]
    [InlineData("/pods", """{"spec":{"initContainers":[{"restartPolicy":"Always","resources":{"requests":{"cpu":"1"}}},{"resources":{"requests":{"cpu":"2"}}}],"containers":[{"resources":{"requests":{"cpu":"1500m"}}}]}}""",
        "count/pods=1,cpu=3,pods=1,requests.cpu=3")]
    [InlineData("/pods", """{"spec":{"overhead":{"cpu":"250m","memory":"1Mi"},"containers":[{"resources":{"requests":{"cpu":"1"},"limits":{"cpu":"1"}}}]}}""",
        "count/pods=1,cpu=1250m,limits.cpu=1250m,memory=1Mi,pods=1,requests.cpu=1250m,requests.memory=1Mi")]
    [InlineData("/pods", """{"spec":{"containers":[{"resources":{"requests":{"hugepages-2Mi":"4Mi","ephemeral-storage":"1G"},"limits":{"ephemeral-storage":"2G"}}}]}}""",
        "count/pods=1,ephemeral-storage=1G,hugepages-2Mi=4Mi,limits.ephemeral-storage=2G,pods=1,requests.ephemeral-storage=1G,requests.hugepages-2Mi=4Mi")]
    [InlineData("/pods", """{"spec":{"containers":[{"resources":{"requests":{"cpu":"1"}}}]},"status":{"phase":"Failed"}}""", "count/pods=1")]
    [InlineData("/pods", """{"metadata":{"deletionTimestamp":"2030-01-01T11:59:00Z","deletionGracePeriodSeconds":30},"spec":{"containers":[{}]}}""", "count/pods=1")]
    [InlineData("/pods", """{"metadata":{"deletionTimestamp":"2030-01-01T11:59:00Z","deletionGracePeriodSeconds":90},"spec":{"containers":[{}]}}""", "count/pods=1,pods=1")]
    [InlineData("/services", """{"spec":{"type":"LoadBalancer","ports":[{"port":1},{"port":2}]}}""", "count/services=1,services=1,services.loadbalancers=1,services.nodeports=2")]
    [InlineData("/services", """{"spec":{"type":"ClusterIP","ports":[{"port":1}]}}""", "count/services=1,services=1,services.loadbalancers=0,services.nodeports=0")]
    [InlineData("/persistentvolumeclaims", """{"spec":{"storageClassName":"fast","resources":{"requests":{"storage":"2Gi"}}}}""",
        "count/persistentvolumeclaims=1,fast.storageclass.storage.k8s.io/persistentvolumeclaims=1,fast.storageclass.storage.k8s.io/requests.storage=2Gi,persistentvolumeclaims=1,requests.storage=2Gi")]
    [InlineData("apps/deployments", "{}", "count/deployments.apps=1")]
    [InlineData("/configmaps", "{}", "configmaps=1,count/configmaps=1")]
    public void Object_UsesWhatItAsksFor(string resource, string json, string expected) => Assert.Equal(
        expected, string.Join(",", QuotaUsage.Of(resource, Json(json), s_now).OrderBy(u => u.Key, StringComparer.Ordinal).Select(u => $"{u.Key}={u.Value}")));

    [Theory]
    [InlineData("pods", "/pods")]
    [InlineData("limits.memory", "/pods")]
    [InlineData("requests.example.org/gpu", "/pods")]
    [InlineData("requests.storage", "/persistentvolumeclaims")]
    [InlineData("fast.storageclass.storage.k8s.io/requests.storage", "/persistentvolumeclaims")]
    [InlineData("services.nodeports", "/services")]
    [InlineData("count/secrets", "/secrets")]
    [InlineData("count/jobs.batch", "batch/jobs")]
    [InlineData("count/widgets.example.org", "example.org/widgets")]
    [InlineData("example.org/gpu", null)]
    public void NameOfAQuota_SpeaksOfAResource(string name, string? resource)
    {
        Assert.Equal(resource, QuotaUsage.ResourceOf(name));
        Assert.True(resource is null || QuotaUsage.Concerns(resource, name));
    }

    [Theory]
    [InlineData("""{"scopes":["Terminating"]}""", """{"spec":{"activeDeadlineSeconds":5}}""", true)]
    [InlineData("""{"scopes":["Terminating"]}""", """{"spec":{}}""", false)]
    [InlineData("""{"scopes":["NotTerminating","BestEffort"]}""", """{"spec":{"containers":[{}]}}""", true)]
    [InlineData("""{"scopes":["BestEffort"]}""", """{"spec":{"containers":[{"resources":{"limits":{"cpu":"1"}}}]}}""", false)]
    [InlineData("""{"scopes":["PriorityClass"]}""", """{"spec":{}}""", false)]
    [InlineData("""{"scopeSelector":{"matchExpressions":[{"scopeName":"PriorityClass","operator":"In","values":["high"]}]}}""", """{"spec":{"priorityClassName":"high"}}""", true)]
    [InlineData("""{"scopeSelector":{"matchExpressions":[{"scopeName":"PriorityClass","operator":"NotIn","values":["high"]}]}}""", """{"spec":{"priorityClassName":"high"}}""", false)]
    [InlineData("""{"scopeSelector":{"matchExpressions":[{"scopeName":"PriorityClass","operator":"DoesNotExist"}]}}""", """{"spec":{}}""", true)]
    [InlineData("""{"scopes":["CrossNamespacePodAffinity"]}""", """{"spec":{"affinity":{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"namespaces":["a"]}]}}}}""", true)]
    public void Scopes_ChooseAmongPodsAndShutOutAllElse(string spec, string pod, bool covered)
    {
        var quota = Quota.Read(Json($$"""{"metadata":{"name":"q"},"spec":{{spec}} }"""));
        Assert.Equal((covered, false), (quota.Covers("/pods", Json(pod)), quota.Covers("/services", [])));
    }

    [Fact]
    public void GivenBack_IsNeverLessThanNothing()
    {
        var quota = Quota.Read(Json("""{"metadata":{"name":"q"},"status":{"used":{"cpu":"100m","pods":"3"}}}"""));
        var left = quota.Take(new Dictionary<string, Amount> { ["cpu"] = Amount.Of(1), ["pods"] = Amount.Of(1), ["memory"] = Amount.Of(5) });
        Assert.Equal("""{"cpu":"0","pods":"2"}""", Amount.Write(left).ToJsonString());
    }

    private static JsonObject Json(string text) => (JsonObject)JsonNode.Parse(text)!;
}
