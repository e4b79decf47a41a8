using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;

namespace Ote.Tests.Kube.Server.Http;

/// <summary>Containers that come to a pod to look into it, as <c>kubectl debug</c> asks for them.</summary>
public sealed class EphemeralContainerTests
{
    private const string Pods = "api/v1/namespaces/default/pods";
    private const string Extra = Pods + "/p/ephemeralcontainers";
    private const string Strategic = "application/strategic-merge-patch+json";
    private const string Shell = """{"spec":{"ephemeralContainers":[{"name":"debugger","image":"busybox","stdin":true,"tty":true,"targetContainerName":"c"}]}}""";

    [Fact]
    public async Task A_patch_as_kubectl_sends_it_adds_a_container_and_says_who_did()
    {
        await using var api = await StartAsync();
        var (code, pod) = await api.SendAsync(HttpMethod.Patch, $"{Extra}?fieldManager=kubectl-debug", Shell, Strategic);
        Assert.Equal(200, code);
        var added = Assert.Single(pod.Items("spec", "ephemeralContainers")!);
        Assert.Equal(("debugger", "Always", "/dev/termination-log"), (added.Text("name"), added.Text("imagePullPolicy"), added.Text("terminationMessagePath")));
        Assert.Equal(2, pod.Whole("metadata", "generation"));
        var owner = pod.Items("metadata", "managedFields")!.Single(e => e.Text("manager") == "kubectl-debug");
        Assert.Equal("ephemeralcontainers", owner.Text("subresource"));
        Assert.Contains("f:ephemeralContainers", owner!["fieldsV1"]!.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal(pod.ToJsonString(), (await api.SendAsync(HttpMethod.Get, Extra)).Body.ToJsonString());

        // By a whole object too, whose other changes count for nothing.
        pod.Items("spec", "ephemeralContainers")!.Add(JsonNode.Parse("""{"name":"second","image":"x:1"}"""));
        pod.Child("metadata").Child("labels")["a"] = "b";
        pod.Items("spec", "containers")![0]!["image"] = "other";
        (code, pod) = await api.SendAsync(HttpMethod.Put, Extra, pod.ToJsonString());
        Assert.Equal((200, "debugger second", "i", null), (code, string.Join(' ', pod.Items("spec", "ephemeralContainers")!.Select(c => c.Text("name"))), pod.Items("spec", "containers")![0].Text("image"), pod["metadata"]!["labels"]));
    }

    [Theory]
    [InlineData("""{"spec":{"ephemeralContainers":[{"name":"c","image":"x"}]}}""", "spec.ephemeralContainers[0].name: Duplicate value: \"c\"")]
    [InlineData("""{"spec":{"ephemeralContainers":[{"name":"d","image":"x","targetContainerName":"z"}]}}""", "spec.ephemeralContainers[0].targetContainerName: Not found: \"z\"")]
    [InlineData("""{"spec":{"ephemeralContainers":[{"name":"d","image":"x","ports":[{"containerPort":80}]}]}}""", "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container")]
    [InlineData("""{"spec":{"ephemeralContainers":[{"name":"d","image":"x","resources":{"limits":{"cpu":"1"}}}]}}""", "spec.ephemeralContainers[0].resources: Forbidden: cannot be set for an Ephemeral Container")]
    [InlineData("""{"spec":{"ephemeralContainers":[{"name":"d","image":"x","volumeMounts":[{"name":"v","mountPath":"/v","subPath":"s"}]}]}}""", "spec.ephemeralContainers[0].volumeMounts[0].subPath: Forbidden: cannot be set for an Ephemeral Container")]
    [InlineData("""{"spec":{"ephemeralContainers":[{"name":"d"}]}}""", "spec.ephemeralContainers[0].image: Required value")]
    public async Task A_container_that_is_more_than_a_look_inside_is_refused(string patch, string fault)
    {
        await using var api = await StartAsync();
        var (code, status) = await api.SendAsync(HttpMethod.Patch, Extra, patch, Strategic);
        Assert.Equal((422, $"Pod \"p\" is invalid: {fault}"), (code, status.Text("message")));
    }

    [Fact]
    public async Task What_was_added_stays_as_it_is()
    {
        await using var api = await StartAsync();
        await api.SendAsync(HttpMethod.Patch, Extra, Shell, Strategic);
        var (code, changed) = await api.SendAsync(HttpMethod.Patch, Extra, """{"spec":{"ephemeralContainers":[{"name":"debugger","image":"other"}]}}""", Strategic);
        Assert.Equal(422, code);
        Assert.StartsWith("Pod \"p\" is invalid: spec.ephemeralContainers: Forbidden: existing ephemeral containers \"debugger\" may not be changed", changed.Text("message"), StringComparison.Ordinal);
        (code, var removed) = await api.SendAsync(HttpMethod.Patch, Extra, """{"spec":{"ephemeralContainers":null}}""", "application/merge-patch+json");
        Assert.Equal(422, code);
        Assert.StartsWith("Pod \"p\" is invalid: spec.ephemeralContainers: Forbidden: existing ephemeral containers \"debugger\" may not be removed", removed.Text("message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task There_is_no_other_way_to_one()
    {
        await using var api = await StartAsync();
        var (code, status) = await api.SendAsync(HttpMethod.Patch, $"{Pods}/p", Shell, Strategic);
        Assert.Equal(422, code);
        Assert.StartsWith("Pod \"p\" is invalid: spec: Forbidden: pod updates may not change fields other than", status.Text("message"), StringComparison.Ordinal);
        (code, status) = await api.SendAsync(HttpMethod.Post, Pods, """{"metadata":{"name":"q"},"spec":{"containers":[{"name":"c","image":"i"}],"ephemeralContainers":[{"name":"d","image":"x"}]}}""");
        Assert.Equal((422, "Pod \"q\" is invalid: spec.ephemeralContainers: Forbidden: cannot be set on create"), (code, status.Text("message")));
        (code, status) = await api.SendAsync(HttpMethod.Post, "apis/apps/v1/namespaces/default/deployments", """
            {"metadata":{"name":"w"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}],"ephemeralContainers":[{"name":"d","image":"x"}]}}}}
            """);
        Assert.Equal((422, "Deployment.apps \"w\" is invalid: spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template"), (code, status.Text("message")));
        Assert.Equal(422, (await api.SendAsync(HttpMethod.Patch, $"{Pods}/static/ephemeralcontainers", Shell, Strategic)).Code);
        Assert.Equal(404, (await api.SendAsync(HttpMethod.Patch, $"{Pods}/none/ephemeralcontainers", Shell, Strategic)).Code);
        Assert.Equal(404, (await api.SendAsync(HttpMethod.Get, "api/v1/namespaces/default/configmaps/p/ephemeralcontainers")).Code);
    }

    [Fact]
    public async Task It_is_listed_in_discovery_and_a_right_of_its_own()
    {
        await using var api = await StartAsync();
        var listed = (await api.SendAsync(HttpMethod.Get, "api/v1")).Body.Items("resources")!.Single(r => r.Text("name") == "pods/ephemeralcontainers");
        Assert.Equal(["get", "patch", "update"], listed!["verbs"]!.AsArray().Select(v => (string?)v));
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => api.As(new UserInfo("jo", [])).SendAsync(HttpMethod.Get, Extra, null, null, TestContext.Current.CancellationToken));
        Assert.Contains("cannot get resource \"pods/ephemeralcontainers\"", refused.Message, StringComparison.Ordinal);
    }

    private static async Task<ApiServerFixture> StartAsync()
    {
        var api = await ApiServerFixture.StartAsync();
        const string Spec = """{"containers":[{"name":"c","image":"i"}],"volumes":[{"name":"v","emptyDir":{}}]}""";
        Assert.Equal(201, (await api.SendAsync(HttpMethod.Post, Pods, $$$"""{"metadata":{"name":"p"},"spec":{{{Spec}}}}""")).Code);
        Assert.Equal(201, (await api.SendAsync(HttpMethod.Post, Pods, $$$"""{"metadata":{"name":"static","annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{{{Spec}}}}""")).Code);
        return api;
    }
}
