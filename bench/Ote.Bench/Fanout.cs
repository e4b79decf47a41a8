using System.Globalization;
using Ote.Bench.Bare;
using Ote.Bench.Load;
using Ote.Bench.Root;

namespace Ote.Bench;

/// <summary>One command to N clusters over N real TLS links, every answer stored at the root; beside a bare WebSocket server that does as much talking.</summary>
internal static class Fanout
{
    public const int Reference = 1000;
    private const int Rounds = 15;
    private const double MostAtReference = 2;
    private const double MostAtTenThousand = 12;

    public static async Task<IReadOnlyList<Row>> RunAsync(Surroundings around, IReadOnlyList<int> counts, CancellationToken ct)
    {
        // The time at 10,000 is judged beside the time at 1,000 of the same run.
        var all = counts.Any(c => c > Reference) ? counts.Append(Reference) : counts;
        var rows = new List<Row>();
        double? reference = null;
        foreach (var count in all.Distinct().Order())
        {
            var (ours, writes, bare) = await MeasureAsync(around, count, ct);
            rows.Add(Row.WithRatio(
                string.Create(CultureInfo.InvariantCulture, $"command to {count} clusters, all answers stored; median of {Rounds} (baseline: bare WebSocket server)"),
                ours.Milliseconds, "ms", bare.Milliseconds, MostAtReference, applies: count == Reference));
            rows.Add(new Row(string.Create(CultureInfo.InvariantCulture, $"  CPU of the root's process for it at {count}, mean"), ours.Cpu, "ms", bare.Cpu, null, null));
            rows.Add(new Row(string.Create(CultureInfo.InvariantCulture, $"  writes to the control API's store for it at {count}"), writes, "writes", null, null, null));
            if (count == Reference)
            {
                reference = ours.Milliseconds;
            }
            else if (reference is { } at)
            {
                rows.Add(Row.WithRatio(
                    string.Create(CultureInfo.InvariantCulture, $"command to {count} clusters beside one to {Reference}"), ours.Milliseconds, "ms", at, MostAtTenThousand, applies: count == 10_000));
            }
        }

        return rows;
    }

    private static async Task<(Median Ours, long Writes, Median Bare)> MeasureAsync(Surroundings around, int count, CancellationToken ct)
    {
        var folder = Path.Combine(around.Folder, string.Create(CultureInfo.InvariantCulture, $"fanout-{count}"));
        var (ours, writes) = await OursAsync(around, folder, count, ct);
        await using var load = ChildProcess.Start("load");
        await using var server = await BareServer.StartAsync(Path.Combine(folder, "root", "identity"), around.Time, ct);
        await load.ConnectAsync("bare", [$"https://{server.EndPoint}"], Path.Combine(folder, "root", "identity"), count, ct);
        var (message, _) = Samples.Bare();
        return (ours, writes, await Median.OfAsync(Rounds, _ => server.RoundAsync(message, ct)));
    }

    /// <summary>The median time of one command to so many light children, and the store's writes for the last.</summary>
    public static async Task<(Median Time, long Writes)> OursAsync(Surroundings around, string folder, int count, CancellationToken ct)
    {
        await using var load = ChildProcess.Start("load");
        await using var root = await RootServer.StartAsync(folder, around, ct);
        await load.ConnectAsync("links", [$"https://{root.EndPoint}"], root.IdentityDirectory, count, ct);
        await root.WaitOnlineAsync(count, ct);
        var time = await Median.OfAsync(Rounds, i => root.CommandAsync(string.Create(CultureInfo.InvariantCulture, $"round-{i}"), Samples.Body, count, ct));
        return (time, root.LastWrites);
    }
}
