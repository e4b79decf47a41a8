using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Mirror.Applying;
using Ote.Mirror.Reporting;
using Ote.Protocol.Reports;

namespace Ote.Bench.Mirror;

/// <summary>The mirror with the pods of many clusters: what it takes to get them in, what it weighs, how fast it answers, and what a cut costs to make up for.</summary>
internal static class MirrorBench
{
    private const int Clusters = 100;
    private const int PartObjects = 100;
    private const int Namespaces = 10;
    private const int Gets = 500;
    private const int Lists = 9;
    private const int CutPods = 10_000;
    private const double MostMegabytes = 1536;
    private const double MostDiskMegabytes = 6144;

    public static async Task<IReadOnlyList<Row>> RunAsync(Surroundings around, int pods, CancellationToken ct)
    {
        var folder = Directory.CreateDirectory(Path.Combine(around.Folder, "mirror")).FullName;
        var n = pods.ToString("N0", CultureInfo.InvariantCulture);
        await using var mirror = MirrorStore.Open(new MirrorOptions { Directory = folder }, around.Time, NullLogger.Instance);
        var began = around.Time.GetTimestamp();
        var told = await FillAsync(mirror, pods, ct);
        var filled = around.Time.GetElapsedTime(began).TotalSeconds;
        GC.Collect();
        using var self = Process.GetCurrentProcess();
        var memory = self.WorkingSet64 / 1048576.0;
        var disk = new DirectoryInfo(folder).EnumerateFiles().Sum(f => f.Length) / 1048576.0;
        await using var api = await ApiServer.StartAsync(new ApiServerOptions { Name = "bench", Mirror = mirror }, NullLoggerFactory.Instance, around.Time, ct);
        using var client = await OverTlsAsync(api, around.Time, ct);
        var each = pods / Clusters / Namespaces;
        var get = await MedianAsync(around, Gets, i => client.GetByteArrayAsync($"api/v1/namespaces/ns-{i % Namespaces}/pods/{Name(i % Namespaces, i % each)}-c{i % Clusters}", ct));
        var hundred = await MedianAsync(around, Lists * 5, _ => client.GetByteArrayAsync("api/v1/pods?limit=100", ct));
        var tenThousand = await MedianAsync(around, Lists, _ => client.GetByteArrayAsync("api/v1/namespaces/ns-3/pods?limit=10000", ct));
        var cluster = await MedianAsync(around, Lists, _ => client.GetByteArrayAsync("api/v1/namespaces/ns-3/pods?labelSelector=ote-cluster%3Dc7", ct));
        var real = await RealPods.MeasureAsync(around, Namespaces, (count, ask) => MedianAsync(around, count, ask), Gets, Lists, ct);
        var (sent, changed) = Cut();
        return
        [
            Row.WithLimit($"{n} pods of {Clusters} clusters mirrored: memory of the process, which also makes them up", memory, "MB", MostMegabytes),
            Row.WithLimit("  on disk, indexes included", disk, "MB", MostDiskMegabytes),
            new Row("  on disk for each, beside what was reported of it", disk * 1048576 / pods, "bytes", (double)told / pods, null, null),
            new Row("  all told and kept after", filled, "s", null, null, null),
            new Row("  pods kept a second", pods / filled, "1/s", null, null, null),
            Row.WithLimit("get one; median (baseline: kube-apiserver v1.20 with 100,000 pods)", get, "ms", 2, real.Get),
            Row.WithLimit("list 100; median (baseline: as above)", hundred, "ms", 20, real.Hundred),
            Row.WithLimit($"list {Math.Min(10_000, pods / Namespaces):N0} of a namespace; median (baseline: as above)", tenThousand, "ms", 500, real.TenThousand),
            new Row($"list a cluster's {each:N0} of a namespace; median", cluster, "ms", null, null, null),
            Row.WithRatio($"reports after a cut in which 1 % of {CutPods:N0} pods changed, compressed (baseline: the changed pods, compressed)", sent, "bytes", changed, 3),
        ];
    }

    public static string Name(int ns, int i) => string.Create(CultureInfo.InvariantCulture, $"web-{ns}-6b6598999b-{i:x5}");

