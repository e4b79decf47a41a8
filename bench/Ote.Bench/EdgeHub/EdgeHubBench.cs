using Ote.Bench.Serve;
using Ote.Kube.Client;
using Ote.Testing.Kubernetes;

namespace Ote.Bench.EdgeHub;

/// <summary>
/// A node's hub between its components and a real kube-apiserver, with the objects of OpenYurt's published test: memory, what passing through costs, lists from the cache, bytes on the node's cable.
/// </summary>
internal static class EdgeHubBench
{
    private const int Pods = PublishedObjects.Pods;
    private const int Services = PublishedObjects.Services;
    private const int Endpoints = PublishedObjects.Endpoints;
    private const int Gets = 2000;
    private const int Lists = 31;
    private const double Mega = 1024 * 1024;
    private const string ServicesPath = "api/v1/services?resourceVersion=0";
    private const string SlicesPath = "apis/discovery.k8s.io/v1beta1/endpointslices?resourceVersion=0";
    private const string PodsPath = "api/v1/pods?resourceVersion=0";
    private const int SeldomLists = 5;
    private static readonly TimeSpan Calm = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Seldom = TimeSpan.FromSeconds(21); // longer than the hub has anything in memory that it has read

    public static async Task<IReadOnlyList<Row>> RunAsync(Surroundings around, string? asked, CancellationToken ct)
    {
        var executable = HubUnderTest.Published(asked);
        var tools = await KubernetesTools.FindAsync(ct);
        await using var plane = await RealControlPlane.StartAsync(new("edgehub-bench") { ControllerManager = false }, tools, around.Time, ct);
        await using var hub = await HubUnderTest.StartAsync(plane, executable, around.Folder, around.Time, ct);
        using var admin = hub.Admin(around.Time);
        Say($"{Pods} pods, {Services} services with {Endpoints} endpoints each");
        await new PublishedObjects(static pod => pod % 20 == 0 ? HubUnderTest.Node : $"other-{pod % 20}").FillAsync(admin, [HubUnderTest.Node], ct);

        Say("one request after the other");
        await ListAsync(hub.Through, $"api/v1/nodes?fieldSelector=metadata.name%3D{HubUnderTest.Node}&resourceVersion=0", ct); // as a kubelet begins
        var known = await OfGetsAsync([hub.OverCable, hub.Through], $"api/v1/nodes/{HubUnderTest.Node}?resourceVersion=0", around.Time, ct);
        var now = await OfGetsAsync([hub.OverCable, hub.Through, hub.ThroughBare], $"api/v1/nodes/{HubUnderTest.Node}", around.Time, ct);

        Say("lists");
        string[] all = [PodsPath, ServicesPath, SlicesPath];
        var before = hub.Cable.BytesDown;
        foreach (var path in all)
        {
            await ListAsync(hub.Through, path, ct); // the copy is filled
        }

        var filled = hub.Cable.BytesDown - before;
        var online = await OfListsAsync(hub.Direct, hub.Through, Lists, TimeSpan.Zero, around.Time, ct);
        var resident = new List<double>();
        await Task.Delay(Calm, around.Time, ct);
        resident.Add(Resident.BytesOf(hub.HubId) / Mega);
        hub.Cable.Cut();
        var offline = await OfListsAsync(hub.Direct, hub.Through, Lists, TimeSpan.Zero, around.Time, ct);
        var seldom = await OfListsAsync(hub.Direct, hub.Through, SeldomLists, Seldom, around.Time, ct);
        await Task.Delay(Calm, around.Time, ct);
        resident.Add(Resident.BytesOf(hub.HubId) / Mega);

        return
        [
            Row.WithLimit($"memory with {Pods} pods and {Services} services of {Endpoints} endpoints watched (baseline: OpenYurt's YurtHub, published)", resident[0], "MB", 30, 35),
            Row.Alone("the same after lists while cut off", resident[1], "MB"),
            Row.WithLimit($"GET of its Node as a kubelet asks for it, at any version, added to half of {Gets} (baseline: over the same cable without the hub)", At(known[1], 0.5) - At(known[0], 0.5), "ms", 0.2, At(known[0], 0.5)),
            Row.WithLimit("the same, added to the slowest 1 % (baseline: the same)", At(known[1], 0.99) - At(known[0], 0.99), "ms", 1, At(known[0], 0.99)),
            Row.WithLimit($"GET of a node as it is now, passed on, added to half of {Gets} (baseline: over the same cable without the hub)", At(now[1], 0.5) - At(now[0], 0.5), "ms", 0.2, At(now[0], 0.5)),
            Row.WithLimit("the same, added to the slowest 1 % (baseline: the same)", At(now[1], 0.99) - At(now[0], 0.99), "ms", 1, At(now[0], 0.99)),
            new Row("added to half of them by a process that only passes bytes between TLS connections (baseline: the same)", At(now[2], 0.5) - At(now[0], 0.5), "ms", At(now[0], 0.5), null, null),
            new Row("the same, added to the slowest 1 % (baseline: the same)", At(now[2], 0.99) - At(now[0], 0.99), "ms", At(now[0], 0.99), null, null),
            Row.WithLeastRatio($"list of {Services} services from the hub (baseline: direct)", 1000 / online.Through, "1/s", 1000 / online.Direct, 0.9),
            Row.WithLeastRatio("the same while cut off (baseline: direct)", 1000 / offline.Through, "1/s", 1000 / offline.Direct, 3),
            new Row($"the same after {Seldom.TotalSeconds:0} s without any, from its disk (baseline: direct, after the same)", 1000 / seldom.Through, "1/s", 1000 / seldom.Direct, null, null),
            new Row("bytes on the cable to fill the copies (baseline: the same lists without the hub, uncompressed)", filled / Mega, "MB", await PlainMegabytesAsync(hub.Direct, all, ct), null, null),
        ];
    }

