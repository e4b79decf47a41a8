using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Testing.Kubernetes;

namespace Ote.Bench.Store;

/// <summary>The embedded API server beside the real one, v1.20 with etcd, on the same machine and asked the same: writes, reads, watches, memory, start.</summary>
internal static class StoreBench
{
    private const int Writers = 64;
    private const int Gets = 2000;
    private const int Lists = 9;
    private const int WatcherCount = 1000;
    public const int ChangesPerSecond = 100;
    private const int StartObjects = 100_000;
    private const int CreateRounds = 3;
    private const double LeastOfBare = 0.4;
    private static readonly TimeSpan Watching = TimeSpan.FromSeconds(15);

    public static async Task<IReadOnlyList<Row>> RunAsync(Surroundings around, string? ote, int pods, CancellationToken ct)
    {
        var tools = await KubernetesTools.FindAsync(ct);
        byte[][] bodies = [.. Enumerable.Range(0, pods).Select(Samples.Pod)];
        byte[][] more = [.. Enumerable.Range(pods, pods).Select(Samples.Pod)];
        var n = pods.ToString("N0", CultureInfo.InvariantCulture);

        Say("bare inserts");
        var bare = BareInserts.PerSecond(Path.Combine(around.Folder, "bare"), bodies, Writers, around.Time);
        var single = BareInserts.PerSecond(Path.Combine(around.Folder, "single"), bodies, 1, around.Time);
        Measured real, ours;
        Say("the real one");
        await using (var api = await ApiUnderTest.RealAsync(tools, durable: true, around.Time, ct))
        {
            real = await MeasureAsync(api, bodies, more, around.Time, ct);
        }

        Say("the embedded one");
        await using (var api = await EmbeddedAsync(around, ote, "embedded", ct))
        {
            ours = await MeasureAsync(api, bodies, more, around.Time, ct);
        }

        Say($"{StartObjects} objects, and a start");
        var start = await StartAsync(around, ote, ct);
        return
        [
            Row.WithLeastRatio($"durable creates of pods, {Writers} writers (baseline: bare SQLite inserts of the same bytes, {Writers} in each commit)", ours.Creates, "1/s", bare, LeastOfBare),
            Row.WithLeastRatio("the same (baseline: bare SQLite inserts of the same bytes by one writer, each with a commit and a flush of its own)", ours.Creates, "1/s", single, LeastOfBare),
            Row.WithLeastRatio("the same beside kube-apiserver and etcd with fsync", ours.Creates, "1/s", real.Creates, 1),
            Row.WithLeastRatio($"as many more by a server that has run for a while (baseline: bare inserts, {Writers} in each commit)", ours.Later, "1/s", bare, LeastOfBare),
            Row.WithLeastRatio("the same (baseline: bare inserts, each with a flush of its own)", ours.Later, "1/s", single, LeastOfBare),
            Row.WithLeastRatio("the same beside kube-apiserver and etcd with fsync, after as long", ours.Later, "1/s", real.Later, 1),
            .. Beside("get one pod", ours.Get, real.Get),
            .. Beside($"list {n} pods", ours.List, real.List),
            .. Beside($"list a hundredth of {n} pods by label", ours.ByLabel, real.ByLabel),
            Row.WithLimit($"{WatcherCount} watchers and one that does not read, {ChangesPerSecond} changes a second: 99 % of deliveries after (baseline: the real one)", ours.Delivery, "ms", 20, real.Delivery),
            Row.Exactly("deliveries of these", ours.Delivered, "changes", WatcherCount * ChangesPerSecond * Watching.TotalSeconds),
            Row.WithRatio($"memory of the server with {n} pods (baseline: kube-apiserver alone)", ours.Memory, "MB", real.Memory, 0.5),
            Row.WithLimit($"start with {StartObjects:N0} objects on disk, to the first answer", start, "s", 1),
        ];
    }

    /// <summary>One part of it, of the embedded server alone: for looking closer at that part.</summary>
    public static async Task<IReadOnlyList<Row>> OnlyAsync(Surroundings around, string? ote, string part, int pods, int perSecond, CancellationToken ct)
    {
        await using var api = await EmbeddedAsync(around, ote, "embedded", ct);
        if (part == Parts.Watchers)
        {
            var watchers = new Watchers(api, around.Time);
            var delivery = await watchers.RunAsync(WatcherCount, perSecond, Watching, ct);
            return
            [
                Row.WithLimit($"{WatcherCount} watchers and one that does not read, {perSecond} changes a second: 99 % of deliveries after", delivery, "ms", 20),
                Row.Alone("half of them after", watchers.Median, "ms"),
                Row.Exactly("deliveries of these", watchers.Delivered, "changes", WatcherCount * perSecond * Watching.TotalSeconds),
                Row.Alone("CPU of the server for 1,000 of them", watchers.ServerCpu, "ms"),
                Row.Alone("CPU of the process that reads, for 1,000 of them", watchers.ReaderCpu, "ms"),
            ];
        }

        List<Row> rows = [];
        for (var round = 0; round < CreateRounds; round++)
        {
            byte[][] bodies = [.. Enumerable.Range(round * pods, pods).Select(Samples.Pod)];
            var cpu = api.Cpu;
            rows.Add(Row.Alone($"durable creates of pods, {Writers} writers, round {round + 1}", await CreatesAsync(api, bodies, around.Time, ct), "1/s"));
            rows.Add(Row.Alone("CPU of the server for one", (api.Cpu - cpu) / pods, "ms"));
        }

        return rows;
    }

