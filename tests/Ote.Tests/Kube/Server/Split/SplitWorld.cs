using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Client;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Aggregation;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Split;
using Ote.Mirror.Applying;
using Ote.Protocol.Reports;
using Ote.Roles.ControllerManager;
using Ote.Tests.Kube.Server.Aggregation;

namespace Ote.Tests.Kube.Server.Split;

/// <summary>Two servers that divide clusters among four shards, and one that has all: whatever a cluster tells, both ways hear it.</summary>
internal sealed class SplitWorld : IAsyncDisposable
{
    public const int Shards = 4;
    public const string Pods = "/apis/fleet.example/v1/pods";
    private static readonly string[] Kinds = ["/pods"];
    private readonly FrontProxy _front = new(TimeProvider.System);
    private readonly X509Certificate2 _certificate;
    private readonly X509Certificate2 _memberCertificate;
    private readonly MirrorStore[] _mirrors = new MirrorStore[Shards];
    private readonly Dictionary<(string Cluster, string Kind), ulong> _told = [];
    private readonly Way[] _ways;
    private ApiServer _root = null!;
    private KubeClient _admin = null!;
    private long _term = 1000;

    private SplitWorld()
    {
        (_certificate, _memberCertificate) = (_front.Certificate(), _front.Certificate("member"));
        One = MirrorStore.Open(new MirrorOptions(), TimeProvider.System, NullLogger.Instance);
        _ways = [new Way(this, 1), new Way(this, 0)];
        Tables = [.. _ways.Select(way => new ShardTable(Kinds, MirrorStore.Origin, way, Time))];
    }

    /// <summary>Of waits between tries alone.</summary>
    public FakeTimeProvider Time { get; } = new();

    /// <summary>What has all.</summary>
    public MirrorStore One { get; }

    /// <summary>Of each of the two.</summary>
    public ShardTable[] Tables { get; }

    /// <summary>The two, and the one that has all.</summary>
    public AggregatedServer[] Servers { get; private set; } = [];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>The first holds shards 0 and 1, the second 2 and 3.</summary>
    public static async Task<SplitWorld> StartAsync()
    {
        var world = new SplitWorld();
        world._root = await ApiServer.StartAsync(new ApiServerOptions { Name = "real" }, NullLoggerFactory.Instance, TimeProvider.System, Ct);
        world._admin = world._root.CreateClient(UserInfo.Admin);
        await world._admin.CreateAsync(Ote.Kube.Objects.Kinds.ConfigMaps, "kube-system", world._front.Published(), Ct);
        AggregatedServerOptions options = new() { Name = "root", Group = "fleet.example", Category = "fleet", Resources = Kinds, Clusters = new Nowhere() };
        world.Servers =
        [
            .. ((AggregatedServerOptions[])[options with { Shards = world.Tables[0] }, options with { Shards = world.Tables[1] }, options with { Source = world.One }])
                .Select(o => new AggregatedServer(o, world._admin, NullLoggerFactory.Instance, TimeProvider.System, () => 0.5)),
        ];
        foreach (var server in world.Servers)
        {
            await server.Read.WaitAsync(Ct);
        }

        foreach (var shard in Enumerable.Range(0, Shards))
        {
            world.Take(shard, member: shard / 2);
        }

        return world;
    }

    /// <summary>A member takes a shard, with an empty store and revisions of a later term.</summary>
    public void Take(int shard, int member)
    {
        _mirrors[shard] = MirrorStore.Open(new MirrorOptions { FirstRevision = ++_term << 22 }, TimeProvider.System, NullLogger.Instance);
        Tables[member].Hold(shard, _mirrors[shard]);
        foreach (var key in _told.Keys.Where(k => ShardPlan.ShardOf(k.Cluster, Shards) == shard).ToArray())
        {
            _told.Remove(key);
        }
    }

    /// <summary>A member lets go of a shard.</summary>
    public async Task LoseAsync(int shard)
    {
        await Task.WhenAll(Tables.Select(t => t.LetGoAsync(shard)));
        await _mirrors[shard].DisposeAsync();
    }

