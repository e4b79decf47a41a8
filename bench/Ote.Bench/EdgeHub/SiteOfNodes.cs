using System.Net;
using Ote.Testing.Kubernetes;
using Ote.Testing.Links;

namespace Ote.Bench.EdgeHub;

/// <summary>Simulated nodes, each behind a cable of its own that counts, with a hub or without.</summary>
/// <param name="plane">Where they belong.</param>
/// <param name="names">The nodes.</param>
/// <param name="executable">The hub; null: they have none.</param>
/// <param name="around">The clock, and a folder.</param>
/// <param name="atOnce">How many start at a time.</param>
internal sealed class SiteOfNodes(RealControlPlane plane, IReadOnlyList<string> names, string? executable, Surroundings around, int atOnce) : IAsyncDisposable
{
    private readonly CuttableRelay[] _cables = [.. names.Select(_ => new CuttableRelay(new IPEndPoint(IPAddress.Loopback, plane.Server.Port)))];
    private readonly Launched?[] _hubs = new Launched?[names.Count];
    private readonly SimulatedNode?[] _nodes = new SimulatedNode?[names.Count];
    private readonly int[] _ports = executable is null ? [] : FreePorts.Take(names.Count);
    private readonly string _folder = Directory.CreateDirectory(Path.Combine(around.Folder, executable is null ? "plain" : "hubs")).FullName;

    public bool HasHubs => executable is not null;

    /// <summary>Bytes on all cables, both ways.</summary>
    public double Bytes => _cables.Sum(cable => cable.BytesDown + cable.BytesUp);

    /// <summary>The process of the first node's hub, which the others read from; null: there is none.</summary>
    public int? FirstHub => _hubs[0]?.Id;

    /// <summary>Starts the first, and then the others.</summary>
    public async Task StartAsync(CancellationToken ct)
    {
        await StartAsync(0, ct);
        await Parallel.ForAsync(1, names.Count, new ParallelOptions { MaxDegreeOfParallelism = atOnce, CancellationToken = ct }, async (i, stop) => await StartAsync(i, stop));
    }

    public async Task EndAsync()
    {
        for (var i = 0; i < names.Count; i++)
        {
            await (_nodes[i]?.DisposeAsync() ?? ValueTask.CompletedTask);
            await (_hubs[i]?.DisposeAsync() ?? ValueTask.CompletedTask);
            (_nodes[i], _hubs[i]) = (null, null);
        }
    }

    /// <summary>Completes when each node's kube-proxy has met a word; fails with the first node that broke.</summary>
    public async Task AllSeeAsync(string mark)
    {
        await foreach (var seen in Task.WhenEach(_nodes.Select(node => node!.SeesAsync(mark))))
        {
            await seen;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        foreach (var cable in _cables)
        {
            await cable.DisposeAsync();
        }
    }

    private async Task StartAsync(int i, CancellationToken ct)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, names[i])).FullName;
        var (kubelet, proxy) = (Path.Combine(folder, "kubelet"), Path.Combine(folder, "proxy"));
        if (!File.Exists(kubelet))
        {
            var at = new Uri($"https://127.0.0.1:{_cables[i].Port}");
            KubeconfigFile.Write(kubelet, "bench", at, plane.Authority.Certificate, plane.Authority.IssueClient($"system:node:{names[i]}", "system:nodes"));
            KubeconfigFile.Write(proxy, "bench", at, plane.Authority.Certificate, plane.Authority.IssueClient("system:kube-proxy"));
            await File.WriteAllTextAsync(Path.Combine(folder, "ca.crt"), plane.Authority.Certificate, ct);
        }

        if (executable is not null)
        {
            var to = Path.Combine(folder, "to-hub");
            _hubs[i] = await Launched.StartAsync(
                around.Time, executable,
                [
                    "edgehub", "--node-name", names[i], "--kubeconfig", kubelet, "--kubeconfig", proxy, "--client-ca-file", Path.Combine(folder, "ca.crt"), "--data", Path.Combine(folder, "data"),
                    "--listen", $"127.0.0.1:{_ports[i]}", "--advertise", $"127.0.0.1:{_ports[i]}", "--share-reads", "--write-kubeconfigs", to,
                ],
                attaches: false, ct);
            (kubelet, proxy) = (Path.Combine(to, "kubelet"), Path.Combine(to, "proxy"));
        }

        var node = new SimulatedNode(names[i], kubelet, proxy, around.Time);
        _nodes[i] = node;
        await node.StartAsync(ct);
    }
}
