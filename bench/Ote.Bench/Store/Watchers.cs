using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Ote.Bench.Store;

/// <summary>Many watches of one kind, while its objects change: how long after it was asked for each change reaches each watcher.</summary>
/// <param name="api">The server.</param>
/// <param name="time">The clock.</param>
internal sealed class Watchers(ApiUnderTest api, TimeProvider time)
{
    private const int Objects = 50;
    private const int MostBuckets = 1_000_000;
    private const string Path = "api/v1/namespaces/default/configmaps";
    private static readonly byte[] Mark = "\"at\":\""u8.ToArray();

    // Deliveries by delay, in tenths of a millisecond.
    private readonly int[] _delays = new int[MostBuckets];
    private readonly long _zero = time.GetTimestamp();
    private long _delivered;

    /// <summary>Changes that reached watchers.</summary>
    public long Delivered => Interlocked.Read(ref _delivered);

    /// <summary>CPU that the server's processes used for the changes and their deliveries, in milliseconds for a thousand deliveries.</summary>
    public double ServerCpu { get; private set; }

    /// <summary>The same of this process, which makes the changes and reads them.</summary>
    public double OwnCpu { get; private set; }

    /// <summary>The delay that half of the deliveries did not exceed, in milliseconds.</summary>
    public double Median => Percentile(0.5);

    /// <summary>Runs it.</summary>
    /// <param name="count">Watchers, besides the one that does not read.</param>
    /// <param name="perSecond">Changes a second.</param>
    /// <param name="duration">How long.</param>
    /// <param name="ct">Gives up.</param>
    /// <returns>The delay that 99 of 100 deliveries did not exceed, in milliseconds.</returns>
    public async Task<double> RunAsync(int count, int perSecond, TimeSpan duration, CancellationToken ct)
    {
        for (var i = 0; i < Objects; i++)
        {
            await api.CreateAsync(Path, Samples.ConfigMap(Name(i)), ct);
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var stuck = await api.OpenAsync(Path + "?watch=true", ct); // and nobody reads it
        List<Task> watching = [];
        for (var i = 0; i < count; i++)
        {
            var answer = await api.OpenAsync(Path + "?watch=true", ct);
            watching.Add(WatchAsync(answer, stop.Token));
        }

        await Task.Delay(TimeSpan.FromSeconds(3), time, ct); // what is there already
        Array.Clear(_delays);
        Interlocked.Exchange(ref _delivered, 0);
        var changes = (int)(perSecond * duration.TotalSeconds);
        var (server, own) = (api.Cpu, Environment.CpuUsage.TotalTime.TotalMilliseconds);
        var began = time.GetTimestamp();
        List<Task> writing = [];
        for (var i = 0; i < changes; i++)
        {
            var due = TimeSpan.FromSeconds((double)i / perSecond) - time.GetElapsedTime(began);
            if (due > TimeSpan.Zero)
            {
                await Task.Delay(due, time, ct);
            }

            writing.Add(api.PatchAsync($"{Path}/{Name(i % Objects)}", Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$$"""{"data":{"at":"{{{Now}}}"}}""")), ct));
        }

        await Task.WhenAll(writing);
        var patience = time.GetTimestamp();
        while (Delivered < (long)changes * count && time.GetElapsedTime(patience) < TimeSpan.FromSeconds(10))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), time, ct);
        }

        ServerCpu = (api.Cpu - server) * 1000 / Delivered;
        OwnCpu = (Environment.CpuUsage.TotalTime.TotalMilliseconds - own) * 1000 / Delivered;
        await stop.CancelAsync();
        await Task.WhenAll(watching);
        return Percentile(0.99);
    }

    private static string Name(int i) => string.Create(CultureInfo.InvariantCulture, $"often-{i}");

    /// <summary>Tenths of milliseconds since this was made.</summary>
    private long Now => time.GetElapsedTime(_zero).Ticks / (TimeSpan.TicksPerMillisecond / 10);

    private async Task WatchAsync(HttpResponseMessage answer, CancellationToken stop)
    {
        using var held = answer;
        var buffer = new byte[16 * 1024];
        var kept = 0;
        try
        {
            await using var stream = await answer.Content.ReadAsStreamAsync(stop);
            while (await stream.ReadAsync(buffer.AsMemory(kept), stop) is > 0 and var read)
            {
                kept = Take(buffer, kept + read);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The end of the measurement.
        }
    }

    /// <summary>Counts the whole lines and moves what is left to the front; returns how much that is.</summary>
    private int Take(byte[] buffer, int length)
    {
        var (from, now) = (0, Now);
        while (buffer.AsSpan(from, length - from).IndexOf((byte)'\n') is >= 0 and var end)
        {
            var line = buffer.AsSpan(from, end);
            if (line.IndexOf(Mark) is >= 0 and var mark && Utf8Parser.TryParse(line[(mark + Mark.Length)..], out long at, out _) && at > 0)
            {
                Interlocked.Increment(ref _delays[Math.Clamp(now - at, 0, MostBuckets - 1)]);
                Interlocked.Increment(ref _delivered);
            }

            from += end + 1;
        }

        buffer.AsSpan(from, length - from).CopyTo(buffer);
        return length - from;
    }

    private double Percentile(double share)
    {
        long left = (long)(Delivered * share);
        for (var i = 0; i < MostBuckets; i++)
        {
            left -= _delays[i];
            if (left <= 0)
            {
                return i / 10.0;
            }
        }

        return double.PositiveInfinity;
    }
}
