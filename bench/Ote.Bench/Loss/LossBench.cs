using Ote.Bench.Bare;
using Ote.Bench.Load;
using Ote.Bench.Root;
using Ote.Testing.Links;

namespace Ote.Bench.Loss;

/// <summary>Commands over one link on which 3 % of all packets get lost and the round trip takes 200 ms; beside one message at a time on the same wire.</summary>
internal static class LossBench
{
    private const int Commands = 1000;
    private const double LeastRatio = 50;
    private static readonly TimeSpan StopAndWait = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    public static async Task<IReadOnlyList<Row>> RunAsync(Surroundings around, CancellationToken ct)
    {
        var rows = new List<Row>();
        foreach (var control in await WireToProcess.CongestionControlsAsync(ct))
        {
            await using var load = ChildProcess.Start("load", networkOfItsOwn: true);
            await load.StatsAsync(ct); // it runs, and so has its namespace
            using var wire = await WireToProcess.StartAsync(load.Id, control, around, ct);
            rows.AddRange(await MeasureAsync(around, control, wire, load, ct));
        }

        return rows;
    }

    private static async Task<IReadOnlyList<Row>> MeasureAsync(Surroundings around, string control, WireToProcess wire, ChildProcess load, CancellationToken ct)
    {
        var folder = Path.Combine(around.Folder, control);
        await using var root = await RootServer.StartAsync(folder, around, ct, listen: new(wire.Near, 0));
        await using var bare = await BareServer.StartAsync(root.IdentityDirectory, around.Time, ct, wire.Near);
        await load.ConnectAsync("bare", [$"https://{bare.EndPoint}"], root.IdentityDirectory, 1, ct);
        var (message, _) = Samples.Bare();
        var (rounds, start) = (0, around.Time.GetTimestamp());
        while (around.Time.GetElapsedTime(start) < StopAndWait)
        {
            await bare.RoundAsync(message, ct);
            rounds++;
        }

        var oneByOne = rounds / around.Time.GetElapsedTime(start).TotalSeconds;
        await load.ConnectAsync("links", [$"https://{root.EndPoint}"], root.IdentityDirectory, 1, ct, r => r["first"] = 1);
        await root.WaitOnlineAsync(1, ct);
        await root.CommandAsync("first", Samples.Body, 1, ct);

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(Patience);
        var many = await RateAsync("lossy");
        var packets = wire.Packets;
        wire.Faults = WireFaults.None;
        var clean = await RateAsync("clean");
                return
        [
            Row.WithLeastRatio($"commands a second over a lossy link, {Commands} at once, each with its stored answer; TCP with {control} (baseline: one message at a time over the same wire)", many, "1/s", oneByOne, LeastRatio),
            new Row("  packets lost of all on the wire", 100.0 * packets.Lost / packets.All, "%", WireToProcess.Lossy.Forth * 100, null, null),
            new Row("  the same commands over the same wire without loss and delay: what control API and machine allow", clean, "1/s", null, null, null),
        ];

        async Task<double> RateAsync(string name) => Commands / (await root.CommandsAsync(name, Samples.Body, Commands, limit.Token)).TotalSeconds;
    }
}
