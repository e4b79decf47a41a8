using System.Text.Json.Nodes;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Ctl;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;
using Ote.Mirror.Applying;
using Ote.Protocol.Reports;

namespace Ote.Tests.Ctl.Getting;

public sealed class GetCommandTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _mirrorTime = new(CtlWorld.Start.AddHours(-2));
    private MirrorStore _mirror = null!;
    private ApiServer _site = null!;
    private CtlWorld _world = null!;

    public async ValueTask InitializeAsync()
    {
        _mirror = MirrorStore.Open(new MirrorOptions(), _mirrorTime, NullLogger.Instance);
        await TellAsync(1, ("web", "n1"), ("gone", "n1"));
        _mirrorTime.Advance(TimeSpan.FromHours(1));
        await TellAsync(2, ("web", "n2"), ("gone", null));
        _site = await ApiServer.StartAsync(new ApiServerOptions { Name = "c17" }, NullLoggerFactory.Instance, new FakeTimeProvider(CtlWorld.Start), CtlWorld.Stop);
        using var there = _site.CreateClient(UserInfo.Admin);
        await there.CreateAsync(Kinds.Pods, "default", Pod("web", "n2"), CtlWorld.Stop);
        await there.CreateAsync(Kinds.Pods, "kube-system", Pod("dns", "n2"), CtlWorld.Stop);
        _world = await CtlWorld.StartAsync(options: o => o with { Mirror = _mirror, Clusters = new Gate(this) });
    }

    public async ValueTask DisposeAsync()
    {
        await _world.DisposeAsync();
        await _site.DisposeAsync();
        await _mirror.DisposeAsync();
    }

    [Fact]
    public async Task Objects_of_all_clusters_and_of_one_are_shown_in_the_servers_table()
    {
        Assert.Equal(["NAME READY STATUS RESTARTS AGE", "web-c17 0/1 Pending 0 <unknown>"], Lines(await _world.RunAsync("get", "pods")));
        Assert.EndsWith("CLUSTER", Lines(await _world.RunAsync("get", "po", "-o", "wide"))[0], StringComparison.Ordinal);
        Assert.Equal(["NAME READY STATUS RESTARTS AGE", "web 0/1 Pending 0 0s"], Lines(await _world.RunAsync("get", "Pod", "--cluster", "c17")));
        Assert.Equal(["NAMESPACE NAME READY STATUS RESTARTS AGE", "default web 0/1 Pending 0 0s", "kube-system dns 0/1 Pending 0 0s"], Lines(await _world.RunAsync("get", "pods", "-A", "--cluster", "c17")));
        Assert.Equal(["NAME READY STATUS RESTARTS AGE", "dns 0/1 Pending 0 0s"], Lines(await _world.RunAsync("get", "pods/dns", "-n", "kube-system", "--cluster", "c17")));
        Assert.Equal(["NAME STATUS AGE"], Lines(await _world.RunAsync("get", "namespaces", "default", "--cluster", "c17"))[..1]);
        Assert.Equal("pod/dns\npod/web\n", string.Concat(Lines(await _world.RunAsync("get", "pods", "-A", "-o", "name", "--cluster", "c17")).Order(StringComparer.Ordinal).Select(l => l + "\n")));
    }

    [Fact]
    public async Task A_kind_is_called_by_any_of_its_names_and_its_group_where_that_is_needed()
    {
        foreach (var name in new[] { "deployments", "deployment", "deploy", "Deployment", "deployments.apps", "deploy.apps" })
        {
            var none = await _world.RunAsync("get", name, "--cluster", "c17");
            Assert.Equal((0, "", "No resources found in default namespace of cluster c17.\n"), (none.Code, none.Out, none.Error));
        }

        Assert.Equal((int)ExitCode.Usage, (await _world.RunAsync("get", "deployments.nothing", "--cluster", "c17")).Code);
        var wrong = await _world.RunAsync("get", "deploymets", "--cluster", "c17");
        Assert.Equal((2, "error: 'deploymets' is not known in cluster c17 (did you mean deployments?); see otectl get --help\n"), (wrong.Code, wrong.Error));
    }

    [Fact]
    public async Task Objects_verbatim_come_page_by_page()
    {
        using var there = _site.CreateClient(UserInfo.Admin);
        await Task.WhenAll(Enumerable.Range(0, 501).Select(i => there.CreateAsync(
            Kinds.ConfigMaps, "default", new JsonObject { ["metadata"] = new JsonObject { ["name"] = $"m{i:000}", ["labels"] = new JsonObject { ["a"] = i < 2 ? "b" : "c" } } }, CtlWorld.Stop)));
        Assert.Equal(501, Lines(await _world.RunAsync("get", "cm", "-o", "name", "--cluster", "c17")).Length);
        Assert.Equal(502, Lines(await _world.RunAsync("get", "cm", "--cluster", "c17")).Length); // with the head
        Assert.Equal(["m000", "m001"], JsonNode.Parse((await _world.RunAsync("get", "cm", "-l", "a=b", "-o", "json", "--cluster", "c17")).Out)!["items"]!.AsArray().Select(i => (string?)i!["metadata"]!["name"]));
        Assert.Equal("m007", Yaml.ReadObject((await _world.RunAsync("get", "cm", "m007", "-o", "yaml", "--cluster", "c17")).Out).Name());
        Assert.Contains("configmaps \"none\" not found", (await _world.RunAsync("get", "cm", "none", "--cluster", "c17")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_is_read_from_what_the_cluster_had_reported()
    {
        Assert.Equal(["gone", "web"], Lines(await _world.RunAsync("get", "pods", "--at", "2026-03-01T10:30Z", "--cluster", "c17"))[1..].Select(l => l.Split(' ')[0])); // as they are called there
        Assert.Equal(["pod/gone", "pod/web"], Lines(await _world.RunAsync("get", "pods", "--at", "2026-03-01T10:30Z", "--cluster", "c17", "-o", "name")));
        Assert.Equal(["gone-c17", "web-c17"], Lines(await _world.RunAsync("get", "pods", "--at", "2026-03-01T10:30Z"))[1..].Select(l => l.Split(' ')[0]));
        Assert.Equal(["web"], Lines(await _world.RunAsync("get", "pods", "--at", "2026-03-01T12:30+01:00", "--cluster", "c17"))[1..].Select(l => l.Split(' ')[0]));
        Assert.Equal("n1-c17", Yaml.ReadObject((await _world.RunAsync("get", "pods", "web", "--at", "2026-03-01T10:30Z", "--cluster", "c17", "-o", "yaml")).Out).Text("spec", "nodeName"));
        Assert.Equal(["gone-c17"], Lines(await _world.RunAsync("get", "pod/gone-c17", "--at", "2026-03-01T10:30Z"))[1..].Select(l => l.Split(' ')[0])); // by the name it was shown under
        var later = await _world.RunAsync("get", "pods", "gone", "--at", "2026-03-01T11:30Z", "--cluster", "c17");
        Assert.Equal((1, "error: pods \"gone\" not found in c17 at 2026-03-01T11:30:00Z\n"), (later.Code, later.Error));
        var unknown = await _world.RunAsync("get", "pods", "--at", "2026-03-01T10:30Z", "--cluster", "c9");
        Assert.Equal((1, "error: cluster 'c9' is not in the tree; otectl get clusters lists those that are, and nothing is kept of another of that name\n"), (unknown.Code, unknown.Error));
        await _world.Api.CreateAsync(Kinds.Clusters, null, new JsonObject { ["metadata"] = new JsonObject { ["name"] = "c9" } }, CtlWorld.Stop);
        var empty = await _world.RunAsync("get", "pods", "--at", "2026-03-01T10:30Z", "--cluster", "c9");
        Assert.Equal((0, "No resources found in default namespace of cluster c9 at 2026-03-01T10:30:00Z.\n"), (empty.Code, empty.Error));
    }

    [Theory]
    [InlineData("90m", "gone-c17 web-c17")]
    [InlineData("-90m", "gone-c17 web-c17")]
    [InlineData("1m", "web-c17")]
    public async Task A_moment_may_be_told_by_how_long_ago_it_was(string at, string expected) =>
        Assert.Equal(expected.Split(' '), Lines(await _world.RunAsync("get", "pods", "--at", at))[1..].Select(l => l.Split(' ')[0]));

    [Theory]
    [InlineData("get pods,nodes", 2, "get: 'pods,nodes' is several kinds; ask for one at a time, such as otectl get pods, or take kubectl get pods,nodes")]
    [InlineData("get pods --at 2026-02-01T00:00Z", 1, "error: --at: the state as of 2026-02-01T00:00:00Z is not kept")]
    [InlineData("get pods --at 2027-03-01T00:00Z", 1, "error: --at: ote-at: 2027-03-01T00:00:00Z is not yet")]
    [InlineData("get configmaps --at 2026-03-01T11:00Z", 1, "keeps no former states")]
    [InlineData("get pods --at noon", 2, "--at: 'noon' is no moment; write for example 2026-11-23T09:00Z")]
    [InlineData("get pods --at 2026-03-01T11:00", 2, "is no moment")]
    [InlineData("get pods --cluster C17", 2, "--cluster: cluster name 'C17' has 'C' at position 0")]
    [InlineData("get pods --cluster ../x", 2, "--cluster: cluster name")]
    [InlineData("get pods web", 1, "pods \"web\" not found; it is shown as web-c17: give that name, or --cluster c17")]
    [InlineData("get pods nothing", 1, "pods \"nothing\" not found; objects of clusters are shown as NAME-CLUSTER (otectl get pods): give that name, or --cluster with the one it has in its cluster")]
    [InlineData("logs web", 1, "pods \"web\" not found; it is shown as web-c17: give that name, or --cluster c17")]
    [InlineData("get gizmos", 2, "'gizmos' is not known here (did you mean otectl get clusters gizmos?): no cluster reports such a kind; --report PLURAL.GROUP at a site has it shown here, and --cluster NAME asks that site itself")]
    [InlineData("get gizmos --cluster c17", 2, "'gizmos' is not known in cluster c17; see")]
    [InlineData("get pods --cluster c99", 1, "answered 503: cluster c99 is not known below root: otectl get clusters lists those that are\n")]
    [InlineData("logs web --cluster c99", 1, "answered 404: cluster c99 is not known below root: otectl get clusters lists those that are\n")]
    [InlineData("get pods web -A", 2, "get: web is one object")]
    public async Task What_cannot_be_is_told_and_nothing_is_printed(string arguments, int code, string words)
    {
        var result = await _world.RunAsync(arguments.Split(' '));
        Assert.Equal((code, ""), (result.Code, result.Out));
        Assert.Contains(words, result.Error, StringComparison.Ordinal);
    }

    private static string[] Lines(CtlResult result)
    {
        Assert.True(result.Code == 0, result.Error);
        return [.. result.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries)))];
    }

    private static JsonObject Pod(string name, string node) => (JsonObject)JsonNode.Parse($$"""
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{name}}"},"spec":{"nodeName":"{{node}}","containers":[{"name":"c","image":"i"}]} }
        """)!;

    private async Task TellAsync(ulong revision, params (string Name, string? Node)[] pods)
    {
        var report = new Report { Kind = "pods", ApiVersion = "v1", ObjectKind = "Pod", Namespaced = true, Epoch = 1, From = revision - 1, To = revision };
        report.Changes.AddRange(pods.Select(p => new ObjectChange
        {
            Namespace = "default", Name = p.Name, Object = p.Node is null ? ByteString.Empty : ByteString.CopyFromUtf8(Reported(p.Name, p.Node).ToJsonString()),
        }));
        Assert.True(await _mirror.ApplyAsync("c17", report));
        await _mirror.TellsAsync("c17", tells: true);
    }

    private static JsonObject Reported(string name, string node)
    {
        var pod = Pod(name, node);
        pod["metadata"]!["namespace"] = "default";
        pod["status"] = new JsonObject { ["phase"] = "Pending" };
        return pod;
    }

    /// <summary>The way into the one site there is.</summary>
    private sealed class Gate(GetCommandTests test) : IClusterGate
    {
        public async Task ForwardAsync(HttpContext context, string cluster, UserInfo user, string target)
        {
            if (cluster != "c17")
            {
                // As the entry answers for one that is unknown: 404 to what asks for discovery would say that it has no such API.
                var (code, reason) = target is "/api" or "/apis" ? (503, "ServiceUnavailable") : (404, "NotFound");
                context.Response.StatusCode = code;
                context.Response.ContentType = "application/json";
                await context.Response.WriteAsync($$"""{"kind":"Status","status":"Failure","code":{{code}},"reason":"{{reason}}","message":"cluster {{cluster}} is not known below root: otectl get clusters lists those that are"}""");
                return;
            }

            using var client = new HttpClient(test._site.CreateHandler(user)) { BaseAddress = new Uri("https://site/") };
            using var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), target);
            request.Headers.TryAddWithoutValidation("Accept", context.Request.Headers.Accept.ToString());
            using var answer = await client.SendAsync(request, context.RequestAborted);
            context.Response.StatusCode = (int)answer.StatusCode;
            context.Response.ContentType = "application/json";
            await answer.Content.CopyToAsync(context.Response.Body, context.RequestAborted);
        }
    }
}
