using System.Net;
using System.Runtime.InteropServices;
using Ote.Kube.Client;
using Ote.Testing.Kubernetes;
using Ote.Testing.Links;

namespace Ote.Bench.EdgeHub;

/// <summary>
/// A real kube-apiserver, and a node's hub as a process of its own that reaches it over a cable that counts and can be pulled. Who asks the server directly does so over a cable as well, so that the hub is all that differs.
/// </summary>
internal sealed class HubUnderTest : IAsyncDisposable
{
    public const string Node = "n1";
    private readonly RealControlPlane _plane;
    private readonly CuttableRelay _direct;
    private readonly Launched _hub;

    private HubUnderTest(RealControlPlane plane, CuttableRelay directly, CuttableRelay cable, Launched hub, KubeClient direct, KubeClient through) =>
        (_plane, _direct, Cable, _hub, Direct, Through) = (plane, directly, cable, hub, direct, through);

    public CuttableRelay Cable { get; }

    /// <summary>The kubelet's own credentials, at the API server.</summary>
    public KubeClient Direct { get; }

    /// <summary>The same, at the hub.</summary>
    public KubeClient Through { get; }

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
        var (directly, cable) = (new CuttableRelay(server), new CuttableRelay(server));
        var client = plane.Authority.IssueClient($"system:node:{Node}", "system:nodes", "system:masters");
        var direct = KubeconfigFile.Write(Path.Combine(folder, "direct"), "bench", new Uri($"https://127.0.0.1:{directly.Port}"), plane.Authority.Certificate, client);
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
        return new HubUnderTest(plane, directly, cable, hub, Client(direct, time), Client(Path.Combine(folder, "to-hub", "kubelet"), time));
    }

    public async ValueTask DisposeAsync()
    {
        Direct.Dispose();
        Through.Dispose();
        await _hub.DisposeAsync();
        await Cable.DisposeAsync();
        await _direct.DisposeAsync();
    }

    /// <summary>As an administrator of the control plane.</summary>
    public KubeClient Admin(TimeProvider time) => Client(_plane.Kubeconfig, time);

    private static KubeClient Client(string kubeconfig, TimeProvider time) => new(Kubeconfig.Load(kubeconfig).CreateHttpClient(time));
}
