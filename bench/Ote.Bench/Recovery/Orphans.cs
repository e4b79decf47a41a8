using System.Globalization;
using Ote.Bench.Load;
using Ote.Bench.Root;
using Ote.Cluster.Failover;

namespace Ote.Bench.Recovery;

/// <summary>One of five mid-level controllers is killed with all its children below it, and started again later.</summary>
internal static class Orphans
{
    private const int Mids = 5;
    private const int Neighbours = 10; // children of each of the others: they show that work goes on there, and bring the code into memory
    private const double MostSeconds = 3;
    private const double MostSkew = 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(15);

    public static async Task<IReadOnlyList<Row>> RunAsync(Surroundings around, int count, CancellationToken ct)
    {
        var folder = Directory.CreateDirectory(Path.Combine(around.Folder, "orphans")).FullName;
        await using var root = await RootServer.StartAsync(folder, around, ct);
        var mids = new List<MidLevel>();
        await using var load = ChildProcess.Start("load");
        await using var elsewhere = ChildProcess.Start("load");
        try
        {
            for (var i = 0; i < Mids; i++)
            {
                mids.Add(await MidLevel.StartAsync(folder, i, root, ct));
            }

            var bare = await HandshakesAsync(around, mids.Skip(1), root, count, ct);
            await load.ConnectAsync("follow", [mids[0].Address], root.IdentityDirectory, count, ct);
            await elsewhere.ConnectAsync("follow", mids.Skip(1).Select(m => m.Address), root.IdentityDirectory, Neighbours * (Mids - 1), ct, r => r["first"] = count);
            var all = count + (Neighbours * (Mids - 1));
            await root.WaitOnlineAsync(Mids + all, ct);
            var ready = await load.UntilAsync(now => now.All(s => s.Others >= Mids), Patience, around.Time, ct);
            if (ready.Count(s => s.Parent == mids[0].Name) != count)
            {
                throw new BenchException($"{ready.Count(s => s.Parent == mids[0].Name)} of {count} children are below {mids[0].Name}; nothing can be measured");
            }

            // What starting a thousand controllers left to do is no part of what follows.
            await Task.Delay(Settle, around.Time, ct);
            return [.. await KilledAsync(around, mids, load, count, bare, ct), .. await BackAsync(around, root, mids[0], [load, elsewhere], count, all, ct)];
        }
        finally
        {
            await Task.WhenAll(mids.Select(m => m.DisposeAsync().AsTask()));
        }
    }

    /// <summary>Seconds for as many bare handshakes at the parents that will be left; the second time counts.</summary>
    private static async Task<double> HandshakesAsync(Surroundings around, IEnumerable<MidLevel> mids, RootServer root, int count, CancellationToken ct)
    {
        string[] servers = [.. mids.Select(m => m.Address)];
        await using var load = ChildProcess.Start("load");
        await load.ConnectAsync("handshakes", servers, root.IdentityDirectory, count, ct);
        var start = around.Time.GetTimestamp();
        await load.ConnectAsync("handshakes", servers, root.IdentityDirectory, count, ct);
        return around.Time.GetElapsedTime(start).TotalSeconds;
    }

    private static async Task<IReadOnlyList<Row>> KilledAsync(
        Surroundings around, List<MidLevel> mids, ChildProcess load, int count, double bare, CancellationToken ct)
    {
        var killed = around.Time.GetTimestamp();
        await mids[0].KillAsync(ct);
        var after = await load.UntilAsync(now => now.All(s => s.Parent is { } p && p != mids[0].Name), Patience, around.Time, ct);
        var loads = mids.Skip(1).Select(m => after.Count(s => s.Parent == m.Name)).ToArray();
        var even = (double)count / loads.Length;
        var times = after.Select(s => s.Parent == mids[0].Name ? 0 : s.Since).ToArray();
        var n = count.ToString(CultureInfo.InvariantCulture);
        return
        [
            Row.WithLimit($"a parent of {n} killed: 99 % of its children attached elsewhere after (baseline: {n} bare TLS handshakes at the same parents)", times.Percentile(0.99, killed, around.Time), "s", MostSeconds, bare),
            new Row("  half of them after", times.Percentile(0.5, killed, around.Time), "s", null, null, null),
            new Row("  the last after", times.Percentile(1, killed, around.Time), "s", null, null, null),
            Row.Exactly("  attached elsewhere", after.Count(s => s.Parent is { } p && p != mids[0].Name), "children", count),
            Row.WithLimit(string.Create(CultureInfo.InvariantCulture, $"  most uneven load of the parents left ({string.Join(", ", loads)}) beside {even:0.#} each"), loads.Max(l => Math.Abs(l - even)) / even * 100, "%", MostSkew),
        ];
    }

    private static async Task<IReadOnlyList<Row>> BackAsync(Surroundings around, RootServer root, MidLevel home, ChildProcess[] loads, int count, int all, CancellationToken ct)
    {
        var load = loads[0];
        var stable = new FailoverOptions().StableFor;
        var before = await load.StandingsAsync(ct);
        var stream = new CommandStream(root, all, around.Time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var streaming = stream.RunAsync(ended.Token, ct);
        await home.StartAgainAsync(ct);
        var started = around.Time.GetTimestamp();
        var after = await load.UntilAsync(now => now.All(s => s.Parent == home.Name), stable + Patience, around.Time, ct);
        await Task.Delay(Settle, around.Time, ct); // who moves once more would do so now
        await ended.CancelAsync();
        await streaming;
        var over = await stream.EndedAsync(Patience, ct);
        var last = await load.StandingsAsync(ct);
        var clusters = (await Task.WhenAll(loads.Select(l => l.StandingsAsync(ct)))).SelectMany(s => s).ToArray();
        return
        [
            Row.Exactly("the killed parent started again: children that returned to it", last.Count(s => s.Parent == home.Name), "children", count),
            Row.Exactly("  most moves of one child", last.Zip(before, (now, then) => now.Attachments - then.Attachments).Max(), "moves", 1),
            new Row("  the last returned after (baseline: how long a parent must have been well)", after.Select(s => s.Since).Percentile(1, started, around.Time), "s", stable.TotalSeconds, null, null),
            Row.Exactly("  commands to all, one each 2 s meanwhile, that ended with every answer", over, "commands", stream.Sent),
            Row.Exactly("  carried out by all clusters together", clusters.Sum(s => s.Ran), "times", (double)stream.Sent * all),
            Row.Exactly("  carried out twice", clusters.Sum(s => s.Twice), "times", 0),
        ];
    }
}
