using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Bench.Load;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Bench.Crash;

/// <summary>
/// The embedded API server, in a process of its own, killed at random moments while clients write and watch. After each kill its file is looked at; after each start the watchers must come to know every
/// version that was acknowledged.
/// </summary>
internal static class CrashBench
{
    private const int Writers = 8;
    private const int WatcherCount = 4;
    private const int MostMillisecondsUntilKill = 300;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(5);

    public static async Task<IReadOnlyList<Row>> RunAsync(Surroundings around, int rounds, int seed, CancellationToken ct)
    {
        var random = new Random(seed);
        var data = Path.Combine(around.Folder, "data");
        var (server, at) = await StartAsync(around, data, 0, ct);
        var port = (int)at["port"]!;
        var access = Kubeconfig.Load((string)at["kubeconfig"]!);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(ct);
        List<KubeClient> clients = [.. Enumerable.Range(0, Writers + WatcherCount).Select(_ => new KubeClient(access.CreateHttpClient(around.Time)))];
        List<Task> running = [];
        var starts = new List<double>();
        var (lost, damaged, gaps) = (0, 0, 0);
        var writers = new CrashWriters(clients[..Writers], around.Time);
        var watchers = new List<CrashWatcher>();
        try
        {
            var first = await clients[0].ListAsync(Kinds.ConfigMaps, "default", null, ct);
            watchers.AddRange(clients[Writers..].Select(c => new CrashWatcher(Endless(c.Http), long.Parse(first.ResourceVersion, CultureInfo.InvariantCulture), around.Time)));
            running.AddRange(watchers.Select(w => w.RunAsync(enough.Token)));
            running.Add(writers.RunAsync(enough.Token));
            for (var round = 1; round <= rounds; round++)
            {
                var before = writers.Count;
                await UntilAsync(() => writers.Count > before, "a write to be acknowledged", around.Time, ct);
                await Task.Delay(TimeSpan.FromMilliseconds(random.NextDouble() * MostMillisecondsUntilKill), around.Time, ct);
                await server.KillAsync(ct);

                // Answers that were on their way when it died are in by the time the file has been copied, and what they tell of is in the file all the same.
                var (whole, missing) = KilledFile.Look(data, Path.Combine(around.Folder, "look"), writers.Acknowledged.ToDictionary());
                damaged += whole ? 0 : 1;
                lost += missing;
                var began = around.Time.GetTimestamp();
                await server.DisposeAsync();
                (server, _) = await StartAsync(around, data, port, ct);
                starts.Add(around.Time.GetElapsedTime(began).TotalMilliseconds);

                var acknowledged = writers.TakeVersions();
                var newest = acknowledged.DefaultIfEmpty().Max();
                await UntilAsync(() => watchers.TrueForAll(w => w.Newest >= newest), "the watchers to see what was acknowledged", around.Time, ct);
                gaps += watchers.Sum(w => w.Missing(acknowledged));
                if (round % 10 == 0 || round == rounds)
                {
                    await Console.Error.WriteLineAsync(string.Create(
                        CultureInfo.InvariantCulture, $"crash: {round} of {rounds} kills; {writers.Count} acknowledged, {lost} lost, {damaged} files damaged, {gaps} gaps, {watchers.Sum(w => w.Faults)} doubled"));
                }
            }
        }
        finally
        {
            await enough.CancelAsync();
            await Task.WhenAll(running);
            clients.ForEach(c => c.Dispose());
            await server.DisposeAsync();
        }

        starts.Sort();
        return
        [
            Row.Exactly($"kills at random moments under {Writers} writers and {WatcherCount} watchers", rounds, "kills", rounds),
            new Row("  writes acknowledged meanwhile", writers.Count, "writes", null, null, null),
            Row.Exactly("  acknowledged and not in the file after a kill", lost, "writes", 0),
            Row.Exactly("  files that SQLite's integrity check or a row's sum finds damaged", damaged, "files", 0),
            Row.Exactly("  acknowledged and not seen by a watcher that goes on from the last version it knew", gaps, "events", 0),
            Row.Exactly("  seen twice or out of order by a watcher, or refused to it", watchers.Sum(w => w.Faults), "events", 0),
            new Row("  start of the killed server's process to its API, median", starts[starts.Count / 2], "ms", null, null, null),
        ];
    }

    /// <summary>A watch lasts as long as it lasts.</summary>
    private static HttpClient Endless(HttpClient http)
    {
        http.Timeout = Timeout.InfiniteTimeSpan;
        return http;
    }

    private static async Task<(ChildProcess Server, JsonObject At)> StartAsync(Surroundings around, string data, int port, CancellationToken ct)
    {
        var child = ChildProcess.Start("serve", around.Folder);
        try
        {
            return (child, await child.AskAsync(new JsonObject { ["do"] = "api", ["folder"] = data, ["port"] = port }, ct));
        }
        catch
        {
            await child.DisposeAsync();
            throw;
        }
    }

    private static async Task UntilAsync(Func<bool> condition, string what, TimeProvider time, CancellationToken ct)
    {
        var began = time.GetTimestamp();
        while (!condition())
        {
            if (time.GetElapsedTime(began) > Patience)
            {
                throw new BenchException($"waited {Patience.TotalSeconds:0} s for {what}");
            }

            await Task.Delay(Look, time, ct);
        }
    }
}
