using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Bench.Load;
using Ote.Bench.Root;

namespace Ote.Bench;

/// <summary>N clusters join at once: request, approval by token, certificate, link; beside as many bare handshakes at the same listener.</summary>
internal static class Join
{
    private const double MostCpu = 3;
    private const int WarmUp = 50;
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(2);

    public static async Task<IReadOnlyList<Row>> RunAsync(Surroundings around, int count, CancellationToken ct)
    {
        await using var root = await RootServer.StartAsync(around.Folder, around, ct);
        string[] servers = [$"https://{root.EndPoint}"];
        var token = await root.TokenAsync(count + WarmUp, ct);

        // The first of each bring code into memory; they are no part of what is compared.
        await OpenAsync("handshakes", WarmUp, null);
        await OpenAsync("join", WarmUp, request =>
        {
            Ticket(request);
            request["first"] = count;
        });
        var (handshakes, _) = await CpuAsync(around, () => OpenAsync("handshakes", count, null), ct);
        await using var load = ChildProcess.Start("load");
        var (joins, seconds) = await CpuAsync(
            around,
            async () =>
            {
                await load.ConnectAsync("join", servers, "", count, ct, Ticket);
                await root.WaitOnlineAsync(count, ct);
            },
            ct);
        var online = await root.OnlineAsync(ct);
        var n = count.ToString(CultureInfo.InvariantCulture);
        return
        [
            Row.Exactly($"online at the root after {n} joins at once", online, "clusters", count),
            Row.WithRatio($"CPU of the root's process for {n} joins (baseline: {n} bare mutual TLS handshakes at the same listener)", joins, "ms", handshakes, MostCpu),
            new Row($"all {n} joined and online after", seconds, "s", null, null, null),
        ];

        void Ticket(JsonObject request)
        {
            request["token"] = token;
            request["pin"] = root.CaPin;
        }

        async Task OpenAsync(string kind, int links, Action<JsonObject>? more)
        {
            await using var other = ChildProcess.Start("load");
            await other.ConnectAsync(kind, servers, root.IdentityDirectory, links, ct, more);
            await Task.Delay(Settle, around.Time, ct);
        }
    }

    private static async Task<(double Cpu, double Seconds)> CpuAsync(Surroundings around, Func<Task> work, CancellationToken ct)
    {
        var (before, start) = (Environment.CpuUsage.TotalTime, around.Time.GetTimestamp());
        await work();
        var seconds = around.Time.GetElapsedTime(start).TotalSeconds;
        await Task.Delay(Settle, around.Time, ct);
        return ((Environment.CpuUsage.TotalTime - before).TotalMilliseconds, seconds);
    }
}
