using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Bench.Load;

namespace Ote.Bench.Mirror;

/// <summary>Many clusters in which something changes all the time, each a whole controller with a link of its own: how soon the root shows it, and what that costs the root.</summary>
internal static class SteadyChanges
{
    private const int Clusters = 1000;
    private const double MostLag = 1;
    private const double MostCores = 1.5;
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Measured = TimeSpan.FromSeconds(30);

    public static async Task<IReadOnlyList<Row>> RunAsync(Surroundings around, CancellationToken ct)
    {
        var folder = Directory.CreateDirectory(Path.Combine(around.Folder, "steady")).FullName;
        await using var root = ChildProcess.Start("serve", folder);
        await using var load = ChildProcess.Start("load");
        var at = await root.AskAsync(new JsonObject { ["do"] = "root", ["folder"] = folder, ["port"] = 0 }, ct);
        await root.AskAsync(new JsonObject { ["do"] = "mirror", ["folder"] = folder }, ct);
        await load.ConnectAsync("report", at.Texts("servers"), (string)at["identity"]!, Clusters, ct);
        await root.AskAsync(new JsonObject { ["do"] = "wait", ["count"] = Clusters }, ct);
        await Task.Delay(Settle, around.Time, ct);
        await root.AskAsync(new JsonObject { ["do"] = "lags" }, ct);
        var before = await CpuAsync(root, ct);
        var began = around.Time.GetTimestamp();
        await Task.Delay(Measured, around.Time, ct);
        var lags = await root.AskAsync(new JsonObject { ["do"] = "lags" }, ct);
        var seconds = around.Time.GetElapsedTime(began).TotalSeconds;
        var cores = (await CpuAsync(root, ct) - before) / 1000 / seconds;
        var made = Clusters / ChurningCluster.Interval.TotalSeconds;
        var n = string.Create(CultureInfo.InvariantCulture, $"{made:N0} changes a second in {Clusters:N0} clusters");
        return
        [
            Row.WithLimit($"{n}: shown at the root after, 99 %", (double?)lags["p99"] ?? double.NaN, "s", MostLag),
            new Row("  the middle one", (double?)lags["median"] ?? double.NaN, "s", null, null, null),
            new Row("  the last", (double?)lags["most"] ?? double.NaN, "s", null, null, null),
            Row.WithLeastRatio("  shown a second (baseline: made)", (int)lags["count"]! / seconds, "1/s", made, 0.98),
            Row.WithLimit("  CPU of the root's process", cores, "cores", MostCores),
        ];
    }

    private static async Task<double> CpuAsync(ChildProcess root, CancellationToken ct) => (double)(await root.AskAsync(new JsonObject { ["do"] = "cpu" }, ct))["cpu"]!;
}
