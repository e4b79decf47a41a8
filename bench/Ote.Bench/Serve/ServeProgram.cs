using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Ote.Bench.Bare;
using Ote.Bench.Load;
using Ote.Bench.Root;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;

namespace Ote.Bench.Serve;

/// <summary>A near side in a process of its own, where its memory or its messages are to be seen apart: a root, a bare server, or one level of controllers.</summary>
internal sealed class ServeProgram : IAsyncDisposable
{
    private readonly Surroundings _around = new();
    private readonly MessageCounter _counter = new();
    private readonly List<IAsyncDisposable> _owned = [];
    private readonly List<ClusterController> _level = [];

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
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(4), _around.Time);
        switch ((string)request["do"]!)
        {
            case "root":
                var root = await RootServer.StartAsync(_around.Folder, _around, limit.Token);
                _owned.Add(root);
                return At([root.EndPoint], root.IdentityDirectory);
            case "bare":
                var identity = Path.Combine(_around.Folder, "identity");
                var bare = await BareServer.StartAsync(identity, _around.Time, limit.Token);
                _owned.Add(bare);
                return At([bare.EndPoint], identity);
            case "level":
                await StartLevelAsync(request, limit.Token);
                return At(_level.Select(c => c.ListenAddress!), "");
            case "stats":
                return Stats();
            default:
                throw new BenchException($"the serving process does not know '{request["do"]}'");
        }
    }

    private static JsonObject At(IEnumerable<IPEndPoint> endpoints, string identity) =>
        new() { ["servers"] = endpoints.Select(e => $"https://{e}").ToJson(), ["identity"] = identity };

    private async Task StartLevelAsync(JsonObject request, CancellationToken ct)
    {
        using var authority = CertificateAuthority.LoadOrCreate((string)request["identity"]!, _around.Time);
        var parents = request.Texts("servers");
        for (var i = 0; i < (int)request["count"]!; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"{request["prefix"]}-{i:d4}");
            var data = Path.Combine(_around.Folder, name);
            authority.CreateIdentity(new PeerIdentity(name, "uid-" + name), ["127.0.0.1"]).Save(Path.Combine(data, "identity"));
            var controller = await ClusterController.StartAsync(
                new ClusterControllerOptions { Name = name, DataDirectory = data, Parent = new Uri(parents[i % parents.Length]), Listen = new IPEndPoint(IPAddress.Loopback, 0) },
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
