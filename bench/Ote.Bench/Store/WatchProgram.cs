using System.Buffers.Text;
using System.Text.Json.Nodes;
using Ote.Bench.Load;
using Ote.Kube.Client;

namespace Ote.Bench.Store;

/// <summary>
/// The readers of a watch, in a process of their own: how long after it was asked for each change reached each of them. Its one thread reads whatever has
/// come before it sleeps again, so that a thousand deliveries do not wake it a thousand times.
/// </summary>
internal sealed class WatchProgram
{
    /// <summary>How it is started: sockets are read by the thread that waits for them, and all code is compiled for this machine.</summary>
    public static readonly IReadOnlyDictionary<string, string> Environment = new Dictionary<string, string>
    {
        ["DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS"] = "1",
        ["DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT"] = "1",
        ["DOTNET_ReadyToRun"] = "0",
    };

    private const int MostBuckets = 1_000_000;
    private const int ConnectAtOnce = 16;
    private static readonly byte[] Mark = "\"at\":\""u8.ToArray();
    private readonly List<Task> _reading = [];
    private readonly Lock _gate = new();

    // Deliveries by delay, in tenths of a millisecond.
    private readonly int[] _delays = new int[MostBuckets];
    private long _delivered;

    public static Task<int> RunAsync() => LineServer.RunAsync(new WatchProgram().DoAsync);

    /// <summary>Tenths of milliseconds of the clock that all processes of the machine share.</summary>
    public static long Now(TimeProvider time) => time.GetTimestamp() / (time.TimestampFrequency / 10_000);

    private async Task<JsonObject> DoAsync(JsonObject request)
    {
        switch ((string)request["do"]!)
        {
            case "open":
                await OpenAsync(Kubeconfig.Load((string)request["kubeconfig"]!), (string)request["path"]!, (int)request["count"]!);
                break;
            case "clear":
                Array.Clear(_delays);
                Interlocked.Exchange(ref _delivered, 0);
                break;
        }

        lock (_gate)
        {
            if (_reading.Find(reading => reading.IsCompleted) is { } ended)
            {
                throw new BenchException($"a watch ended: {ended.Exception?.InnerException?.Message}");
            }
        }

        return new JsonObject { ["delivered"] = Interlocked.Read(ref _delivered), ["half"] = Percentile(0.5), ["most"] = Percentile(0.99) };
    }

    private async Task OpenAsync(KubeEndpoint endpoint, string path, int count)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = ConnectAtOnce, CancellationToken = limit.Token }, async (_, ct) =>
        {
            var reading = await new WatchConnection(Seen).OpenAsync(endpoint, path, ct);
            lock (_gate)
            {
                _reading.Add(reading);
            }
        });
        // Off the thread that reads the sockets: what follows waits for the next request.
        await Task.Yield();
    }

    private void Seen(ReadOnlySpan<byte> line)
    {
        if (line.IndexOf(Mark) is >= 0 and var mark && Utf8Parser.TryParse(line[(mark + Mark.Length)..], out long at, out _) && at > 0)
        {
            Interlocked.Increment(ref _delays[Math.Clamp(Now(TimeProvider.System) - at, 0, MostBuckets - 1)]);
            Interlocked.Increment(ref _delivered);
        }
    }

    /// <summary>In milliseconds; as many as there may be when the last of them has no bucket.</summary>
    private double Percentile(double share)
    {
        var left = (long)(Interlocked.Read(ref _delivered) * share);
        for (var i = 0; i < MostBuckets; i++)
        {
            left -= Volatile.Read(ref _delays[i]);
            if (left <= 0)
            {
                return i / 10.0;
            }
        }

        return MostBuckets / 10.0;
    }
}
