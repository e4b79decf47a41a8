using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Tests.Kube.Server.Http;

namespace Ote.Tests.Kube.Server.Admission.Limits;

/// <summary>What LimitRanges give and refuse. The words are compared with the real server's by the conformance script's section "limits".</summary>
public sealed class LimitRangerTests
{
    private const string Pods = "/api/v1/namespaces/default/pods";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Container_IsGivenWhatItDoesNotName_AndTheAnnotationTells()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await LimitAsync(api, """{"type":"Container","max":{"cpu":"2"},"default":{"memory":"1024Mi"},"defaultRequest":{"cpu":"0.5"}}""");
        var pod = await MadeAsync(api, """{"initContainers":[{"name":"i","image":"x:1","resources":{"limits":{"cpu":"1"}}}],"containers":[{"name":"a","image":"x:1"}]}""");
        Assert.Equal(
            "LimitRanger plugin set: cpu, memory request for container a; cpu, memory limit for container a; memory request for init container i; memory limit for init container i",
            pod.Annotation("kubernetes.io/limit-ranger"));
        Assert.Equal("""{"limits":{"cpu":"2","memory":"1Gi"},"requests":{"cpu":"500m","memory":"1Gi"}}""", Sorted(pod, "containers"));
        Assert.Equal("""{"limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"1","memory":"1Gi"}}""", Sorted(pod, "initContainers"));
        Assert.Equal("Burstable", pod.Text("status", "qosClass"));
        // Nobody asked for it, so nobody owns it.
        Assert.DoesNotContain("f:memory", pod["metadata"]!["managedFields"]!.ToJsonString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"type":"Container","max":{"cpu":"1"}}""", """{"limits":{"cpu":"1500m"}}""", "maximum cpu usage per Container is 1, but limit is 1500m")]
    [InlineData("""{"type":"Container","min":{"memory":"1Gi"}}""", """{"requests":{"memory":"1000Mi"}}""", "minimum memory usage per Container is 1Gi, but request is 1000Mi")]
    [InlineData("""{"type":"Container","maxLimitRequestRatio":{"cpu":"2"}}""", """{"requests":{"cpu":"100m"},"limits":{"cpu":"0.25"}}""", "cpu max limit to request ratio per Container is 2, but provided ratio is 2.500000")]
    [InlineData("""{"type":"Container","maxLimitRequestRatio":{"cpu":"2"}}""", """{}""", "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0")]
    [InlineData("""{"type":"Pod","max":{"memory":"1Gi"}}""", """{}""", "maximum memory usage per Pod is 1Gi.  No limit is specified")]
    [InlineData("""{"type":"Pod","max":{"memory":"1Gi"}}""", """{"limits":{"memory":"2Gi"}}""", "maximum memory usage per Pod is 1Gi, but limit is 2147483648")]
    [InlineData("""{"type":"Pod","min":{"cpu":"1","memory":"1Gi"}}""", """{"requests":{"cpu":"10m"}}""", "[minimum cpu usage per Pod is 1, but request is 10m, minimum memory usage per Pod is 1Gi.  No request is specified]")]
    public async Task Pod_ThatBreaksALimit_IsForbidden(string limit, string resources, string words)
    {
        await using var api = await ApiServerFixture.StartAsync();
        await LimitAsync(api, limit);
        var (code, refused) = await api.SendAsync(HttpMethod.Post, Pods, Pod("p", $$"""{"containers":[{"name":"a","image":"x:1","resources":{{resources}} }]}"""));
        Assert.Equal((403, $"pods \"p\" is forbidden: {words}"), (code, refused.Text("message")));
        Assert.Equal(404, (await api.SendAsync(HttpMethod.Get, $"{Pods}/p")).Code);
    }

    [Fact]
    public async Task GivenLimitBelowTheRequest_IsInvalid()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await LimitAsync(api, """{"type":"Container","default":{"cpu":"1"}}""");
        var (code, refused) = await api.SendAsync(HttpMethod.Post, Pods, Pod("p", """{"containers":[{"name":"a","image":"x:1","resources":{"requests":{"cpu":"2"}}}]}"""));
        Assert.Equal(422, code);
        Assert.Contains("spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit", refused.Text("message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Claim_IsHeldAgainstItsLimits_AlsoWhenItGrows()
    {
        const string Claims = "/api/v1/namespaces/default/persistentvolumeclaims";
        await using var api = await ApiServerFixture.StartAsync();
        await LimitAsync(api, """{"type":"PersistentVolumeClaim","min":{"storage":"1Gi"},"max":{"storage":"4Gi"}}""");
        static string Claim(string storage) => """{"metadata":{"name":"c"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"SIZE"}}}}""".Replace("SIZE", storage, StringComparison.Ordinal);
        Assert.Equal("persistentvolumeclaims \"c\" is forbidden: minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1M", (await api.SendAsync(HttpMethod.Post, Claims, Claim("1M"))).Body.Text("message"));
        Assert.Equal(201, (await api.SendAsync(HttpMethod.Post, Claims, Claim("2Gi"))).Code);
        var (code, refused) = await api.SendAsync(HttpMethod.Patch, $"{Claims}/c", """{"spec":{"resources":{"requests":{"storage":"5Gi"}}}}""", "application/merge-patch+json");
        Assert.Equal((403, "persistentvolumeclaims \"c\" is forbidden: maximum storage usage per PersistentVolumeClaim is 4Gi, but request is 5Gi"), (code, refused.Text("message")));
    }

    [Fact]
    public async Task LimitRange_CountsInItsNamespaceWhileItIsThere()
    {
        await using var api = await ApiServerFixture.StartAsync(options: o => o with { Namespaces = ["other"] });
        await LimitAsync(api, """{"type":"Container","default":{"cpu":"1"}}""");
        Assert.Equal(201, (await api.SendAsync(HttpMethod.Post, "/api/v1/namespaces/other/pods", Pod("p", """{"containers":[{"name":"a","image":"x:1"}]}"""))).Code);
        Assert.Null((await api.Admin.GetAsync(Kinds.Pods, "other", "p", Token))!.Annotation("kubernetes.io/limit-ranger"));
        await api.SendAsync(HttpMethod.Delete, "/api/v1/namespaces/default/limitranges/limits");
        Assert.Null((await MadeAsync(api, """{"containers":[{"name":"a","image":"x:1"}]}""")).Annotation("kubernetes.io/limit-ranger"));
    }

    private static async Task LimitAsync(ApiServerFixture api, string limit) => Assert.Equal(201, (await api.SendAsync(
        HttpMethod.Post, "/api/v1/namespaces/default/limitranges", """{"metadata":{"name":"limits"},"spec":{"limits":[LIMIT]}}""".Replace("LIMIT", limit, StringComparison.Ordinal))).Code);

    private static async Task<JsonObject> MadeAsync(ApiServerFixture api, string spec)
    {
        var (code, made) = await api.SendAsync(HttpMethod.Post, Pods, Pod("p", spec));
        Assert.Equal(201, code);
        return made;
    }

    private static string Pod(string name, string spec) => $$"""{"metadata":{"name":"{{name}}"},"spec":{{spec}} }""";

    private static string Sorted(JsonObject pod, string list)
    {
        var resources = pod.Items("spec", list)![0].At("resources") as JsonObject ?? [];
        return new JsonObject(resources.OrderBy(part => part.Key, StringComparer.Ordinal).Select(part => KeyValuePair.Create(
            part.Key, (JsonNode?)new JsonObject(((JsonObject)part.Value!).OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => KeyValuePair.Create(a.Key, a.Value?.DeepClone())))))).ToJsonString();
    }
}
