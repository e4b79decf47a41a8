using System.Globalization;
using Ote.Bench.Load;

namespace Ote.Bench;

/// <summary>What a link costs while nothing is sent over it; beside a bare WebSocket over TLS.</summary>
internal static class Idle
{
    private const double MostMemory = 1.5;
    private const double MostBytes = 20;
    private const int WarmUp = 50;
    private const int Sample = 20;
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(27); // six heartbeats

    public static async Task<IReadOnlyList<Row>> RunAsync(Surroundings around, int count, CancellationToken ct)
    {
        var ours = await MeasureAsync(around, "root", "links", count, ct);
        var bare = await MeasureAsync(around, "bare", "bare", count, ct);
        var n = count.ToString(CultureInfo.InvariantCulture);
        return
        [
            Row.WithRatio($"memory of the root's process per idle link at {n} (baseline: bare WebSocket over TLS)", ours.Resident, "KB", bare.Resident, MostMemory),
            new Row($"  of it on the managed heap at {n}", ours.Heap, "KB", bare.Heap, null, null),
            Row.WithLimit($"bytes a second per idle link at {n}, both ways, TLS records included", ours.BytesPerSecond, "B/s", MostBytes, bare.BytesPerSecond),
            Row.Exactly($"links still up of {n}", ours.Up, "links", count + WarmUp),
        ];
    }

    private static async Task<(double Resident, double Heap, double BytesPerSecond, int Up)> MeasureAsync(
        Surroundings around, string server, string links, int count, CancellationToken ct)
    {
        await using var serve = ChildProcess.Start("serve");
        await using var load = ChildProcess.Start("load");
        var at = await serve.AskAsync(new() { ["do"] = server }, ct);
        var (servers, identity) = (at.Texts("servers"), (string)at["identity"]!);

        // The first links bring code and pools into memory; they are no part of what one more costs.
        await load.ConnectAsync(links, servers, identity, WarmUp, ct, r => r["relayed"] = Sample);
        await Task.Delay(Settle, around.Time, ct);
        var before = await serve.StatsAsync(ct);
        await load.ConnectAsync(links, servers, identity, count, ct, r => r["first"] = WarmUp);
        await Task.Delay(Settle, around.Time, ct);

        var (start, relayed) = (around.Time.GetTimestamp(), (long)(await load.StatsAsync(ct))["relayed"]!);
        await Task.Delay(Window, around.Time, ct);
        var said = await load.StatsAsync(ct);
        var seconds = around.Time.GetElapsedTime(start).TotalSeconds;
        var after = await serve.StatsAsync(ct);
        return (
            ((long)after["rss"]! - (long)before["rss"]!) / 1024.0 / count,
            ((long)after["heap"]! - (long)before["heap"]!) / 1024.0 / count,
            ((long)said["relayed"]! - relayed) / seconds / Sample,
            (int)said["up"]!);
    }
}
