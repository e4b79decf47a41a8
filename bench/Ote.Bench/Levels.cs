using System.Globalization;
using Ote.Bench.Load;
using Ote.Bench.Root;
using Ote.Bench.Serve;

namespace Ote.Bench;

/// <summary>One command through levels of controllers, each level in a process of its own; beside the same number of clusters right below the root.</summary>
internal static class Levels
{
    private const int Rounds = 15; // as many as the flat one: both have warmed up by the middle
    private const double MostBesideFlat = 3;
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(500);

    public static async Task<IReadOnlyList<Row>> RunAsync(Surroundings around, int fan, int depth, CancellationToken ct)
    {
        var leaves = (int)Math.Pow(fan, depth);
        var (deep, sent, received, edges) = await DeepAsync(around, fan, depth, leaves, ct);
        var (flat, _) = await Fanout.OursAsync(around, Path.Combine(around.Folder, "flat"), leaves, ct);
        var shape = string.Create(CultureInfo.InvariantCulture, $"fan {fan}, depth {depth}");
        return
        [
            Row.WithRatio($"command to {leaves} clusters through {shape}, all answers stored; median of {Rounds} (baseline: all right below the root)", deep.Milliseconds, "ms", flat.Milliseconds, MostBesideFlat),
            Row.Exactly($"command messages sent over the {edges} edges, one command", sent, "messages", edges),
            Row.Exactly("command messages received by the leaves, one command", received, "messages", leaves),
        ];
    }

    private static async Task<(Median Time, long Sent, long Received, int Edges)> DeepAsync(
        Surroundings around, int fan, int depth, int leaves, CancellationToken ct)
    {
        using var counter = new MessageCounter();
        await using var root = await RootServer.StartAsync(Path.Combine(around.Folder, "deep"), around, ct);
        await using var load = ChildProcess.Start("load");
        var levels = new List<ChildProcess>();
        try
        {
            string[] parents = [$"https://{root.EndPoint}"];
            var (size, edges) = (1, leaves);
            for (var level = 1; level < depth; level++)
            {
                size *= fan;
                edges += size;
                var serve = ChildProcess.Start("serve");
                levels.Add(serve);
                var prefix = string.Create(CultureInfo.InvariantCulture, $"l{level}");
                var at = await serve.ConnectAsync("level", parents, root.IdentityDirectory, size, ct, r => r["prefix"] = prefix);
                parents = at.Texts("servers");
            }

            await load.ConnectAsync("links", parents, root.IdentityDirectory, leaves, ct);
            await root.WaitOnlineAsync(edges, ct);
            var time = await Median.OfAsync(Rounds, i => CommandAsync(i));
            var (sentBefore, receivedBefore) = await CountAsync();
            await CommandAsync(Rounds + 1);
            var (sent, received) = await CountAsync();
            return (time, sent - sentBefore, received - receivedBefore, edges);
        }
        finally
        {
            foreach (var level in Enumerable.Reverse(levels))
            {
                await level.DisposeAsync();
            }
        }

        Task<TimeSpan> CommandAsync(int i) => root.CommandAsync(string.Create(CultureInfo.InvariantCulture, $"round-{i}"), Samples.Body, leaves, ct);

        // A level sends commands down and receipts up on one lane; the receipts are what the level above received beyond its own commands.
        async Task<(long Sent, long Received)> CountAsync()
        {
            await Task.Delay(Settle, around.Time, ct);
            var (commands, receiptsFromBelow) = (counter.Out, counter.In);
            var sum = commands;
            foreach (var level in levels)
            {
                var stats = await level.StatsAsync(ct);
                var own = (long)stats["out"]! - receiptsFromBelow;
                receiptsFromBelow = (long)stats["in"]! - commands;
                commands = own;
                sum += own;
            }

            return (sum, (long)(await load.StatsAsync(ct))["received"]!);
        }
    }
}
