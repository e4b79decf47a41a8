using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Aggregation;
using Ote.Kube.Server.Http;
using Ote.Mirror.Applying;
using Ote.Protocol.Reports;
using Ote.Tests.Mirror.Serving;

namespace Ote.Tests.Kube.Server.Aggregation;

/// <summary>The fleet as a group of another API server, which is played by an embedded one: it says whom to believe and who may.</summary>
public sealed class AggregatedServerTests : IAsyncLifetime
{
    private const string Group = "fleet.example";
    private static readonly ResourceRef ConfigMaps = Kinds.ConfigMaps;
    private readonly FrontProxy _front = new(TimeProvider.System);
    private readonly List<(string Cluster, string User, string Target, string Body)> _forwarded = [];
    private X509Certificate2 _certificate = null!;
    private MirrorStore _mirror = null!;
    private ApiServer _root = null!;
    private KubeClient _admin = null!;
    private AggregatedServer _server = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _certificate = _front.Certificate();
        _mirror = MirrorStore.Open(new MirrorOptions(), TimeProvider.System, NullLogger.Instance);
        await TellAsync("c1", "web", "db");
        await TellAsync("c2", "web");
        _root = await ApiServer.StartAsync(new ApiServerOptions { Name = "real" }, NullLoggerFactory.Instance, TimeProvider.System, Ct);
        _admin = _root.CreateClient(UserInfo.Admin);
        await _admin.CreateAsync(ConfigMaps, "kube-system", _front.Published(), Ct);
        _server = new AggregatedServer(
            new AggregatedServerOptions { Name = "root", Group = Group, Category = "fleet", Resources = ["/pods", "apps/deployments", "example.com/widgets"], Source = _mirror, Clusters = new Gate(this) },
            _admin, NullLoggerFactory.Instance, TimeProvider.System, () => 0.5);
        await _server.Read.WaitAsync(Ct);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _admin.Dispose();
        await _root.DisposeAsync();
        await _mirror.DisposeAsync();
        _certificate.Dispose();
        _front.Dispose();
    }

    [Fact]
    public async Task Lists_the_objects_of_all_clusters_in_its_own_group_with_tables_that_say_whose_they_are()
    {
        var list = await AskAsync("system:masters", "/apis/fleet.example/v1/pods?labelSelector=ote-cluster%3Dc1");
        Assert.Equal(("PodList", "fleet.example/v1"), ((string?)list["kind"], (string?)list["apiVersion"]));
        Assert.Equal(["db-c1 fleet.example/v1", "web-c1 fleet.example/v1"], list["items"]!.AsArray().Select(p => $"{p.Text("metadata", "name")} {p.Text("apiVersion")}"));
        var table = await AskAsync("system:masters", "/apis/fleet.example/v1/namespaces/default/pods", accept: "application/json;as=Table;v=v1;g=meta.k8s.io");
        Assert.Equal(["Name", "Ready", "Status", "Restarts", "Age"], table["columnDefinitions"]!.AsArray().Take(5).Select(c => c.Text("name")));
        Assert.Equal("Cluster", table["columnDefinitions"]!.AsArray()[^1].Text("name"));
        Assert.Equal("web-c2 fleet.example/v1", await AskAsync("system:masters", "/apis/fleet.example/v1/namespaces/default/pods/web-c2") is var one ? $"{one.Text("metadata", "name")} {one.Text("apiVersion")}" : "");
    }

    [Fact]
    public async Task Discovery_names_the_kinds_without_short_names_and_nothing_else_is_served()
    {
        var kinds = (await AskAsync("ann", "/apis/fleet.example/v1"))["resources"]!.AsArray();
        Assert.Equal(["clusters/proxy", "deployments", "deployments/scale", "deployments/status", "pods"], kinds.Select(k => k.Text("name")!).Where(n => !n.StartsWith("pods/", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.All(kinds, k => Assert.Null(k!["shortNames"]));
        var pods = kinds.Single(k => k.Text("name") == "pods")!;
        Assert.Equal("""["delete","get","list","patch","watch"] ["fleet"]""", $"{pods["verbs"]!.ToJsonString()} {pods["categories"]!.ToJsonString()}");
        var all = await AskAsync("ann", "/apis", accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
        Assert.Equal([Group], all["items"]!.AsArray().Select(g => g.Text("metadata", "name")));
        foreach (var path in (string[])["/api/v1/pods", "/api/v1/secrets", "/apis/apps/v1/deployments", "/apis/fleet.example/v1/widgets", "/openapi/v2", "/clusters/c1/api"])
        {
            Assert.Equal(404, (int)(await SendAsync("system:masters", path)).StatusCode);
        }
    }

    [Fact]
    public async Task Who_may_see_one_cluster_sees_its_objects_alone_and_of_others_not_whether_they_are_there()
    {
        await Grants.AllowAsync(_admin, "ann", "clusters/pods", "c1", "get", "list");
        Assert.Equal(["db-c1", "web-c1"], (await AskAsync("ann", "/apis/fleet.example/v1/pods"))["items"]!.AsArray().Select(p => p.Text("metadata", "name")));
        Assert.Equal("web-c1", (await AskAsync("ann", "/apis/fleet.example/v1/namespaces/default/pods/web-c1")).Text("metadata", "name"));
        var refused = await AskAsync("ann", "/apis/fleet.example/v1/namespaces/default/pods/web-c2", code: 403);
        var absent = await AskAsync("ann", "/apis/fleet.example/v1/namespaces/default/pods/xxx-c2", code: 403);
        Assert.Equal(refused.Text("message"), absent.Text("message")!.Replace("xxx", "web", StringComparison.Ordinal));
        await AskAsync("ann", "/apis/fleet.example/v1/pods?labelSelector=ote-cluster%3Dc2", code: 403);
        await AskAsync("ann", "/apis/fleet.example/v1/pods?watch=true", code: 403);
        await AskAsync("ann", "/apis/fleet.example/v1/deployments", code: 403);
        Assert.Contains("clusters/pods in group ote.baidu.com", (await AskAsync("bob", "/apis/fleet.example/v1/pods", code: 403)).Text("message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_asked_of_an_object_goes_to_its_cluster_in_the_group_that_it_has_there()
    {
        const string Path = "/apis/fleet.example/v1/namespaces/default/pods/web-c1";
        await SendAsync("system:masters", Path + "?gracePeriodSeconds=0", HttpMethod.Delete, """{"kind":"DeleteOptions","apiVersion":"fleet.example/v1"}""");
        await SendAsync("system:masters", Path + "/eviction", HttpMethod.Post, """{"kind":"Eviction","apiVersion":"policy/v1","metadata":{"name":"web-c1"}}""");
        await SendAsync("system:masters", Path + "/log?follow=true");
        Assert.Equal(
            [
                ("c1", "/api/v1/namespaces/default/pods/web?gracePeriodSeconds=0", """{"kind":"DeleteOptions","apiVersion":"v1"}"""),
                ("c1", "/api/v1/namespaces/default/pods/web/eviction", """{"kind":"Eviction","apiVersion":"policy/v1","metadata":{"name":"web"}}"""),
                ("c1", "/api/v1/namespaces/default/pods/web/log?follow=true", ""),
            ],
            _forwarded.Select(f => (f.Cluster, f.Target, f.Body)));
        Assert.Equal(405, (int)(await SendAsync("system:masters", "/apis/fleet.example/v1/namespaces/default/pods", HttpMethod.Post, "{}")).StatusCode);
        await AskAsync("bob", Path + "/exec?command=sh", code: 403);
    }

    [Fact]
    public async Task A_kind_that_clusters_report_besides_is_shown_while_they_do_under_one_name_each()
    {
        Report report = new()
        {
            Kind = "widgets.example.com", ApiVersion = "example.com/v1", ObjectKind = "Widget", Namespaced = true, Epoch = 1, From = 0, To = 1,
            Definition = ByteString.CopyFromUtf8("""{"names":{"singular":"widget","shortNames":["wd"]},"version":{"additionalPrinterColumns":[{"name":"Color","type":"string","jsonPath":".spec.color"}]} }"""),
            Changes = { new ObjectChange { Namespace = "default", Name = "w", Object = ByteString.CopyFromUtf8("""{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w","namespace":"default","uid":"u","resourceVersion":"1"},"spec":{"color":"red"} }""") } },
        };
        Assert.True(await _mirror.ApplyAsync("c1", report));
        // Another group's pods would be taken for the pods that are shown already.
        Assert.True(await _mirror.ApplyAsync("c1", new Report { Kind = "pods.metrics.example", ApiVersion = "metrics.example/v1", ObjectKind = "PodMetrics", Namespaced = true, Epoch = 1, From = 0, To = 1 }));
        var kinds = (await AskAsync("ann", "/apis/fleet.example/v1"))["resources"]!.AsArray();
        Assert.Equal("Widget [\"fleet\"] [\"delete\",\"get\",\"list\",\"patch\",\"watch\"]", kinds.Single(k => k.Text("name") == "widgets") is { } found ? $"{found.Text("kind")} {found["categories"]!.ToJsonString()} {found["verbs"]!.ToJsonString()}" : "");
        Assert.Equal("Pod", Assert.Single(kinds, k => k.Text("name") == "pods").Text("kind"));
        var table = await AskAsync("system:masters", "/apis/fleet.example/v1/widgets", accept: "application/json;as=Table;v=v1;g=meta.k8s.io");
        Assert.Equal(["w-c1", "red", "c1"], table["rows"]![0]!["cells"]!.AsArray().Select(c => c!.ToString()));
        Assert.Equal("fleet.example/v1 Widget", await AskAsync("system:masters", "/apis/fleet.example/v1/namespaces/default/widgets/w-c1") is var one ? $"{one.Text("apiVersion")} {one.Text("kind")}" : "");
        await Grants.AllowAsync(_admin, "ann", "clusters/widgets.example.com", "c1", "list");
        Assert.Single((await AskAsync("ann", "/apis/fleet.example/v1/widgets"))["items"]!.AsArray());
        await SendAsync("system:masters", "/apis/fleet.example/v1/namespaces/default/widgets/w-c1", HttpMethod.Delete);
        Assert.Equal("/apis/example.com/v1/namespaces/default/widgets/w", Assert.Single(_forwarded).Target);
        Assert.True(await _mirror.ApplyAsync("c1", new Report { Kind = report.Kind, Complete = true, Ended = true, To = 1 }));
        await AskAsync("system:masters", "/apis/fleet.example/v1/widgets", code: 404);
    }

    [Fact]
    public async Task The_proxy_of_a_cluster_is_for_who_may_by_its_name_and_keeps_the_path_as_it_came()
    {
        await Grants.AllowAsync(_admin, "ann", "clusters/proxy", "c1", "get", "list");
        Assert.Equal(200, (int)(await SendAsync("ann", "/apis/fleet.example/v1/clusters/c1/proxy/api/v1/pods?a=b%2Fc")).StatusCode);
        Assert.Equal(("c1", "ann", "/api/v1/pods?a=b%2Fc", ""), _forwarded.Single());
        foreach (var path in (string[])["/apis/fleet.example/v1/clusters/c2/proxy/api/v1/pods", "/apis/fleet.example/v1/clusters/c1/proxy/api/v1/namespaces/x/pods/y/exec"])
        {
            Assert.Equal(403, (int)(await SendAsync("ann", path)).StatusCode);
        }

        Assert.Equal(404, (int)(await SendAsync("ann", "/apis/fleet.example/v1/clusters/c1/proxying")).StatusCode);
        Assert.Single(_forwarded);
    }

    [Fact]
    public async Task Nobody_is_who_has_not_the_certificate_of_the_server_in_front_whatever_it_says()
    {
        using var stranger = new FrontProxy(TimeProvider.System);
        using var foreign = stranger.Certificate();
        Assert.Equal(401, (int)(await SendAsync("system:masters", "/apis/fleet.example/v1/pods", certificate: foreign)).StatusCode);
        Assert.Equal(401, (int)(await SendAsync("system:masters", "/apis/fleet.example/v1/pods", isBare: true)).StatusCode);
        Assert.Equal(401, (int)(await SendAsync(null, "/apis/fleet.example/v1/pods")).StatusCode);
        Assert.Equal(200, (int)(await SendAsync(null, "/readyz", isBare: true)).StatusCode);
    }

    [Fact]
    public async Task Another_authority_in_front_is_followed_and_the_former_is_nobody_then()
    {
        using var next = new FrontProxy(TimeProvider.System);
        using var nextCertificate = next.Certificate();
        await using var keeper = new FrontProxyKeeper(_admin, TimeProvider.System, () => 0.5, NullLogger.Instance);
        await keeper.Read.WaitAsync(Ct);
        Assert.True(keeper.Trust!.Believes(_certificate, TimeProvider.System.GetUtcNow()));
        var changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        keeper.Changed += () => changed.TrySetResult();
        await _admin.ReplaceAsync(ConfigMaps, next.Published(), Ct);
        await changed.Task.WaitAsync(Ct);
        Assert.False(keeper.Trust.Believes(_certificate, TimeProvider.System.GetUtcNow()));
        Assert.True(keeper.Trust.Believes(nextCertificate, TimeProvider.System.GetUtcNow()));
        changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await _admin.DeleteAsync(ConfigMaps, "kube-system", "extension-apiserver-authentication", Ct);
        await changed.Task.WaitAsync(Ct);
        Assert.Null(keeper.Trust);
        Assert.Contains("it is not there", keeper.Fault, StringComparison.Ordinal);
    }

    private async Task<JsonNode> AskAsync(string user, string path, string? accept = null, int code = 200)
    {
        using var answer = await SendAsync(user, path, accept: accept);
        var text = await answer.Content.ReadAsStringAsync(Ct);
        Assert.True((int)answer.StatusCode == code, text);
        return JsonNode.Parse(text)!;
    }

    /// <summary>Asks as the server in front does; <c>system:masters</c> stands for an administrator.</summary>
    private async Task<HttpResponseMessage> SendAsync(
        string? user, string path, HttpMethod? method = null, string? body = null, string? accept = null, X509Certificate2? certificate = null, bool isBare = false)
    {
        using var handler = new InProcessHandler(
            context =>
            {
                context.Connection.ClientCertificate = isBare ? null : certificate ?? _certificate;
                return _server.HandleAsync(context);
            },
            UserInfo.Anonymous);
        using var client = new HttpClient(handler) { BaseAddress = new Uri("https://fleet.test/") };
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, path);
        if (user is not null)
        {
            request.Headers.Add("X-Remote-User", user);
            request.Headers.Add("X-Remote-Group", user == "system:masters" ? user : "system:authenticated");
        }

        if (accept is not null)
        {
            request.Headers.TryAddWithoutValidation("Accept", accept);
        }

        if (body is not null)
        {
            request.Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        }

        var answer = await client.SendAsync(request, HttpCompletionOption.ResponseContentRead, Ct);
        return answer;
    }

    private async Task TellAsync(string cluster, params string[] pods)
    {
        var report = new Report { Kind = "pods", ApiVersion = "v1", ObjectKind = "Pod", Namespaced = true, Epoch = 1, From = 0, To = 1 };
        report.Changes.AddRange(pods.Select(pod => new ObjectChange
        {
            Namespace = "default",
            Name = pod,
            Object = ByteString.CopyFromUtf8($$$"""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{pod}}}","namespace":"default","uid":"{{{cluster}}}-{{{pod}}}","resourceVersion":"1"},"spec":{},"status":{"phase":"Running"}}"""),
        }));
        Assert.True(await _mirror.ApplyAsync(cluster, report));
        await _mirror.TellsAsync(cluster, tells: true);
    }

    private sealed class Gate(AggregatedServerTests test) : IClusterGate
    {
        public async Task ForwardAsync(HttpContext context, string cluster, UserInfo user, string target)
        {
            using var reader = new StreamReader(context.Request.Body);
            test._forwarded.Add((cluster, user.Name, target, await reader.ReadToEndAsync(context.RequestAborted)));
            // What is done is waited for until it is reported; what is refused is not.
            context.Response.StatusCode = (int)(HttpMethods.IsDelete(context.Request.Method) ? HttpStatusCode.Conflict : HttpStatusCode.OK);
            await context.Response.WriteAsync("""{"kind":"Status","apiVersion":"v1","status":"Success"}""", context.RequestAborted);
        }
    }
}
