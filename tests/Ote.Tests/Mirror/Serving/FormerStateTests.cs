using System.Text.Json.Nodes;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;
using Ote.Mirror.Applying;
using Ote.Protocol.Reports;

namespace Ote.Tests.Mirror.Serving;

/// <summary>The API of a controller that shows what its subtree reported earlier.</summary>
public sealed class FormerStateTests : IAsyncLifetime
{
    private const string Pods = "api/v1/namespaces/default/pods";
    private const string First = "2026-11-27T12:01:00Z";
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 27, 12, 0, 0, TimeSpan.Zero));
    private MirrorStore _mirror = null!;
    private ApiServer _server = null!;
    private KubeClient _admin = null!;
    private KubeClient _bob = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _mirror = MirrorStore.Open(new MirrorOptions(), _time, NullLogger.Instance);
        _server = await ApiServer.StartAsync(new ApiServerOptions { Name = "root", Mirror = _mirror, Clusters = new Gate() }, NullLoggerFactory.Instance, _time, Ct);
        _admin = _server.CreateClient(UserInfo.Admin);
        _bob = _server.CreateClient(new UserInfo("bob", []));
        _time.Advance(TimeSpan.FromMinutes(1));
        await TellAsync("c1", 1, ("web", "n1"), ("db", "n1"));
        await TellAsync("c2", 1, ("web", "n2"), ("old", "n2"));
        _time.Advance(TimeSpan.FromMinutes(1));
        await TellAsync("c1", 2, ("web", "n3"), ("new", "n3"));
        await TellAsync("c2", 2, ("old", null), ("web", "n4"));
        _time.Advance(TimeSpan.FromHours(1));
    }

    public async ValueTask DisposeAsync()
    {
        _admin.Dispose();
        _bob.Dispose();
        await _server.DisposeAsync();
        await _mirror.DisposeAsync();
    }

    [Fact]
    public async Task So_are_kinds_that_are_known_by_what_clusters_say_alone()
    {
        const string Widgets = "apis/example.com/v1/namespaces/default/widgets";
        Report told = new()
        {
            Kind = "widgets.example.com", ApiVersion = "example.com/v1", ObjectKind = "Widget", Namespaced = true, Epoch = 1, From = 0, To = 1,
            Changes = { new ObjectChange { Namespace = "default", Name = "w", Object = ByteString.CopyFromUtf8("""{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w","namespace":"default"} }""") } },
        };
        Assert.True(await _mirror.ApplyAsync("c1", told));
        var then = _time.GetUtcNow().ToKubeTime();
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.True(await _mirror.ApplyAsync("c1", new Report(told) { From = 1, To = 2, Changes = { new ObjectChange { Namespace = "default", Name = "w" } } }));
        Assert.Empty((await GetAsync(_admin, Widgets)).Items("items")!);
        Assert.Equal("w-c1", Assert.Single((await GetAsync(_admin, $"{Widgets}?ote-at={then}")).Items("items")!).Text("metadata", "name"));
        Assert.Equal("w-c1", (await GetAsync(_admin, $"{Widgets}/w-c1?ote-at={then}")).Name());
    }

    [Fact]
    public async Task A_list_with_selectors_and_pages_is_as_of_the_moment()
    {
        Assert.Equal(["db-c1=n1-c1", "old-c2=n2-c2", "web-c1=n1-c1", "web-c2=n2-c2"], Nodes(await GetAsync(_admin, $"{Pods}?ote-at={First}")));
        Assert.Equal(["db-c1=n1-c1", "new-c1=n3-c1", "web-c1=n3-c1", "web-c2=n4-c2"], Nodes(await GetAsync(_admin, Pods)));
        Assert.Equal(["db-c1=n1-c1", "web-c1=n1-c1"], Nodes(await GetAsync(_admin, $"api/v1/pods?ote-at=2026-11-27T13:01%2B01:00&labelSelector=ote-cluster%3Dc1")));
        Assert.Equal(["old-c2=n2-c2", "web-c2=n2-c2"], Nodes(await GetAsync(_admin, $"{Pods}?ote-at={First}&fieldSelector=spec.nodeName%3Dn2-c2")));
        var page = await GetAsync(_admin, $"{Pods}?ote-at={First}&limit=3");
        Assert.Equal(3, page.Items("items")!.Count);
        Assert.Null(page.Text("metadata", "resourceVersion")); // nobody watches on from what was
        Assert.Equal(["web-c2=n2-c2"], Nodes(await GetAsync(_admin, $"{Pods}?ote-at={First}&limit=3&continue={Uri.EscapeDataString(page.Text("metadata", "continue")!)}")));
    }

    [Fact]
    public async Task One_object_and_its_table_are_as_of_the_moment_and_ages_count_to_it()
    {
        Assert.Equal("n2-c2", (await GetAsync(_admin, $"{Pods}/old-c2?ote-at={First}")).Text("spec", "nodeName"));
        Assert.Equal("n1-c1", (await GetAsync(_admin, $"{Pods}/web-c1/status?ote-at={First}")).Text("spec", "nodeName"));
        Assert.Equal(404, await CodeAsync(_admin, $"{Pods}/new-c1?ote-at={First}"));
        Assert.Equal(404, await CodeAsync(_admin, $"{Pods}/old-c2"));
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{Pods}?ote-at={First}");
        request.Headers.Add("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
        using var answer = await _admin.Http.SendAsync(request, Ct);
        var table = JsonNode.Parse(await answer.Content.ReadAsStringAsync(Ct))!;
        var age = table["columnDefinitions"]!.AsArray().Select(c => (string?)c!["name"]).ToList().IndexOf("Age");
        Assert.Equal(["60s", "60s", "60s", "60s"], table["rows"]!.AsArray().Select(r => (string?)r!["cells"]![age]));
    }

    [Theory]
    [InlineData(Pods + "?ote-at=2026-11-27T11:59:59Z", 410, "Expired", "goes back to 2026-11-27T12:00:00Z here")]
    [InlineData(Pods + "/web-c1?ote-at=2020-01-01T00:00Z", 410, "Expired", "goes back to 2026-11-27T12:00:00Z here")]
    [InlineData(Pods + "?ote-at=2026-11-27T14:00Z", 400, "BadRequest", "2026-11-27T14:00:00Z is not yet: here it is 2026-11-27T13:02:00Z")]
    [InlineData(Pods + "?ote-at=yesterday", 400, "BadRequest", "\"yesterday\": write one moment")]
    [InlineData(Pods + "?ote-at=", 400, "BadRequest", "write one moment")]
    [InlineData(Pods + "?ote-at=2026-11-27T12:01:00", 400, "BadRequest", "write one moment")]
    [InlineData(Pods + "?ote-at=2026-11-27T12:01Z&ote-at=2026-11-27T12:02Z", 400, "BadRequest", "write one moment")]
    [InlineData(Pods + "?watch=1&ote-at=" + First, 400, "BadRequest", "by get and list of whole objects")]
    [InlineData(Pods + "/web-c1/log?ote-at=" + First, 400, "BadRequest", "by get and list of whole objects")]
    [InlineData(Pods + "?resourceVersion=5&ote-at=" + First, 400, "BadRequest", "may mean different states")]
    [InlineData("api/v1/namespaces/default/configmaps?ote-at=" + First, 400, "BadRequest", "of configmaps this server keeps no former states")]
    [InlineData("clusters/c1/" + Pods + "?ote-at=" + First, 400, "BadRequest", "a cluster's own API tells what is")]
    public async Task What_cannot_be_answered_as_of_then_is_refused_and_not_answered_as_of_now(string path, int code, string reason, string words)
    {
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => GetAsync(_admin, path));
        Assert.Equal((code, reason), (refused.Code, refused.Reason));
        Assert.Contains(words, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_is_done_to_what_was()
    {
        foreach (var (method, path) in new[] { (HttpMethod.Delete, $"{Pods}/web-c1"), (HttpMethod.Delete, Pods), (HttpMethod.Post, $"{Pods}/web-c1/eviction") })
        {
            var refused = await Assert.ThrowsAsync<KubeStatusException>(() => _admin.SendAsync(method, $"{path}?ote-at={First}", method == HttpMethod.Post ? new JsonObject() : null, null, Ct));
            Assert.Equal(400, refused.Code);
        }
    }

    [Fact]
    public async Task Who_may_see_the_pods_of_one_cluster_sees_nothing_else_in_what_was()
    {
        Assert.Equal(403, await CodeAsync(_bob, $"{Pods}?ote-at={First}"));
        await Grants.AllowAsync(_admin, "bob", "clusters/pods", "c1", "get", "list");
        Assert.Equal(["db-c1=n1-c1", "web-c1=n1-c1"], Nodes(await GetAsync(_bob, $"{Pods}?ote-at={First}")));
        Assert.Empty(Nodes(await GetAsync(_bob, $"{Pods}?ote-at={First}&labelSelector=ote-cluster%3Dc2")));
        Assert.Single((await GetAsync(_bob, $"{Pods}?ote-at={First}&limit=1")).Items("items")!);
        Assert.Equal("n1-c1", (await GetAsync(_bob, $"{Pods}/web-c1?ote-at={First}")).Text("spec", "nodeName"));
        // Of another's neither whether it was, nor whether it never was, nor whether it is no longer kept.
        var was = await Assert.ThrowsAsync<KubeStatusException>(() => GetAsync(_bob, $"{Pods}/old-c2?ote-at={First}"));
        var never = await Assert.ThrowsAsync<KubeStatusException>(() => GetAsync(_bob, $"{Pods}/off-c2?ote-at={First}"));
        Assert.Equal((403, was.Message.Replace("old", "off", StringComparison.Ordinal)), (was.Code, never.Message));
        foreach (var name in new[] { "web-c1", "old-c2", "off-c2" })
        {
            Assert.Equal(410, await CodeAsync(_bob, $"{Pods}/{name}?ote-at=2020-01-01T00:00:00Z"));
        }

        Assert.Equal(403, await CodeAsync(_bob, $"apis/apps/v1/deployments?ote-at={First}"));
        Assert.Equal(403, await CodeAsync(_server.CreateClient(new UserInfo("eve", [])), $"{Pods}/web-c1?ote-at=2020-01-01T00:00:00Z"));
    }

    private sealed class Gate : IClusterGate
    {
        public Task ForwardAsync(HttpContext context, string cluster, UserInfo user, string target) => throw new InvalidOperationException("nothing may go to a cluster here");
    }

    private static string[] Nodes(JsonObject list) => [.. list.Items("items")!.Select(i => $"{i.Text("metadata", "name")}={i.Text("spec", "nodeName")}")];

    private static Task<JsonObject> GetAsync(KubeClient client, string path) => client.SendAsync(HttpMethod.Get, path, null, null, Ct);

    private static async Task<int> CodeAsync(KubeClient client, string path) => (await Assert.ThrowsAsync<KubeStatusException>(() => GetAsync(client, path))).Code;

    private async Task TellAsync(string cluster, ulong revision, params (string Name, string? Node)[] pods)
    {
        var report = new Report { Kind = "pods", ApiVersion = "v1", ObjectKind = "Pod", Namespaced = true, Epoch = 1, From = revision - 1, To = revision };
        report.Changes.AddRange(pods.Select(p => new ObjectChange
        {
            Namespace = "default", Name = p.Name,
            Object = p.Node is null ? ByteString.Empty : ByteString.CopyFromUtf8($$"""
                {"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{p.Name}}","namespace":"default","creationTimestamp":"2026-11-27T12:00:00Z"},"spec":{"nodeName":"{{p.Node}}","containers":[{"name":"c","image":"i"}]} }
                """),
        }));
        Assert.True(await _mirror.ApplyAsync(cluster, report));
        await _mirror.TellsAsync(cluster, tells: true);
    }
}
