using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;
using Ote.Mirror.Applying;
using Ote.Protocol.Reports;

namespace Ote.Tests.Mirror.Serving;

/// <summary>A write through the fleet never takes away at the cluster what is merely not shown.</summary>
public sealed class HiddenWriteTests : IAsyncLifetime
{
    private const string Deployment = "apis/apps/v1/namespaces/default/deployments/web-c1";
    private const string Shown = """{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web-c1"},"spec":{"template":{"spec":{"containers":[{"name":"web","image":"i"}]} } } }""";
    private readonly List<string> _forwarded = [];
    private (int Code, string Body) _there = (200, """
        {"kind":"Deployment","metadata":{"name":"web","managedFields":[{"manager":"kubectl","operation":"Apply","fieldsV1":
         {"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"web\"}":{".":{},"f:image":{},"f:env":{} } } } } } } }]} }
        """);
    private MirrorStore _mirror = null!;
    private ApiServer _server = null!;
    private KubeClient _admin = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _mirror = MirrorStore.Open(new MirrorOptions(), TimeProvider.System, NullLogger.Instance);
        _server = await ApiServer.StartAsync(new ApiServerOptions { Name = "root", Mirror = _mirror, Clusters = new Gate(this) }, NullLoggerFactory.Instance, TimeProvider.System, Ct);
        _admin = _server.CreateClient(UserInfo.Admin);
        foreach (var (kind, apiVersion, objectKind) in new[] { ("deployments.apps", "apps/v1", "Deployment"), ("services", "v1", "Service") })
        {
            Assert.True(await _mirror.ApplyAsync("c1", new Report
            {
                Kind = kind, ApiVersion = apiVersion, ObjectKind = objectKind, Namespaced = true, Epoch = 1, From = 0, To = 1,
                Changes = { new ObjectChange { Namespace = "default", Name = "web", Object = ByteString.CopyFromUtf8("""{"metadata":{"name":"web","namespace":"default"},"spec":{} }""") } },
            }));
        }
    }

    public async ValueTask DisposeAsync()
    {
        _admin.Dispose();
        await _server.DisposeAsync();
        await _mirror.DisposeAsync();
    }

    [Theory]
    [InlineData("application/merge-patch+json", """{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"i:2"}]} } } }""")]
    [InlineData("application/strategic-merge-patch+json", """{"spec":{"template":{"$patch":"replace","spec":{"containers":[{"name":"web"}]} } } }""")]
    [InlineData("application/json-patch+json", """[{"op":"replace","path":"/spec/template/spec/containers/0","value":{"name":"web"} }]""")]
    [InlineData("application/json-patch+json", "not json")]
    [InlineData("application/apply-patch+cbor", "x")]
    public async Task What_would_take_it_away_never_reaches_the_cluster(string type, string body)
    {
        var (code, _) = await PatchAsync(Deployment, type, body);
        Assert.InRange(code, 400, 415);
        Assert.Empty(_forwarded);
    }

    [Theory]
    [InlineData("application/strategic-merge-patch+json", """{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"i:2"}]} } } }""")]
    [InlineData("application/merge-patch+json", """{"spec":{"replicas":2} }""")]
    public async Task What_takes_nothing_away_does(string type, string body)
    {
        Assert.Equal(200, (await PatchAsync(Deployment, type, body)).Code);
        Assert.Equal(["PATCH /apis/apps/v1/namespaces/default/deployments/web"], _forwarded);
    }

    [Theory]
    [InlineData(Shown)]
    [InlineData("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web-c1}\nspec: {template: {spec: {containers: [{name: web, image: i}]}}}\n")]
    public async Task To_apply_what_was_shown_is_refused_with_what_would_go_and_where_to_go(string body)
    {
        var (code, status) = await PatchAsync(Deployment + "?fieldManager=kubectl&force=true", PatchReader.Apply, body);
        Assert.Equal(405, code);
        foreach (var part in new[] { "deployments.apps \"web-c1\"", "spec.template.spec.containers[].env", "\"kubectl\" has applied it before", "/clusters/c1", "otectl kubeconfig --cluster c1" })
        {
            Assert.Contains(part, status, StringComparison.Ordinal);
        }

        Assert.Equal(["GET /apis/apps/v1/namespaces/default/deployments/web"], _forwarded); // to ask what the manager has applied
    }

    [Fact]
    public async Task To_apply_ones_own_manifest_with_all_that_it_had_or_as_another_manager_goes_to_the_cluster()
    {
        var own = Shown.Replace("\"image\":\"i\"", "\"image\":\"i\",\"env\":[{\"name\":\"A\",\"value\":\"1\"}]", StringComparison.Ordinal);
        Assert.Equal(200, (await PatchAsync(Deployment + "?fieldManager=kubectl", PatchReader.Apply, own)).Code);
        Assert.Equal(200, (await PatchAsync(Deployment + "?fieldManager=mine", PatchReader.Apply, Shown)).Code);
        Assert.Equal(2, _forwarded.Count(f => f.StartsWith("PATCH /apis/apps/v1/namespaces/default/deployments/web?", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Where_the_cluster_does_not_say_what_was_applied_nothing_is()
    {
        _there = (403, """{"kind":"Status","reason":"Forbidden","message":"no right to get"}""");
        var (code, status) = await PatchAsync(Deployment + "?fieldManager=kubectl", PatchReader.Apply, Shown);
        Assert.Equal(403, code);
        Assert.Contains("cluster c1", status, StringComparison.Ordinal);
        Assert.Contains("no right to get", status, StringComparison.Ordinal);
        Assert.DoesNotContain(_forwarded, f => f.StartsWith("PATCH", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Kinds_that_are_shown_whole_are_applied_without_asking()
    {
        Assert.Equal(200, (await PatchAsync("api/v1/namespaces/default/services/web-c1?fieldManager=kubectl", PatchReader.Apply, """{"apiVersion":"v1","kind":"Service","metadata":{"name":"web-c1"} }""")).Code);
        Assert.StartsWith("PATCH", Assert.Single(_forwarded), StringComparison.Ordinal);
    }

    private async Task<(int Code, string Body)> PatchAsync(string path, string type, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Patch, path) { Content = new StringContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
        using var answer = await _admin.Http.SendAsync(request, Ct);
        var text = await answer.Content.ReadAsStringAsync(Ct);
        return ((int)answer.StatusCode, (string?)JsonNode.Parse(text)?["message"] ?? text);
    }

    /// <summary>Answers for the cluster.</summary>
    private sealed class Gate(HiddenWriteTests test) : IClusterGate
    {
        public async Task ForwardAsync(HttpContext context, string cluster, UserInfo user, string target)
        {
            test._forwarded.Add($"{context.Request.Method} {target}");
            var (code, body) = context.Request.Method == "GET" ? test._there : (200, """{"kind":"Status","status":"Success"}""");
            context.Response.StatusCode = code;
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(body, Ct);
        }
    }
}
