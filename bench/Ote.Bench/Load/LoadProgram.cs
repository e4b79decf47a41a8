using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Bench.Mirror;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;

namespace Ote.Bench.Load;

/// <summary>The far side, in a process of its own: opens connections of one kind, keeps them, and tells what passed over them.</summary>
internal sealed class LoadProgram : IAsyncDisposable
{
    private const int ConnectAtOnce = 64;
    private const int DialAtOnce = 64;
    private readonly Surroundings _around = new();
    private readonly List<ILoadClient> _clients = [];
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _dialling = new(DialAtOnce);
    private TunnelRuntime? _runtime;
    private Relay? _relay;

    public static async Task<int> RunAsync()
    {
        await using var load = new LoadProgram();
        return await LineServer.RunAsync(load.DoAsync);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var chunk in _clients.Chunk(500))
        {
            await Task.WhenAll(chunk.Select(c => c.DisposeAsync().AsTask()));
        }

        _relay?.Dispose();
        _runtime?.Dispose();
        _around.Dispose();
    }

    private async Task<JsonObject> DoAsync(JsonObject request)
    {
        if ((string)request["do"]! == "standings")
        {
            lock (_gate)
            {
                return new JsonObject { ["standings"] = new JsonArray([.. _clients.Select(c => c.Standing!.ToJson())]) };
            }
        }

        if ((string)request["do"]! is not "stats" and var kind)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(10), _around.Time);
            await ConnectAsync(request, kind, limit.Token);
        }

        lock (_gate)
        {
            return new JsonObject
            {
                ["up"] = _clients.Count(c => c.IsUp),
                ["received"] = _clients.Sum(c => c.Received),
                ["relayed"] = _relay?.Bytes ?? 0,
            };
        }
    }

    private async Task ConnectAsync(JsonObject request, string kind, CancellationToken ct)
    {
        var servers = request.Texts("servers").Select(s => new Uri(s)).ToArray();
        var (first, count, relayed) = ((int?)request["first"] ?? 0, (int)request["count"]!, (int?)request["relayed"] ?? 0);
        if (relayed > 0)
        {
            _relay ??= Relay.Start(servers[0]);
        }

        _runtime ??= new TunnelRuntime(_around.Time, _around.Meters, _around.Loggers, _around.Random, Guid.NewGuid().ToByteArray());
        using var authority = kind == "join" ? null : CertificateAuthority.LoadOrCreate((string)request["identity"]!, _around.Time);
        var make = Maker(request, kind, authority);

        // Joining is what must stand all at once; elsewhere connecting is not what is measured.
        var atOnce = kind == "join" ? count : ConnectAtOnce;
        await Parallel.ForAsync(first, first + count, new ParallelOptions { MaxDegreeOfParallelism = atOnce, CancellationToken = ct }, async (i, stop) =>
        {
            await Task.Yield();
            var client = make(string.Create(CultureInfo.InvariantCulture, $"b-{i:d5}"));
            lock (_gate)
            {
                _clients.Add(client);
            }

            await client.StartAsync(i < relayed ? _relay!.Address : servers[i % servers.Length], stop);
        });
    }

    private Func<string, ILoadClient> Maker(JsonObject request, string kind, CertificateAuthority? authority)
    {
        var answer = Samples.Bare().Answer;
        ClusterIdentity Identity(string name) => authority!.CreateIdentity(new PeerIdentity(name, "uid-" + name), []);
        return kind switch
        {
            "links" => name => new LightChild(_runtime!, _ => Task.FromResult((Identity(name), (JoinedConnection?)null)), _around.Time, _around.Random),
            "follow" => name => new FollowingChild(Identity(name), _around.Folder, _around.Parts(), _dialling, _around.Time),
            "report" => name => new ReportingChild(Identity(name), _around.Folder, _around.Parts(), _around.Time, _around.Random),
            "bare" => name => new BareClient(Identity(name), answer),
            "handshakes" => name => new HandshakeClient(Identity(name)),
            "join" => name => new LightChild(_runtime!, ct => JoinAsync(request, name, ct), _around.Time, _around.Random),
            _ => throw new BenchException($"the load process does not know '{kind}'"),
        };
    }

    private async Task<(ClusterIdentity Identity, JoinedConnection? Connection)> JoinAsync(JsonObject request, string name, CancellationToken ct)
    {
        if (!CaPin.TryParse((string)request["pin"]!, out var pin))
        {
            throw new BenchException("the CA pin cannot be read");
        }

        var ticket = new JoinTicket(new Uri(request.Texts("servers")[0]), pin, (string)request["token"]!, new PeerIdentity(name, "uid-" + name), []);
        var joined = await new JoinClient(_around.Time, _around.Random, _around.Loggers.CreateLogger("join")).JoinAsync(ticket, Path.Combine(_around.Folder, name), ct);
        return (joined.Identity, joined.Connection);
    }
}
