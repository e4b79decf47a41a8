using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Bench.Load;

namespace Ote.Bench.Recovery;

/// <summary>The root is killed with all clusters right below it and started again at once; beside the storm in which they joined.</summary>
internal static class RootAway
{
    private const double MostSeconds = 30;
    private const double MostCpu = 2;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(2);

    public static async Task<IReadOnlyList<Row>> RunAsync(Surroundings around, int count, CancellationToken ct)
    {
        var folder = Directory.CreateDirectory(Path.Combine(around.Folder, "root-away")).FullName;
        var root = ChildProcess.Start("serve", folder);
        await using var load = ChildProcess.Start("load");
        try
        {
            var server = (await StartAsync(root, folder, 0, ct)).Texts("servers")[0];
            var ticket = await root.AskAsync(new JsonObject { ["do"] = "token", ["uses"] = count }, ct);
            await load.ConnectAsync("join", [server], "", count, ct, request => (request["token"], request["pin"]) = ((string)ticket["token"]!, (string)ticket["pin"]!));
            var joins = await WaitAsync(root, count, around, ct);
            var bare = await HandshakesAsync(around, server, Path.Combine(folder, "root", "identity"), count, ct);

            var killed = around.Time.GetTimestamp();
            await root.KillAsync(ct);
            await root.DisposeAsync();
            root = ChildProcess.Start("serve", folder);
            await StartAsync(root, folder, new Uri(server).Port, ct);
            var served = around.Time.GetElapsedTime(killed).TotalSeconds;
            var all = await load.UntilAsync(all => all.All(s => s.Parent is not null && s.Since > killed), Patience, around.Time, ct);
            var cpu = await WaitAsync(root, count, around, ct);
            var n = count.ToString(CultureInfo.InvariantCulture);
            return
            [
                Row.WithLimit($"the root of {n} killed and started again: all attached after (baseline: {n} bare TLS handshakes at the same root)", all.Select(s => s.Since).Percentile(1, killed, around.Time), "s", MostSeconds, bare),
                new Row("  half of them after", all.Select(s => s.Since).Percentile(0.5, killed, around.Time), "s", null, null, null),
                new Row("  the root served again after", served, "s", null, null, null),
                Row.Exactly("  attached and online in its control API", all.Count(s => s.Parent is not null && s.Since > killed), "clusters", count),
                Row.WithRatio($"  CPU of its process from its start until then (baseline: the same from its first start until all {n} had joined)", cpu, "ms", joins, MostCpu),
            ];
        }
        finally
        {
            await root.DisposeAsync();
        }
    }

    private static Task<JsonObject> StartAsync(ChildProcess root, string folder, int port, CancellationToken ct) =>
        root.AskAsync(new JsonObject { ["do"] = "root", ["folder"] = folder, ["port"] = port }, ct);

    /// <summary>Seconds for as many bare handshakes at the root.</summary>
    private static async Task<double> HandshakesAsync(Surroundings around, string server, string identity, int count, CancellationToken ct)
    {
        await using var load = ChildProcess.Start("load");
        var start = around.Time.GetTimestamp();
        await load.ConnectAsync("handshakes", [server], identity, count, ct);
        return around.Time.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Waits until so many are online in the root's control API; the CPU its process has used by then.</summary>
    private static async Task<double> WaitAsync(ChildProcess root, int count, Surroundings around, CancellationToken ct)
    {
        await root.AskAsync(new JsonObject { ["do"] = "wait", ["count"] = count }, ct);
        await Task.Delay(Settle, around.Time, ct);
        return (double)(await root.AskAsync(new JsonObject { ["do"] = "cpu" }, ct))["cpu"]!;
    }
}
