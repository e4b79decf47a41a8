using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Handling;
using Ote.Cluster.Journal;
using Ote.Cluster.Namespaces;
using Ote.Cluster.Routing;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Mirror.Applying;
using Ote.Mirror.Reporting;
using Ote.Protocol.Reports;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Commands;
using Ote.Tests.Cluster.Handling;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Tests.Cluster.Namespaces;

/// <summary>A control entry over a real API server in memory, with a real mirror, above clusters that are API servers in memory too. What clusters report the test says; so it does of who is online.</summary>
internal sealed class NamespaceWorld : IAsyncDisposable
{
    private readonly ApiServer _server;
    private readonly Dictionary<string, ApiServer> _sites = new(StringComparer.Ordinal);
    private readonly RouteKeeper _routes;
    private readonly MirrorStore _mirror;
    private NamespaceFlow _flow = null!;
    private CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;
    private ulong _revision;
    private ulong _epoch;

    private NamespaceWorld(ApiServer server)
    {
        _server = server;
        Api = server.CreateClient(UserInfo.Admin);
        _routes = new RouteKeeper(new RouteEntry { Name = "root", Uid = "u-root", Online = true }, new MemoryJournal(), Time, NullLogger.Instance);
        _mirror = MirrorStore.Open(new MirrorOptions(), Time, NullLogger.Instance);
    }

    public KubeClient Api { get; }

    public FakeTimeProvider Time { get; } = new(Objects.Start);

    public PlayedAccess Access { get; } = new();

    /// <summary>What was asked of clusters: <c>CLUSTER USER METHOD PATH</c>.</summary>
    public ConcurrentQueue<string> Asked { get; } = new();

    /// <summary>Whether clusters report what was done there, once it is.</summary>
    public bool IsReported { get; set; } = true;

    public static async Task<NamespaceWorld> StartAsync(CancellationToken ct)
    {
        var world = new NamespaceWorld(await ApiServer.StartAsync(new ApiServerOptions { Name = "root", InstallCrds = Crds.Load() }, NullLoggerFactory.Instance, TimeProvider.System, ct));
        world.Run();
        return world;
    }

