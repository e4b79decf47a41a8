using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.SystemTests.Kubernetes;
using Ote.Testing;

namespace Ote.SystemTests.EdgeHub;

/// <summary>A hub before three real API servers of one cluster, which go one after the other while components read, watch and write through it.</summary>
[Collection(nameof(Alone))]
public sealed class KilledApiServersTests : IAsyncDisposable
{
    private const string Node = "loaded-node";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Scratch _folder = new("killed-servers");
    private readonly ConcurrentQueue<string> _failures = [];
    private readonly ConcurrentQueue<string> _undecided = [];
    private readonly Dictionary<int, GuardedProcess> _further = [];
    private long _reads;
    private long _slowest;
    private int _written;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task While_one_of_three_API_servers_after_the_other_dies_or_hangs_reads_and_watches_go_on_and_the_node_is_never_cut_off()
    {
        KubernetesTools tools = await KubernetesTools.FindAsync(Token);
        await using RealControlPlane plane = await RealControlPlane.StartAsync(new("killed") { ControllerManager = false }, tools, TimeProvider.System, Token);
        int[] ports = [plane.Server.Port, .. FreePorts.Take(2)];
        foreach (int port in ports[1..])
            _further[port] = await plane.StartApiServerAsync(port);
        _further[ports[0]] = plane.Processes.Single(process => process.Name.StartsWith("kube-apiserver", StringComparison.Ordinal));
        await Task.WhenAll(ports.Select(port => UntilReadyAsync(plane, port)));
        await using ProductProcess hub = await StartHubAsync(plane, ports);
        using KubeClient admin = Client(plane.Kubeconfig, ports[0]);
        await admin.CreateAsync(Kinds.Nodes, null, Parse($$$"""{"apiVersion":"v1","kind":"Node","metadata":{"name":"{{{Node}}}"} }"""), Token);
        await admin.CreateAsync(new ResourceRef("", "v1", "serviceaccounts", "ServiceAccount", true), "default", Parse("""{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"default"}}"""), Token);

        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(Token);
        using KubeClient kubelet = Client(Path.Combine(_folder["to-hub"], "kubelet.kubeconfig"), null);
        ConcurrentDictionary<string, int> seen = [];
        Task[] load =
        [
            .. Enumerable.Range(0, 4).Select(_ => ReadAsync(kubelet, $"api/v1/nodes/{Node}", end.Token)),
            .. Enumerable.Range(0, 2).Select(_ => ReadAsync(kubelet, $"api/v1/pods?fieldSelector=spec.nodeName%3D{Node}", end.Token)),
            WriteAsync(kubelet, end.Token), WatchAsync(kubelet, seen, end.Token),
        ];
        List<string> made = [];
        async Task MakeAsync(int through, int count)
        {
            using KubeClient user = Client(plane.Kubeconfig, through);
            for (int i = 0; i < count; i++)
            {
                string name = string.Create(CultureInfo.InvariantCulture, $"pod-{made.Count}");
                await user.CreateAsync(Kinds.Pods, "default", Parse($$$"""
                    {"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{name}}}"},"spec":{"nodeName":"{{{Node}}}","automountServiceAccountToken":false,"containers":[{"name":"c","image":"i"}]} }
                    """), Token);
                made.Add(name);
            }
            await UntilAsync(() => made.All(seen.ContainsKey), $"the watch through the hub tells of all {made.Count} pods");
        }

        await MakeAsync(ports[0], 20);
        foreach (int port in ports[..2])
        {
            await _further[port].KillAsync();
            await MakeAsync(ports[2], 20);
            await ReadsGoOnAsync();
            _further[port] = await plane.StartApiServerAsync(port);
            await UntilReadyAsync(plane, port);
            await hub.WaitForLineAsync($":{port}/ is up", Patience, Token);
            await Task.Delay(TimeSpan.FromSeconds(5), TimeProvider.System, Token); // two answers in a row bring it back
        }
        _further[ports[2]].Pause();
        await MakeAsync(ports[0], 20);
        await ReadsGoOnAsync();
        _further[ports[2]].Resume();
        await MakeAsync(ports[2], 20);
        await end.CancelAsync();
        await Task.WhenAll(load);

        Assert.True(_failures.IsEmpty, string.Join('\n', _failures));
        Assert.All(seen, pod => Assert.Equal(1, pod.Value));
        // Of each server that went, the one write that it had under way may be undecided, and says so.
        Assert.InRange(_undecided.Count, 0, 3);
        JsonObject node = (await admin.GetAsync(Kinds.Nodes, null, Node, Token))!;
        Assert.InRange(int.Parse(node["metadata"]!["labels"]!["written"]!.GetValue<string>(), CultureInfo.InvariantCulture), _written, _written + 1);
        string log = await File.ReadAllTextAsync(hub.LogFile, Token);
        Assert.Contains("is left", log, StringComparison.Ordinal);
        Assert.DoesNotContain("is cut off", log, StringComparison.Ordinal);
        TestContext.Current.TestOutputHelper?.WriteLine($"{_reads} reads, the slowest {_slowest} ms; {_undecided.Count} writes undecided");
        Assert.InRange(_slowest, 0, 14_000);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (GuardedProcess process in _further.Values)
            await process.DisposeAsync();
        _folder.Dispose();
    }

