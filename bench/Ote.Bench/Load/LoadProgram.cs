using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;

namespace Ote.Bench.Load;

/// <summary>
/// The far side, in a process of its own: reads one JSON request a line, answers each with one line, and ends with its input, so that
/// it never outlives the benchmark.
/// </summary>
internal sealed class LoadProgram : IAsyncDisposable
{
    private const int ConnectAtOnce = 64;
    private readonly Surroundings _around = new();
    private readonly List<ILoadClient> _clients = [];
    private readonly Lock _gate = new();
    private TunnelRuntime? _runtime;

    public static async Task<int> RunAsync(TextReader input, TextWriter output)
    {
        await using var load = new LoadProgram();
        while (await input.ReadLineAsync() is { } line)
        {
            JsonObject answer;
            try
            {
                answer = await load.DoAsync((JsonObject)JsonNode.Parse(line)!);
            }
#pragma warning disable CA1031 // Whatever went wrong is the answer; the benchmark ends with it.
            catch (Exception failed)
#pragma warning restore CA1031
            {
                answer = new JsonObject { ["error"] = failed.Message };
            }

            await output.WriteLineAsync(answer.ToJsonString());
            await output.FlushAsync();
        }

        return 0;
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        _around.Dispose();
    }

    private async Task<JsonObject> DoAsync(JsonObject request)
    {
        var what = (string)request["do"]!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds((double?)request["seconds"] ?? 120), _around.Time);
        switch (what)
        {
            case "links":
            case "bare":
                await ConnectAsync(request, bare: what == "bare", limit.Token);
                break;
            case "close":
                await CloseAsync();
                break;
            case "stats":
                break;
            default:
                throw new BenchException($"the load process does not know '{what}'");
        }

        lock (_gate)
        {
            return new JsonObject { ["up"] = _clients.Count, ["received"] = _clients.Sum(c => c.Received), ["cpu"] = Environment.CpuUsage.TotalTime.TotalMilliseconds };
        }
    }

    private async Task ConnectAsync(JsonObject request, bool bare, CancellationToken ct)
    {
        using var authority = CertificateAuthority.LoadOrCreate((string)request["identity"]!, _around.Time);
        var servers = ((JsonArray)request["servers"]!).Select(s => new Uri((string)s!)).ToArray();
        var count = (int)request["count"]!;
        var answer = Samples.Bare().Answer;
        _runtime ??= new TunnelRuntime(_around.Time, _around.Meters, _around.Loggers, _around.Random, Guid.NewGuid().ToByteArray());
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = ConnectAtOnce, CancellationToken = ct }, async (i, stop) =>
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"b-{i:d5}");
            var identity = authority.CreateIdentity(new PeerIdentity(name, "uid-" + name), []);
            ILoadClient client = bare ? new BareClient(identity, answer) : new LightChild(_runtime, identity, _around.Time);
            lock (_gate)
            {
                _clients.Add(client);
            }

            await client.StartAsync(servers[i % servers.Length], stop);
        });
    }

    private async Task CloseAsync()
    {
        foreach (var chunk in _clients.Chunk(500))
        {
            await Task.WhenAll(chunk.Select(c => c.DisposeAsync().AsTask()));
        }

        _clients.Clear();
        _runtime?.Dispose();
        _runtime = null;
    }
}
