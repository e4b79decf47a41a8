using System.Net;
using System.Runtime.InteropServices;
using Ote.Bench.Access;
using Ote.Kube.Client;
using Ote.Testing.Kubernetes;
using Ote.Testing.Links;

namespace Ote.Bench.EdgeHub;

/// <summary>A real kube-apiserver, and a node's hub as a process of its own that reaches it over a cable that counts and can be pulled.</summary>
internal sealed class HubUnderTest : IAsyncDisposable
{
    public const string Node = "n1";
    private readonly RealControlPlane _plane;
    private readonly CuttableRelay _other;
    private readonly Launched _hub;
    private readonly BareHops _bare;

    private HubUnderTest(RealControlPlane plane, CuttableRelay other, CuttableRelay cable, Launched hub, BareHops bare, KubeClient direct, KubeClient overCable, KubeClient through, KubeClient throughBare) =>
        (_plane, _other, Cable, _hub, _bare, Direct, OverCable, Through, ThroughBare) = (plane, other, cable, hub, bare, direct, overCable, through, throughBare);

    public CuttableRelay Cable { get; }

    /// <summary>The kubelet's own credentials, at the API server.</summary>
    public KubeClient Direct { get; }

    /// <summary>The same over a cable like the hub's, for requests that the hub passes on: so the hub is all that differs.</summary>
    public KubeClient OverCable { get; }

    /// <summary>The same, at the hub.</summary>
    public KubeClient Through { get; }

    /// <summary>The same over a cable like the hub's, through a process that only passes bytes from one TLS connection to another: what anything in the hub's place adds at least.</summary>
    public KubeClient ThroughBare { get; }

    public int HubId => _hub.Id;

    /// <summary>The native executable that <c>./ote publish</c> made.</summary>
    /// <exception cref="BenchException">It is not there.</exception>
    public static string Published(string? asked)
    {
        var platform = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "linux-arm64" : "linux-x64";
        var file = asked ?? Path.Combine(Repository.Find() ?? Environment.CurrentDirectory, "out", platform, "ote-node");
        return File.Exists(file) ? file : throw new BenchException($"{file} is not there; make it with ./ote publish, or name another with --ote");
    }

    /// <summary>Starts the hub of a control plane.</summary>
    public static async Task<HubUnderTest> StartAsync(RealControlPlane plane, string executable, string folder, TimeProvider time, CancellationToken ct)
    {
        var server = new IPEndPoint(IPAddress.Loopback, plane.Server.Port);
        var (other, cable) = (new CuttableRelay(server), new CuttableRelay(server));
        var client = plane.Authority.IssueClient($"system:node:{Node}", "system:nodes", "system:masters");
        var direct = KubeconfigFile.Write(Path.Combine(folder, "direct"), "bench", plane.Server, plane.Authority.Certificate, client);
        var overCable = KubeconfigFile.Write(Path.Combine(folder, "over-cable"), "bench", new Uri($"https://127.0.0.1:{other.Port}"), plane.Authority.Certificate, client);
        var kubelet = KubeconfigFile.Write(Path.Combine(folder, "kubelet"), "bench", new Uri($"https://127.0.0.1:{cable.Port}"), plane.Authority.Certificate, client);
        await File.WriteAllTextAsync(Path.Combine(folder, "ca.crt"), plane.Authority.Certificate, ct);
        var port = FreePorts.Take(1)[0];
        var hub = await Launched.StartAsync(
            time, executable,
            [
                "edgehub", "--node-name", Node, "--kubeconfig", kubelet, "--client-ca-file", Path.Combine(folder, "ca.crt"), "--data", Path.Combine(folder, "data"), "--listen", $"127.0.0.1:{port}",
                "--write-kubeconfigs", Path.Combine(folder, "to-hub"),
            ],
            attaches: false, ct);
        var bare = await BareHops.StartAsync(Kubeconfig.Load(overCable), 1, time, ct);
        return new HubUnderTest(plane, other, cable, hub, bare, Client(direct, time), Client(overCable, time), Client(Path.Combine(folder, "to-hub", "kubelet"), time), new KubeClient(bare.Entry.CreateHttpClient(time)));
    }

    public async ValueTask DisposeAsync()
    {
        Direct.Dispose();
        OverCable.Dispose();
        Through.Dispose();
        ThroughBare.Dispose();
        await _hub.DisposeAsync();
        await _bare.DisposeAsync();
        await Cable.DisposeAsync();
        await _other.DisposeAsync();
    }

    /// <summary>As an administrator of the control plane.</summary>
    public KubeClient Admin(TimeProvider time) => Client(_plane.Kubeconfig, time);

    private static KubeClient Client(string kubeconfig, TimeProvider time) => new(Kubeconfig.Load(kubeconfig).CreateHttpClient(time));
}