    private static async Task<long> FillAsync(MirrorStore mirror, int pods, CancellationToken ct)
    {
        var each = pods / Clusters;
        long bytes = 0;
        await Parallel.ForAsync(0, Clusters, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = ct }, async (c, stop) =>
        {
            for (var from = 0; from < each; from += PartObjects)
            {
                stop.ThrowIfCancellationRequested();
                var to = Math.Min(from + PartObjects, each);
                var report = new Ote.Protocol.Reports.Report { Kind = "pods", ApiVersion = "v1", ObjectKind = "Pod", Namespaced = true, Epoch = 1, From = (ulong)from, To = (ulong)to };
                for (var i = from; i < to; i++)
                {
                    var json = Pod(i % Namespaces, i / Namespaces, c, "Running");
                    Interlocked.Add(ref bytes, json.Length);
                    report.Changes.Add(new ObjectChange { Namespace = $"ns-{i % Namespaces}", Name = Name(i % Namespaces, i / Namespaces), Object = UnsafeByteOperations.UnsafeWrap(json) });
                }

                if (!await mirror.ApplyAsync($"c{c}", report))
                {
                    throw new BenchException("the mirror did not take a report");
                }
            }

            await mirror.TellsAsync($"c{c}", tells: true);
        });
        return bytes;
    }

    /// <summary>A pod as it is reported: what is left of one of a Deployment with a sidecar.</summary>
    public static byte[] Pod(int ns, int i, int cluster, string phase) => Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$"""
        {"metadata":{"name":"{{Name(ns, i)}}","generateName":"web-{{ns}}-6b6598999b-","namespace":"ns-{{ns}}","uid":"{{cluster:x8}}-3c1f-4bd1-a6a2-{{i:x6}}{{ns:x6}}","resourceVersion":"{{1000 + i}}","creationTimestamp":"2026-11-27T09:00:00Z","labels":{"app":"web-{{ns}}","pod-template-hash":"6b6598999b","tier":"edge"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-{{ns}}-6b6598999b","uid":"{{cluster:x8}}-77aa-4bd1-a6a2-{{ns:x12}}","controller":true,"blockOwnerDeletion":true}]},"spec":{"containers":[{"name":"web","image":"registry.example.com/shop/web:1.27.{{i % 7}}","ports":[{"containerPort":8080,"protocol":"TCP"}],"resources":{"limits":{"memory":"256Mi"},"requests":{"cpu":"100m","memory":"128Mi"} } },{"name":"proxy","image":"registry.example.com/mesh/proxy:2.4","resources":{"requests":{"cpu":"20m","memory":"32Mi"} } }],"restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","serviceAccountName":"default","nodeName":"node-{{i % 20}}","schedulerName":"default-scheduler","priority":0,"enableServiceLinks":true},"status":{"phase":"{{phase}}","conditions":[{"type":"Initialized","status":"True","lastTransitionTime":"2026-11-27T09:00:00Z"},{"type":"Ready","status":"True","lastTransitionTime":"2026-11-27T09:00:04Z"},{"type":"ContainersReady","status":"True","lastTransitionTime":"2026-11-27T09:00:04Z"},{"type":"PodScheduled","status":"True","lastTransitionTime":"2026-11-27T09:00:00Z"}],"hostIP":"10.0.{{cluster % 250}}.{{i % 20}}","podIP":"10.{{cluster % 250}}.{{i / 250 % 250}}.{{i % 250}}","podIPs":[{"ip":"10.{{cluster % 250}}.{{i / 250 % 250}}.{{i % 250}}"}],"startTime":"2026-11-27T09:00:00Z","containerStatuses":[{"name":"web","state":{"running":{"startedAt":"2026-11-27T09:00:03Z"} },"lastState":{ },"ready":true,"restartCount":0,"image":"registry.example.com/shop/web:1.27.{{i % 7}}","started":true},{"name":"proxy","state":{"running":{"startedAt":"2026-11-27T09:00:02Z"} },"lastState":{ },"ready":true,"restartCount":0,"image":"registry.example.com/mesh/proxy:2.4","started":true}],"qosClass":"Burstable"} }
        """));

    private static async Task<double> MedianAsync(Surroundings around, int count, Func<int, Task> ask)
    {
        var times = new double[count];
        await ask(0);
        for (var i = 0; i < count; i++)
        {
            var began = around.Time.GetTimestamp();
            await ask(i);
            times[i] = around.Time.GetElapsedTime(began).TotalMilliseconds;
        }

        Array.Sort(times);
        return times[count / 2];
    }

    /// <summary>As the real one is asked: over the loopback, with a certificate.</summary>
    private static async Task<HttpClient> OverTlsAsync(ApiServer api, TimeProvider time, CancellationToken ct)
    {
        var at = await api.ListenAsync(new IPEndPoint(IPAddress.Loopback, 0), ct);
        var (certificate, key) = api.IssueClientCertificate(UserInfo.Admin);
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPem(api.AuthorityPem);
        return new KubeEndpoint(new Uri($"https://{at}")) { Authorities = authorities, ClientCertificate = X509Certificate2.CreateFromPem(certificate, key) }.CreateHttpClient(time);
    }

    /// <summary>Bytes of the reports that a follower is sent after a cut, and of the objects that changed; both as the link compresses them.</summary>
    private static (double Sent, double Changed) Cut()
    {
        using var journal = ReportJournal.Open(null, static () => 1);
        var stream = journal.Stream("pods");
        stream.Apply([.. Enumerable.Range(0, CutPods).Select(i => new ReportedObject("ns-1", Name(1, i), Pod(1, i, 1, "Running")))]);
        stream.Listed(Kinds.Pods, Enumerable.Range(0, CutPods).Select(i => ("ns-1", Name(1, i))).ToHashSet());
        var follow = new Follow { WindowBytes = 16 * 1024 * 1024, Cursors = { stream.Head } };
        var changed = Enumerable.Range(0, CutPods / 100).Select(i => (Name: Name(1, i * 100), Json: Pod(1, i * 100, 1, "Failed"))).ToArray();
        stream.Apply([.. changed.Select(c => new ReportedObject("ns-1", c.Name, c.Json))]);
        var session = new ReportSession([stream]);
        session.Take(new ReportRequest { Follow = follow });
        var sent = 0;
        while (session.TryNext(out var report))
        {
            sent += Packed(report.ToByteArray());
        }

        return (sent, Packed([.. changed.SelectMany(c => c.Json)]));
    }

    private static int Packed(byte[] bytes)
    {
        var packed = new byte[BrotliEncoder.GetMaxCompressedLength(bytes.Length)];
        return BrotliEncoder.TryCompress(bytes, packed, out var length, 4, 22) ? length : bytes.Length;
    }
}
