using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Ote.Bench.Access;

/// <summary>
/// Live access through three links beside the same at the cluster itself: how long one request takes, how many go through at once, and bytes of a large answer. All six processes share the machine's processors;
/// so do as many that only pass bytes from one TLS connection to another, and what goes through those is told too: it is the most that could go through.
/// </summary>
internal static class AccessBench
{
    private const int Gets = 1000;
    private const int WarmUp = 300;
    private const int AtOnce = 8;
    private const int Concurrent = 4000;
    private const int Large = 400; // configmaps of a list
    private const int LargeBytes = 50_000;
    private const int Lists = 7;
    private const int Hops = 4; // root, north, mid, site
    private const double LeastThroughput = 0.6;
    private const double MostAddedMilliseconds = 1.5;

    public static async Task<IReadOnlyList<Row>> RunAsync(Surroundings around, CancellationToken ct)
    {
        await using var fleet = await FleetProcesses.StartAsync(around, ct);
        using var direct = fleet.Direct.CreateHttpClient(around.Time);
        using var through = fleet.Fleet.CreateHttpClient(around.Time);
        await FillAsync(direct, ct);
        var small = "api/v1/namespaces/default";
        await using var hops = await BareHops.StartAsync(fleet.Direct, Hops, around.Time, ct);
        using var bare = hops.Entry.CreateHttpClient(around.Time);
        var prefix = $"clusters/{FleetProcesses.Site}/";
        await WaitAsync(around, through, prefix + small, ct);
        // In turns, so that what else the machine does meets both.
        double[] latencyDirect = [], latencyThrough = [], latencyBare = [];
        foreach (var _ in Enumerable.Range(0, 2))
        {
            latencyDirect = await LatencyAsync(around, direct, small, ct);
            latencyThrough = await LatencyAsync(around, through, prefix + small, ct);
            latencyBare = await LatencyAsync(around, bare, small, ct);
        }

        var atOnceDirect = await AtOnceAsync(around, direct, small, ct);
        var atOnceThrough = await AtOnceAsync(around, through, prefix + small, ct);
        var atOnceBare = await AtOnceAsync(around, bare, small, ct);
        var list = "api/v1/namespaces/default/configmaps";
        var bytesDirect = await BytesAsync(around, direct, list, ct);
        var bytesThrough = await BytesAsync(around, through, prefix + list, ct);
        var bytesBare = await BytesAsync(around, bare, list, ct);
        return
        [
            Row.WithLimit("added to one request by three links, median", latencyThrough[Gets / 2] - latencyDirect[Gets / 2], "ms", MostAddedMilliseconds, latencyDirect[Gets / 2]),
            new Row("  one request through three links, median (baseline: at the cluster itself)", latencyThrough[Gets / 2], "ms", latencyDirect[Gets / 2], null, null),
            new Row("  99 % of them", latencyThrough[Gets * 99 / 100], "ms", latencyDirect[Gets * 99 / 100], null, null),
            new Row($"  the middle one (baseline: through {Hops} processes that only pass bytes over TLS)", latencyThrough[Gets / 2], "ms", latencyBare[Gets / 2], null, null),
            Row.WithLeastRatio(string.Create(CultureInfo.InvariantCulture, $"a list of {Large * LargeBytes / 1_000_000} MB through three links (baseline: at the cluster itself)"), bytesThrough, "MB/s", bytesDirect, LeastThroughput),
            new Row($"  the same (baseline: through {Hops} processes that only pass bytes over TLS)", bytesThrough, "MB/s", bytesBare, null, null),
            Row.WithLeastRatio($"small requests, {AtOnce} at once (baseline: at the cluster itself)", atOnceThrough, "1/s", atOnceDirect, LeastThroughput),
            new Row($"  the same (baseline: through {Hops} processes that only pass bytes over TLS)", atOnceThrough, "1/s", atOnceBare, null, null),
        ];
    }

    private static string Name(int i) => string.Create(CultureInfo.InvariantCulture, $"large-{i:d4}");

    private static async Task FillAsync(HttpClient cluster, CancellationToken ct)
    {
        var value = new string('x', LargeBytes);
        await Parallel.ForAsync(0, Large, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, async (i, stop) =>
        {
            var obj = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "ConfigMap", ["metadata"] = new JsonObject { ["name"] = Name(i) }, ["data"] = new JsonObject { ["v"] = value } };
            using var answer = await cluster.PostAsync("api/v1/namespaces/default/configmaps", new StringContent(obj.ToJsonString(), Encoding.UTF8, "application/json"), stop);
            answer.EnsureSuccessStatusCode();
        });
    }

    /// <summary>Until the tree leads there.</summary>
    private static async Task WaitAsync(Surroundings around, HttpClient http, string path, CancellationToken ct)
    {
        while (true)
        {
            using var answer = await http.GetAsync(path, ct);
            if (answer.IsSuccessStatusCode)
            {
                return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), around.Time, ct);
        }
    }

    private static async Task<double[]> LatencyAsync(Surroundings around, HttpClient http, string path, CancellationToken ct)
    {
        var times = new double[Gets];
        for (var i = -WarmUp; i < Gets; i++)
        {
            var began = around.Time.GetTimestamp();
            await http.GetByteArrayAsync(path, ct);
            if (i >= 0)
            {
                times[i] = around.Time.GetElapsedTime(began).TotalMilliseconds;
            }
        }

        Array.Sort(times);
        return times;
    }

    private static async Task<double> AtOnceAsync(Surroundings around, HttpClient http, string path, CancellationToken ct)
    {
        var began = 0L;
        foreach (var count in (int[])[Concurrent / 4, Concurrent])
        {
            began = around.Time.GetTimestamp();
            await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = ct }, async (_, stop) => await http.GetByteArrayAsync(path, stop));
        }

        return Concurrent / around.Time.GetElapsedTime(began).TotalSeconds;
    }

    private static async Task<double> BytesAsync(Surroundings around, HttpClient http, string path, CancellationToken ct)
    {
        var rates = new double[Lists];
        for (var i = -1; i < Lists; i++)
        {
            var began = around.Time.GetTimestamp();
            await using var answer = await http.GetStreamAsync(path, ct);
            var buffer = new byte[256 * 1024];
            long bytes = 0;
            while (await answer.ReadAsync(buffer, ct) is > 0 and var count)
            {
                bytes += count;
            }

            if (i >= 0)
            {
                rates[i] = bytes / 1e6 / around.Time.GetElapsedTime(began).TotalSeconds;
            }
        }

        Array.Sort(rates);
        return rates[Lists / 2];
    }
}
