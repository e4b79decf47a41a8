using System.Text.Json.Nodes;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;
using Ote.Mirror.Applying;
using Ote.Protocol.Reports;

namespace Ote.Tests.Mirror.Serving;

/// <summary>The API of a controller that shows kinds of which it knows only what clusters say.</summary>
public sealed class MirroredKindTests : IAsyncLifetime
{
    private const string Path = "apis/example.com/v1/namespaces/default/widgets";
    private const string Definition = """
        {"names":{"singular":"widget","shortNames":["wd","po"],"categories":["all"]},"version":{"subresources":{"status":{} },"selectableFields":[{"jsonPath":".spec.color"}],
         "additionalPrinterColumns":[{"name":"Color","type":"string","jsonPath":".spec.color"},{"name":"Broken","type":"string","jsonPath":"]"},{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}]} }
        """;

    private static readonly ResourceRef Widgets = new("example.com", "v1", "widgets", "Widget", true);
    private static readonly ResourceRef ReplicaSets = new("apps", "v1", "replicasets", "ReplicaSet", true);
    private readonly List<string> _forwarded = [];
    private readonly Dictionary<(string, string), ulong> _told = [];
    private MirrorStore _mirror = null!;
    private ApiServer _server = null!;
    private KubeClient _admin = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _mirror = MirrorStore.Open(new MirrorOptions(), TimeProvider.System, NullLogger.Instance);
        _server = await ApiServer.StartAsync(new ApiServerOptions { Name = "root", Mirror = _mirror, Clusters = new Gate(this), BootstrapRoles = true }, NullLoggerFactory.Instance, TimeProvider.System, Ct);
        _admin = _server.CreateClient(UserInfo.Admin);
    }

    public async ValueTask DisposeAsync()
    {
        _admin.Dispose();
        await _server.DisposeAsync();
        await _mirror.DisposeAsync();
    }

    [Fact]
    public async Task A_kind_is_in_discovery_while_a_cluster_reports_it_and_no_longer()
    {
        Assert.False(await IsServedAsync());
        await TellAsync("c1", Widgets, "a");
        await TellAsync("c2", Widgets, "a");
        var list = await _admin.SendAsync(HttpMethod.Get, "apis/example.com/v1", null, null, Ct);
        Assert.Equal(["widgets", "widgets/status"], list.Items("resources")!.Select(r => r.Text("name")));
        var widgets = list.Items("resources")![0];
        Assert.Equal("widget Widget [\"wd\"] [\"all\"] True", $"{widgets.Text("singularName")} {widgets.Text("kind")} {widgets!["shortNames"]!.ToJsonString()} {widgets["categories"]!.ToJsonString()} {widgets.Truth("namespaced")}"); // po are pods
        Assert.Contains("example.com", (await _admin.SendAsync(HttpMethod.Get, "apis", null, null, Ct)).Items("groups")!.Select(g => g.Text("name")));
        Assert.Contains("\"resource\":\"widgets\"", await TextAsync("apis", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"), StringComparison.Ordinal);
        Assert.Contains("com.example.v1.Widget", await TextAsync("openapi/v2", "application/json"), StringComparison.Ordinal);
        Assert.Contains("com.example.v1.Widget", await TextAsync("openapi/v3/apis/example.com/v1", "application/json"), StringComparison.Ordinal);
        await EndAsync("c1", Widgets);
        Assert.True(await IsServedAsync());
        await _mirror.RemoveAsync("c2");
        Assert.False(await IsServedAsync());
        Assert.Equal(404, (await Assert.ThrowsAsync<KubeStatusException>(() => _admin.ListAsync(Widgets, null, null, Ct))).Code);
    }

    [Fact]
    public async Task Of_a_definition_that_a_cluster_has_no_more_the_kind_goes_too()
    {
        await TellAsync("c1", Widgets, "a");
        Assert.True(await _mirror.ApplyAsync("c1", new Report { Kind = "widgets.example.com", Epoch = 1, From = 1, To = 2, Complete = true, Changes = { new ObjectChange { Namespace = "default", Name = "a" } } }));
        Assert.False(await IsServedAsync());
    }

    [Fact]
    public async Task Lists_selectors_pages_tables_and_watches_are_as_of_any_kind()
    {
        await TellAsync("c1", Widgets, "a", "b");
        await TellAsync("c2", Widgets, "a");
        Assert.Equal(["a-c1", "a-c2", "b-c1"], (await _admin.ListAsync(Widgets, null, null, Ct)).Items.Select(i => i.Name()));
        Assert.Equal(["a-c2"], (await _admin.ListAsync(Widgets, "default", new ListQuery("ote-cluster=c2"), Ct)).Items.Select(i => i.Name()));
        Assert.Equal(["b-c1"], (await _admin.ListAsync(Widgets, null, new ListQuery("app=b"), Ct)).Items.Select(i => i.Name()));
        Assert.Equal(["b-c1"], (await _admin.ListAsync(Widgets, null, new ListQuery(FieldSelector: "spec.color=b"), Ct)).Items.Select(i => i.Name()));
        var page = await _admin.SendAsync(HttpMethod.Get, $"{Path}?limit=2", null, null, Ct);
        Assert.Equal(2, page.Items("items")!.Count);
        var rest = await _admin.SendAsync(HttpMethod.Get, $"{Path}?limit=2&continue={page.Text("metadata", "continue")}", null, null, Ct);
        Assert.Equal("b-c1", Assert.Single(rest.Items("items")!).Text("metadata", "name"));
        var table = JsonNode.Parse(await TextAsync(Path, "application/json;as=Table;v=v1;g=meta.k8s.io"))!;
        Assert.Equal(["Name", "Color", "Age", "Cluster"], table["columnDefinitions"]!.AsArray().Select(c => c.Text("name"))); // what cannot be read is left out
        Assert.Equal(["a-c1 a c1", "a-c2 a c2", "b-c1 b c1"], table["rows"]!.AsArray().Select(r => $"{r!["cells"]![0]} {r["cells"]![1]} {r["cells"]![3]}"));
        var one = await _admin.GetAsync(Widgets, "default", "b-c1", Ct);
        Assert.Equal("example.com/v1 Widget b", $"{one.Text("apiVersion")} {one.Text("kind")} {one.Text("spec", "color")}");

        var watching = SeeAsync(Widgets, (await _admin.ListAsync(Widgets, null, null, Ct)).ResourceVersion, 2);
        await TellAsync("c2", Widgets, "new");
        await TellAsync("c2", Widgets, "-a");
        Assert.Equal(["Added new-c2", "Deleted a-c2"], await watching);
    }

    [Fact]
    public async Task Who_may_see_them_is_asked_as_of_any_kind()
    {
        await TellAsync("c1", Widgets, "a");
        await TellAsync("c2", Widgets, "a");
        using var bob = _server.CreateClient(new UserInfo("bob", []));
        Assert.Equal(403, (await Assert.ThrowsAsync<KubeStatusException>(() => bob.ListAsync(Widgets, null, null, Ct))).Code);
        await Grants.AllowAsync(_admin, "bob", "clusters/widgets.example.com", "c1", "get", "list", "watch");
        Assert.Equal(["a-c1"], (await bob.ListAsync(Widgets, null, null, Ct)).Items.Select(i => i.Name()));
        Assert.Equal(403, (await Assert.ThrowsAsync<KubeStatusException>(() => bob.GetAsync(Widgets, "default", "a-c2", Ct))).Code);
    }

    [Fact]
    public async Task Of_several_versions_the_one_that_kubernetes_prefers_is_served_and_writes_go_in_the_clusters_own()
    {
        await TellAsync("c1", Widgets with { Version = "v1beta1" }, "a");
        Assert.True((await _admin.SendAsync(HttpMethod.Get, "apis/example.com/v1beta1", null, null, Ct)).Items("resources") is { Count: > 0 });
        await TellAsync("c2", Widgets with { Version = "v2alpha1" }, "a");
        Assert.True((await _admin.SendAsync(HttpMethod.Get, "apis/example.com/v1beta1", null, null, Ct)).Items("resources") is { Count: > 0 }); // beta before alpha
        await TellAsync("c3", Widgets, "a");
        var group = await _admin.SendAsync(HttpMethod.Get, "apis/example.com", null, null, Ct);
        Assert.Equal("v1", Assert.Single(group.Items("versions")!).Text("version"));
        Assert.Equal(["a-c1 example.com/v1", "a-c2 example.com/v1", "a-c3 example.com/v1"], (await _admin.SendAsync(HttpMethod.Get, Path, null, null, Ct)).Items("items")!.Select(i => $"{i.Text("metadata", "name")} {i.Text("apiVersion")}"));
        await Assert.ThrowsAsync<KubeStatusException>(() => _admin.SendAsync(HttpMethod.Delete, $"{Path}/a-c1", null, null, Ct));
        await Assert.ThrowsAsync<KubeStatusException>(() => _admin.SendAsync(HttpMethod.Delete, $"{Path}/a-c3", null, null, Ct));
        Assert.Equal(["c1 DELETE /apis/example.com/v1beta1/namespaces/default/widgets/a", "c3 DELETE /apis/example.com/v1/namespaces/default/widgets/a"], _forwarded);
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => _admin.CreateAsync(Widgets, "default", (JsonObject)JsonNode.Parse("""{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"x"} }""")!, Ct));
        Assert.Equal(405, refused.Code);
        Assert.Contains("otectl apply", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_watch_ends_when_its_kind_is_served_otherwise_or_no_more()
    {
        await TellAsync("c1", Widgets, "a");
        var runs = new TaskCompletionSource();
        var watching = SeeAsync(Widgets, (await _admin.ListAsync(Widgets, null, null, Ct)).ResourceVersion, int.MaxValue, runs);
        await TellAsync("c1", Widgets, "b");
        await runs.Task.WaitAsync(Ct);
        await EndAsync("c1", Widgets);
        Assert.Contains("Added b-c1", await watching);
    }

    [Fact]
    public async Task A_built_in_kind_is_the_clusters_while_one_reports_it_and_the_servers_own_else()
    {
        var runs = new TaskCompletionSource();
        var own = SeeAsync(ReplicaSets, (await _admin.ListAsync(ReplicaSets, null, null, Ct)).ResourceVersion, int.MaxValue, runs);
        await _admin.CreateAsync(ReplicaSets, "default", (JsonObject)JsonNode.Parse("""
            {"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"own"},"spec":{"selector":{"matchLabels":{"a":"b"} },"template":{"metadata":{"labels":{"a":"b"} },"spec":{"containers":[{"name":"c","image":"i"}]} } } }
            """)!, Ct);
        await runs.Task.WaitAsync(Ct);
        await TellAsync("c1", ReplicaSets, "web-77");
        Assert.Equal(["Added own"], await own); // it ends, so that whoever watches begins where they are now
        Assert.Equal("web-77-c1", Assert.Single((await _admin.ListAsync(ReplicaSets, null, null, Ct)).Items).Name());
        Assert.Contains("\"Desired\"", await TextAsync("apis/apps/v1/replicasets", "application/json;as=Table;v=v1;g=meta.k8s.io"), StringComparison.Ordinal);
        Assert.Contains("spec.template.spec.containers[].env", _mirror.NotShown("apps/replicasets"));
        await EndAsync("c1", ReplicaSets);
        Assert.Equal("own", Assert.Single((await _admin.ListAsync(ReplicaSets, null, null, Ct)).Items).Name());
    }

    [Fact]
    public async Task What_the_server_has_of_its_own_no_cluster_takes_the_place_of()
    {
        await _admin.CreateAsync(Kinds.CustomResourceDefinitions, null, (JsonObject)JsonNode.Parse("""
            {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"widgets.example.com"},"spec":{"group":"example.com","scope":"Namespaced","names":{"plural":"widgets","singular":"widget","kind":"Widget","listKind":"WidgetList"},
             "versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true} } }]} }
            """)!, Ct);
        await _admin.CreateAsync(Widgets, "default", (JsonObject)JsonNode.Parse("""{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"mine"} }""")!, Ct);
        await TellAsync("c1", Widgets, "a");
        await TellAsync("c1", new ResourceRef("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false), "cluster-admin");
        await TellAsync("c1", new ResourceRef("ote.baidu.com", "v1", "clusters", "Cluster", false), "root");
        await TellAsync("c1", new ResourceRef("", "v1", "secrets", "Secret", true), "key");
        Assert.Equal("mine", Assert.Single((await _admin.ListAsync(Widgets, null, null, Ct)).Items).Name());
        Assert.DoesNotContain("cluster-admin-c1", (await _admin.ListAsync(new ResourceRef("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false), null, null, Ct)).Items.Select(i => i.Name()));
        Assert.Empty((await _admin.ListAsync(new ResourceRef("", "v1", "secrets", "Secret", true), null, null, Ct)).Items);
        Assert.DoesNotContain(_mirror.Kinds, k => k.Group is "ote.baidu.com" or "rbac.authorization.k8s.io" or "");
        await _admin.DeleteAsync(Kinds.CustomResourceDefinitions, null, "widgets.example.com", Ct);
        await foreach (var _ in Until(async () => (await NamesAsync()).SequenceEqual(["a-c1"])))
        {
        }
    }

    [Fact]
    public async Task A_custom_kind_that_is_called_as_a_built_in_one_is_shown_as_it_is()
    {
        await TellAsync("c1", new ResourceRef("serving.example.dev", "v1", "services", "Service", true), "a");
        var shown = Assert.Single((await _admin.ListAsync(new ResourceRef("serving.example.dev", "v1", "services", "Service", true), null, null, Ct)).Items);
        Assert.Equal("""{"app":"a"}""", shown["spec"]!["selector"]!.ToJsonString());
    }

    private static async IAsyncEnumerable<int> Until(Func<Task<bool>> holds)
    {
        for (var i = 0; !await holds(); i++)
        {
            Ct.ThrowIfCancellationRequested();
            await Task.Yield();
            yield return i;
        }
    }

    private async Task<string[]> NamesAsync()
    {
        try
        {
            return [.. (await _admin.ListAsync(Widgets, null, null, Ct)).Items.Select(i => i.Name())];
        }
        catch (KubeStatusException gone) when (gone.Code == 404)
        {
            return [];
        }
    }

    private async Task<bool> IsServedAsync()
    {
        try
        {
            await _admin.SendAsync(HttpMethod.Get, "apis/example.com/v1", null, null, Ct);
            return true;
        }
        catch (KubeStatusException none) when (none.Code == 404)
        {
            return false;
        }
    }

    private async Task<string> TextAsync(string path, string accept)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        using var answer = await _admin.Http.SendAsync(request, Ct);
        var text = await answer.Content.ReadAsStringAsync(Ct);
        Assert.True(answer.IsSuccessStatusCode, text);
        return text;
    }

    /// <summary>The changes after a version, until they are so many or the watch ends.</summary>
    private async Task<List<string>> SeeAsync(ResourceRef kind, string from, int most, TaskCompletionSource? first = null)
    {
        var seen = new List<string>();
        await foreach (var change in _admin.WatchAsync(kind, null, null, from, Ct))
        {
            seen.Add($"{change.Type} {change.Object.Name()}");
            first?.TrySetResult();
            if (seen.Count == most)
            {
                break;
            }
        }

        return seen;
    }

    private static string Stream(ResourceRef kind) => kind.Group.Length == 0 ? kind.Plural : $"{kind.Plural}.{kind.Group}";

    /// <summary>A cluster tells of objects: those that are there, and, with a dash before the name, those that are gone.</summary>
    private async Task TellAsync(string cluster, ResourceRef kind, params string[] objects)
    {
        var from = _told.GetValueOrDefault((cluster, Stream(kind)));
        var report = new Report { Kind = Stream(kind), ApiVersion = kind.ApiVersion, ObjectKind = kind.Kind, Namespaced = kind.Namespaced, Epoch = 1, From = from, To = from + 1, Definition = ByteString.CopyFromUtf8(from == 0 ? Definition : "") };
        foreach (var name in objects)
        {
            report.Changes.Add(new ObjectChange
            {
                Namespace = kind.Namespaced ? "default" : "",
                Name = name.TrimStart('-'),
                Object = name.StartsWith('-') ? ByteString.Empty : ByteString.CopyFromUtf8(
                    $$$"""{"apiVersion":"{{{kind.ApiVersion}}}","kind":"{{{kind.Kind}}}","metadata":{"name":"{{{name}}}","namespace":"default","uid":"{{{cluster}}}-{{{name}}}","resourceVersion":"{{{from + 1}}}","labels":{"app":"{{{name}}}"} },"spec":{"color":"{{{name}}}","selector":{"app":"{{{name}}}"} } }"""),
            });
        }

        _told[(cluster, Stream(kind))] = from + 1;
        Assert.True(await _mirror.ApplyAsync(cluster, report));
        await _mirror.TellsAsync(cluster, tells: true);
    }

    private async Task EndAsync(string cluster, ResourceRef kind) => Assert.True(await _mirror.ApplyAsync(cluster, new Report { Kind = Stream(kind), Complete = true, Ended = true, To = 1 }));

    private sealed class Gate(MirroredKindTests test) : IClusterGate
    {
        public async Task ForwardAsync(HttpContext context, string cluster, UserInfo user, string target)
        {
            test._forwarded.Add($"{cluster} {context.Request.Method} {target}");
            context.Response.StatusCode = StatusCodes.Status409Conflict; // what is done is waited for until it is reported; what is refused is not
            await context.Response.WriteAsync("""{"kind":"Status","apiVersion":"v1","status":"Success"}""", Ct);
        }
    }
}
