using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Ote.Bench.Bare;
using Ote.Bench.Load;
using Ote.Bench.Mirror;
using Ote.Bench.Root;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Kube.Server;

namespace Ote.Bench.Serve;

/// <summary>A near side in a process of its own, where its memory or its messages are to be seen apart: a root, a bare server, an API server, or one level of controllers.</summary>
internal sealed class ServeProgram : IAsyncDisposable
{
    private readonly Surroundings _around = new();
    private readonly MessageCounter _counter = new();
    private readonly List<IAsyncDisposable> _owned = [];
    private readonly List<ClusterController> _level = [];
    private RootServer? _root;
    private MirrorRoot? _mirror;

    public static async Task<int> RunAsync()
    {
        await using var serve = new ServeProgram();
        return await LineServer.RunAsync(serve.DoAsync);
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_owned.Select(o => o.DisposeAsync().AsTask()));
        _counter.Dispose();
        _around.Dispose();
    }

    private async Task<JsonObject> DoAsync(JsonObject request)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(8), _around.Time);
        switch ((string)request["do"]!)
        {
            case "root":
                _root = await RootServer.StartAsync(Folder(request), _around, limit.Token, At(request));
                _owned.Add(_root);
                return At([_root.EndPoint], _root.IdentityDirectory);
            case "token":
                return new JsonObject { ["token"] = await _root!.TokenAsync((int)request["uses"]!, limit.Token), ["pin"] = _root.CaPin };
            case "wait":
                await _root!.WaitOnlineAsync((int)request["count"]!, limit.Token);
                return Cpu();
            case "mirror":
                _mirror = await MirrorRoot.StartAsync(_root!, (string)request["folder"]!, _around);
                _owned.Add(_mirror);
                return [];
            case "lags":
                return _mirror!.Take();
            case "cpu":
                return Cpu();
            case "bare":
                var identity = Path.Combine(_around.Folder, "identity");
                var bare = await BareServer.StartAsync(identity, _around.Time, limit.Token);
                _owned.Add(bare);
                return At([bare.EndPoint], identity);
            case "api":
                return await StartApiAsync(Folder(request), At(request), limit.Token);
            case "level":
                await StartLevelAsync(request, limit.Token);
                return At(_level.Select(c => c.ListenAddress!), "");
            case "stats":
                return Stats();
            default:
                throw new BenchException($"the serving process does not know '{request["do"]}'");
        }
    }

    /// <summary>Given by one that means to start this process again after its death.</summary>
    private string Folder(JsonObject request) => (string?)request["folder"] ?? _around.Folder;

    private static IPEndPoint At(JsonObject request) => new(IPAddress.Loopback, (int?)request["port"] ?? 0);

    private static JsonObject Cpu() => new() { ["cpu"] = Environment.CpuUsage.TotalTime.TotalMilliseconds };

    private static JsonObject At(IEnumerable<IPEndPoint> endpoints, string identity) =>
        new() { ["servers"] = endpoints.Select(e => $"https://{e}").ToJson(), ["identity"] = identity };

    private async Task<JsonObject> StartApiAsync(string folder, IPEndPoint listen, CancellationToken ct)
    {
        var server = await ApiServer.StartAsync(new ApiServerOptions { Name = "bench", DataDirectory = folder }, _around.Loggers, _around.Time, ct);
        _owned.Add(server);
        var at = await server.ListenAsync(listen, ct);
        var kubeconfig = Path.Combine(_around.Folder, "kubeconfig");
        await server.WriteAdminKubeconfigAsync(kubeconfig, new Uri($"https://{at}"), ct);
        return new JsonObject { ["kubeconfig"] = kubeconfig, ["port"] = at.Port };
    }

    private async Task StartLevelAsync(JsonObject request, CancellationToken ct)
    {
        using var authority = CertificateAuthority.LoadOrCreate((string)request["identity"]!, _around.Time);
        var parents = request.Texts("servers");
        for (var i = 0; i < (int)request["count"]!; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"{request["prefix"]}-{i:d4}");
            var data = Path.Combine(Folder(request), name);
            authority.CreateIdentity(new PeerIdentity(name, "uid-" + name), ["127.0.0.1"]).Save(Path.Combine(data, "identity"));
            var controller = await ClusterController.StartAsync(
                new ClusterControllerOptions { Name = name, DataDirectory = data, Parent = new Uri(parents[i % parents.Length]), Listen = At(request) },
                _around.Parts(),
                ct);
            _level.Add(controller);
            _owned.Add(controller);
        }

        while (!_level.TrueForAll(c => c.IsReady))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), _around.Time, ct);
        }
    }

    private JsonObject Stats()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return new JsonObject
        {
            ["rss"] = Resident.BytesOf(Environment.ProcessId),
            ["heap"] = GC.GetTotalMemory(forceFullCollection: true),
            ["in"] = _counter.In,
            ["out"] = _counter.Out,
        };
    }
}