    /// <summary>A new process on the same API and mirror, which knows nothing else.</summary>
    public void Run()
    {
        _stop = new CancellationTokenSource();
        _flow = new NamespaceFlow(
            _server.CreateClient(UserInfo.Component("cluster-controller")), namesRequester: true, _mirror, _routes, new NamespaceDoer("root", ClientOf, Access, Time, NullLogger.Instance), Time, static () => 0.5, NullLogger.Instance);
        var (flow, stop) = (_flow, _stop.Token);
        _running = Task.Run(() => flow.RunAsync(stop));
    }

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _flow.Dispose();
        _stop.Dispose();
    }

    /// <summary>Adds a cluster that has reported what it has.</summary>
    public async Task<KubeClient> AddAsync(string name, CancellationToken ct, params string[] tags)
    {
        _sites[name] = await ApiServer.StartAsync(new ApiServerOptions { Name = name, InstallCrds = [] }, NullLoggerFactory.Instance, TimeProvider.System, ct);
        await ReportAsync(name);
        Online(name, true, tags);
        return Site(name);
    }

    public KubeClient Site(string name) => _sites[name].CreateClient(UserInfo.Admin);

    /// <summary>A cluster is heard of, or its link is down.</summary>
    public void Online(string name, bool online, params string[] tags) => _routes.Apply(t => online
        ? t.ChildAttached(new RouteEntry { Name = name, Uid = "u-" + name, Parent = "root", Online = true, Managed = true, Epoch = ++_epoch, Tags = TagSet.Of(tags) })
        : t.ChildDetached(name, (long)++_epoch));

    /// <summary>A cluster reports the namespaces that it has now.</summary>
    public async Task ReportAsync(string name)
    {
        var spaces = await Site(name).ListAsync(Kinds.Namespaces, null, null, CancellationToken.None);
        var report = new Report { Kind = "namespaces", Epoch = 1, From = 0, To = ++_revision, Complete = true, ApiVersion = "v1", ObjectKind = "Namespace" };
        foreach (var space in spaces.Items)
        {
            var json = Encoding.UTF8.GetBytes(space.ToJsonString());
            report.Changes.Add(new ObjectChange { Name = space.Name(), Object = ByteString.CopyFrom(json) });
            unchecked
            {
                report.Digest += ReportDigest.Of("", space.Name(), json);
            }
        }

        Assert.True(await _mirror.ApplyAsync(name, report));
    }

    /// <summary>Makes a namespace here.</summary>
    public Task MakeAsync(string name, CancellationToken ct, params (string Key, string Value)[] labels) => Api.CreateAsync(Kinds.Namespaces, null, Space(name, labels), ct);

    /// <summary>Makes a policy, or changes one.</summary>
    public Task<JsonObject> PolicyAsync(string name, JsonObject spec, CancellationToken ct, UserInfo? by = null) => _server.CreateClient(by ?? UserInfo.Admin).PatchAsync(
        Kinds.NamespacePolicies, null, name, PatchKind.Apply,
        new JsonObject { ["apiVersion"] = "ote.baidu.com/v1", ["kind"] = "NamespacePolicy", ["metadata"] = new JsonObject { ["name"] = name }, ["spec"] = spec }, ct, fieldManager: "test", force: true);

    public static JsonObject Space(string name, params (string Key, string Value)[] labels) => new()
    {
        ["apiVersion"] = "v1", ["kind"] = "Namespace",
        ["metadata"] = new JsonObject { ["name"] = name, ["labels"] = new JsonObject([.. labels.Select(l => KeyValuePair.Create(l.Key, (JsonNode?)l.Value))]) },
    };

    /// <summary>Waits until a policy is as wanted, while time passes.</summary>
    public Task<JsonObject> UntilAsync(string policy, Func<JsonObject, bool> condition, CancellationToken ct) => WhileTimePassesAsync(SmallTree.UntilAsync(Api, Kinds.NamespacePolicies, null, policy, condition, ct));

    /// <summary>Waits until all that a policy of this generation means is as it should be.</summary>
    public Task<JsonObject> ReadyAsync(string policy, int clusters, CancellationToken ct) => UntilAsync(
        policy, p => p.Whole("status", "observedGeneration") == p.Generation() && p.Whole("status", "clusters", "selected") == clusters && p.IsTrue("Ready"), ct);

    public static string? Reason(JsonObject policy, string cluster) => policy.Items("status", "lacking")?.FirstOrDefault(l => l.Text("cluster") == cluster).Text("reason");

    public async Task<T> WhileTimePassesAsync<T>(Task<T> task)
    {
        while (!task.IsCompleted)
        {
            // Virtual time must not outrun requests to the clusters, which have half a minute of it: a step takes a real millisecond.
            Time.Advance(TimeSpan.FromMilliseconds(10));
            await Task.WhenAny(task, Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System));
        }

        return await task;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await _mirror.DisposeAsync();
        await _server.DisposeAsync();
        foreach (var site in _sites.Values)
        {
            await site.DisposeAsync();
        }
    }

    private KubeClient ClientOf(string cluster, Requester requester) => new(new HttpClient(new Noted(this, cluster, requester, _sites[cluster].CreateHandler(new UserInfo(requester.User, [.. requester.Groups]))))
    {
        BaseAddress = new Uri("https://embedded/"), Timeout = Timeout.InfiniteTimeSpan,
    });

    private sealed class Noted(NamespaceWorld world, string cluster, Requester requester, HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            world.Asked.Enqueue($"{cluster} {requester.User} {request.Method} {request.RequestUri!.AbsolutePath}");
            var answer = await base.SendAsync(request, cancellationToken);
            if (world.IsReported)
            {
                await world.ReportAsync(cluster);
            }

            return answer;
        }
    }
}