    /// <summary>A cluster tells of pods: those that are there, and, with a dash before the name, those that are gone.</summary>
    public async Task TellAsync(string cluster, params string[] pods)
    {
        var from = _told.GetValueOrDefault((cluster, "pods"));
        var report = new Report { Kind = "pods", ApiVersion = "v1", ObjectKind = "Pod", Namespaced = true, Epoch = 1, From = from, To = from + 1 };
        foreach (var pod in pods)
        {
            var (ns, name) = pod.TrimStart('-').Split('/') is [var first, var second] ? (first, second) : ("default", pod.TrimStart('-'));
            report.Changes.Add(new ObjectChange
            {
                Namespace = ns,
                Name = name,
                Object = pod.StartsWith('-') ? ByteString.Empty : ByteString.CopyFromUtf8(
                    $$$"""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{name}}}","namespace":"{{{ns}}}","uid":"{{{cluster}}}-{{{name}}}","resourceVersion":"{{{from + 1}}}","labels":{"app":"{{{name[0]}}}"}},"spec":{},"status":{"phase":"Running"}}"""),
            });
        }

        _told[(cluster, "pods")] = from + 1;
        foreach (var mirror in (MirrorStore[])[One, _mirrors[ShardPlan.ShardOf(cluster, Shards)]])
        {
            Assert.True(await mirror.ApplyAsync(cluster, report));
            await mirror.TellsAsync(cluster, tells: true);
        }
    }

    /// <summary>A cluster tells, from the beginning, of a kind of its own; of one object of a name.</summary>
    public async Task TellWidgetAsync(string cluster, string version, string name)
    {
        Report report = new()
        {
            Kind = "widgets.example.com", ApiVersion = $"example.com/{version}", ObjectKind = "Widget", Namespaced = true, Epoch = 1, From = 0, To = 1,
            Changes = { new ObjectChange { Namespace = "default", Name = name, Object = ByteString.CopyFromUtf8($$$"""{"apiVersion":"example.com/{{{version}}}","kind":"Widget","metadata":{"name":"{{{name}}}","namespace":"default","uid":"{{{cluster}}}-{{{name}}}","resourceVersion":"1"} }""") } },
        };
        Assert.True(await _mirrors[ShardPlan.ShardOf(cluster, Shards)].ApplyAsync(cluster, report));
    }

    /// <summary>A list, or another answer, of one of the servers.</summary>
    public async Task<JsonNode> AskAsync(int server, string path, int code = 200)
    {
        using var answer = await SendAsync(server, path);
        var text = await answer.Content.ReadAsStringAsync(Ct);
        Assert.True((int)answer.StatusCode == code, text);
        return JsonNode.Parse(text)!;
    }

    /// <summary>Asks as the API server in front does.</summary>
    public async Task<HttpResponseMessage> SendAsync(int server, string path, bool isMember = false)
    {
        using var client = Client(server, isMember ? _memberCertificate : _certificate);
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("X-Remote-User", "admin");
        request.Headers.Add("X-Remote-Group", "system:masters");
        return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Ct);
    }

    /// <summary>A watch of one of the servers, a line at a time.</summary>
    public async Task<StreamReader> WatchAsync(int server, string query)
    {
        var answer = await SendAsync(server, $"{Pods}?watch=true{query}");
        Assert.Equal(200, (int)answer.StatusCode);
        return new StreamReader(await answer.Content.ReadAsStreamAsync(Ct));
    }

    /// <summary>Lets time pass until something has come about.</summary>
    public async Task<T> PassUntilAsync<T>(Task<T> task)
    {
        while (!task.IsCompleted)
        {
            Time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, Ct); // so slow that who answers at once is not late
        }

        return await task;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in Servers)
        {
            await server.DisposeAsync();
        }

        foreach (var shard in Enumerable.Range(0, Shards))
        {
            await LoseAsync(shard);
        }

        await One.DisposeAsync();
        _admin.Dispose();
        await _root.DisposeAsync();
        _certificate.Dispose();
        _memberCertificate.Dispose();
        _front.Dispose();
    }

    private HttpClient Client(int server, X509Certificate2? certificate) => new(new InProcessHandler(
        context =>
        {
            context.Connection.ClientCertificate = certificate;
            return Servers[server].HandleAsync(context);
        },
        UserInfo.Anonymous)) { BaseAddress = new Uri("https://fleet.test/"), Timeout = Timeout.InfiniteTimeSpan };

    private sealed class Way(SplitWorld world, int other) : IShardWay
    {
        public int Count => Shards;

        public HttpClient To(int shard) => world.Client(other, world._memberCertificate);

        public ValueTask<bool> IsMemberAsync(X509Certificate2 certificate, CancellationToken cancellation) => ValueTask.FromResult(certificate.Equals(world._memberCertificate));
    }

    private sealed class Nowhere : IClusterGate
    {
        public Task ForwardAsync(HttpContext context, string cluster, UserInfo user, string target) => Task.CompletedTask;
    }
}