    /// <summary>The server that is measured: in a child of this process, or the native executable.</summary>
    private static Task<ApiUnderTest> EmbeddedAsync(Surroundings around, string? ote, string folder, CancellationToken ct) => ote is null
        ? ApiUnderTest.EmbeddedAsync(Path.Combine(around.Folder, folder), around.Time, ct)
        : ApiUnderTest.NativeAsync(ote, Path.Combine(around.Folder, folder), around.Time, ct);

    private static IEnumerable<Row> Beside(string what, Cost ours, Cost real) =>
    [
        Row.WithRatio($"{what}; median (baseline: the real one)", ours.Milliseconds, "ms", real.Milliseconds, 1),
        Row.WithRatio($"{what}, CPU of the server's processes", ours.Cpu, "ms", real.Cpu, 1),
    ];

    private static async Task<Measured> MeasureAsync(ApiUnderTest api, byte[][] bodies, byte[][] more, TimeProvider time, CancellationToken ct)
    {
        var creates = await CreatesAsync(api, bodies, time, ct);
        var get = await CostAsync(api, Gets, i => $"{Samples.Pods}/{Samples.Name((int)((long)i * 7919 % bodies.Length))}", time, ct);
        var list = await CostAsync(api, Lists, _ => Samples.Pods, time, ct);
        var byLabel = await CostAsync(api, Lists * 3, i => $"{Samples.Pods}?labelSelector=group%3Dg{i % Samples.Groups}", time, ct);
        var memory = api.Resident;
        var watchers = new Watchers(api, time);
        var delivery = await watchers.RunAsync(WatcherCount, ChangesPerSecond, Watching, ct);
        return new Measured(creates, await CreatesAsync(api, more, time, ct), get, list, byLabel, memory, delivery, watchers.Delivered);
    }

    /// <summary>How many a second are stored.</summary>
    private static async Task<double> CreatesAsync(ApiUnderTest api, byte[][] bodies, TimeProvider time, CancellationToken ct)
    {
        var began = time.GetTimestamp();
        await Parallel.ForEachAsync(bodies, new ParallelOptions { MaxDegreeOfParallelism = Writers, CancellationToken = ct }, async (body, token) => await api.CreateAsync(Samples.Pods, body, token));
        return bodies.Length / time.GetElapsedTime(began).TotalSeconds;
    }

    /// <summary>One after the other, the first of them only to warm up.</summary>
    private static async Task<Cost> CostAsync(ApiUnderTest api, int count, Func<int, string> path, TimeProvider time, CancellationToken ct)
    {
        for (var i = 0; i < Math.Max(2, count / 10); i++)
        {
            await api.ReadAsync(path(i), ct);
        }

        var times = new double[count];
        var cpu = api.Cpu;
        for (var i = 0; i < count; i++)
        {
            var began = time.GetTimestamp();
            await api.ReadAsync(path(i), ct);
            times[i] = time.GetElapsedTime(began).TotalMilliseconds;
        }

        cpu = api.Cpu - cpu;
        Array.Sort(times);
        return new Cost(times[count / 2], cpu / count);
    }

    private static async Task<double> StartAsync(Surroundings around, string? ote, CancellationToken ct)
    {
        var folder = Path.Combine(around.Folder, "many", ote is null ? "" : ApiUnderTest.NativeData);
        await using (var server = await ApiServer.StartAsync(new ApiServerOptions { DataDirectory = folder }, NullLoggerFactory.Instance, around.Time, ct))
        {
            using var client = server.CreateClient(UserInfo.Admin);
            await Parallel.ForEachAsync(
                Enumerable.Range(0, StartObjects), new ParallelOptions { MaxDegreeOfParallelism = Writers, CancellationToken = ct },
                async (i, token) => await client.CreateAsync(Kinds.ConfigMaps, "default", new JsonObject
                {
                    ["metadata"] = new JsonObject { ["name"] = Samples.Name(i), ["labels"] = new JsonObject { ["group"] = $"g{i % Samples.Groups}" } },
                    ["data"] = new JsonObject { ["text"] = new string('x', 600) },
                }, token));
        }

        var began = around.Time.GetTimestamp();
        await using var api = await EmbeddedAsync(around, ote, "many", ct);
        await api.ReadAsync($"api/v1/namespaces/default/configmaps/{Samples.Name(4711)}", ct);
        return around.Time.GetElapsedTime(began).TotalSeconds;
    }

    private static void Say(string what) => Console.Error.WriteLine($"store: {what} ...");

    /// <summary>What <see cref="OnlyAsync"/> measures.</summary>
    public static class Parts
    {
        public const string Creates = "creates";
        public const string Watchers = "watchers";
    }

    private readonly record struct Cost(double Milliseconds, double Cpu);

    private sealed record Measured(double Creates, double Later, Cost Get, Cost List, Cost ByLabel, double Memory, double Delivery, long Delivered);
}