    private async Task<ProductProcess> StartHubAsync(RealControlPlane plane, int[] ports)
    {
        string direct = KubeconfigFile.Write(_folder["kubelet.kubeconfig"], Node, plane.Server, plane.Authority.Certificate, plane.Authority.IssueClient($"system:node:{Node}", "system:nodes"));
        await File.WriteAllTextAsync(_folder["ca.crt"], plane.Authority.Certificate, Token);
        ProductProcess hub = new(
            "hub", "ote-node",
            ["edgehub", "--node-name", Node, "--kubeconfig", direct, "--client-ca-file", _folder["ca.crt"], "--data", _folder["data"], "--listen", $"127.0.0.1:{FreePorts.Take(1)[0]}",
                "--write-kubeconfigs", _folder["to-hub"], .. ports.SelectMany(port => new[] { "--server", $"https://127.0.0.1:{port}" })],
            _folder.Path);
        await hub.StartAsync();
        await hub.WaitForLineAsync("answers at https://", Patience, Token);
        foreach (int port in ports)
            await hub.WaitForLineAsync($":{port}/ is up", Patience, Token);
        return hub;
    }

    private async Task ReadAsync(KubeClient client, string path, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            long began = TimeProvider.System.GetTimestamp();
            try
            {
                await client.SendAsync(HttpMethod.Get, path, null, null, end);
                Interlocked.Increment(ref _reads);
            }
            catch (OperationCanceledException) when (end.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failed) when (failed is KubeStatusException or HttpRequestException or IOException)
            {
                _failures.Enqueue($"{path}: {failed.Message}");
            }
            long took = (long)TimeProvider.System.GetElapsedTime(began).TotalMilliseconds;
            if (took > Interlocked.Read(ref _slowest))
                Interlocked.Exchange(ref _slowest, took);
            await Task.Delay(TimeSpan.FromMilliseconds(40), TimeProvider.System, CancellationToken.None);
        }
    }

    /// <summary>Counts up a label of the node, which a kubelet may write; one that is undecided is written again.</summary>
    private async Task WriteAsync(KubeClient client, CancellationToken end)
    {
        for (int next = 1; !end.IsCancellationRequested; next++)
        {
            try
            {
                await client.PatchAsync(Kinds.Nodes, null, Node, PatchKind.Merge, new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["written"] = $"{next}" } } }, CancellationToken.None);
                _written = next;
            }
            catch (KubeStatusException undecided) when (undecided.Code == 504)
            {
                _undecided.Enqueue(undecided.Message);
            }
            catch (Exception failed) when (failed is KubeStatusException or HttpRequestException or IOException)
            {
                _failures.Enqueue($"write {next}: {failed.Message}");
            }
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, CancellationToken.None);
        }
    }

    private static async Task WatchAsync(KubeClient client, ConcurrentDictionary<string, int> seen, CancellationToken end)
    {
        try
        {
            await foreach (WatchEvent change in client.WatchAsync(Kinds.Pods, "default", new ListQuery(null, $"spec.nodeName={Node}"), "0", end))
            {
                if (change.Type == WatchEventType.Added)
                    seen.AddOrUpdate(change.Object.Name(), 1, (_, times) => times + 1);
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
        }
    }

    private async Task ReadsGoOnAsync()
    {
        long reads = Interlocked.Read(ref _reads);
        await UntilAsync(() => Interlocked.Read(ref _reads) > reads + 200, "two hundred further reads");
    }

    private static Task UntilReadyAsync(RealControlPlane plane, int port) => UntilAsync(async () =>
    {
        using KubeClient client = Client(plane.Kubeconfig, port);
        try
        {
            using HttpResponseMessage answer = await client.Http.GetAsync(new Uri("readyz", UriKind.Relative), Token);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception early) when (early is HttpRequestException or IOException || (early is OperationCanceledException && !Token.IsCancellationRequested))
        {
            return false;
        }
    }, $"the API server at {port} is ready");

    private static Task UntilAsync(Func<bool> holds, string what) => UntilAsync(() => Task.FromResult(holds()), what);

    private static Task UntilAsync(Func<Task<bool>> holds, string what) => Eventually.HoldsAsync(holds, what, Patience, Token);

    private static KubeClient Client(string kubeconfig, int? port)
    {
        KubeEndpoint endpoint = Kubeconfig.Load(kubeconfig);
        return new((port is { } other ? endpoint with { Server = new Uri($"https://127.0.0.1:{other}") } : endpoint).CreateHttpClient(TimeProvider.System));
    }

    private static JsonObject Parse(string json) => (JsonObject)JsonNode.Parse(json)!;
}