    private static void Say(string what) => Console.Error.WriteLine($"edgehub: {what}");

    private static double At(List<double> times, double share) => times.Order().ElementAt((int)(share * (times.Count - 1)));

    /// <summary>The times of a GET by each way, in milliseconds.</summary>
    private static async Task<List<double>[]> OfGetsAsync(KubeClient[] ways, string path, TimeProvider time, CancellationToken ct)
    {
        List<double>[] times = [.. ways.Select(_ => new List<double>())];
        for (var i = 0; i < Gets + 200; i++)
        {
            // In turns, so that what else the machine does falls on all alike; the first two hundred warm up.
            for (var way = 0; way < ways.Length; way++)
            {
                var began = time.GetTimestamp();
                using var answer = await ways[way].Http.GetAsync(new Uri(path, UriKind.Relative), ct);
                await answer.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync(ct);
                if (i >= 200)
                {
                    times[way].Add(time.GetElapsedTime(began).TotalMilliseconds);
                }
            }
        }

        return times;
    }

    private static async Task<(double Direct, double Through)> OfListsAsync(KubeClient direct, KubeClient through, int count, TimeSpan pause, TimeProvider time, CancellationToken ct)
    {
        var (plain, ours) = (new List<double>(), new List<double>());
        for (var i = 0; i < count; i++)
        {
            await Task.Delay(pause, time, ct);
            // In turns here too: a server's collector, and what else the machine does, falls on both alike.
            plain.Add(await TimedAsync(direct));
            ours.Add(await TimedAsync(through));
        }

        return (At(plain, 0.5), At(ours, 0.5));

        async Task<double> TimedAsync(KubeClient client)
        {
            var began = time.GetTimestamp();
            await ListAsync(client, ServicesPath, ct);
            return time.GetElapsedTime(began).TotalMilliseconds;
        }
    }

    private static async Task<int> ListAsync(KubeClient client, string path, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.ParseAdd("application/json");
        using var answer = await client.Http.SendAsync(request, ct);
        return (await answer.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync(ct)).Length;
    }

    private static async Task<double> PlainMegabytesAsync(KubeClient client, string[] paths, CancellationToken ct)
    {
        var bytes = 0L;
        foreach (var path in paths)
        {
            bytes += await ListAsync(client, path, ct);
        }

        return bytes / Mega;
    }
}
