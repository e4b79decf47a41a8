using System.Net;
using Ote.SystemTests.Kubernetes;
using Ote.Testing.Links;

namespace Ote.SystemTests.EdgeHub;

/// <summary>A node's hub that reaches a real control plane over a cable that can be pulled, and a real node whose kubelet knows the hub alone.</summary>
internal sealed class NodeBehindHub : IAsyncDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);
    private readonly Scratch _folder = new("edgehub");
    private readonly NodeAddress _address = NodeAddress.Take();
    private ProductProcess? _hub;
    private RealNode? _node;
    private TimeSpan? _certificateLife;

    private NodeBehindHub(RealControlPlane plane, string name)
    {
        (Plane, Name) = (plane, name);
        Cable = new CuttableRelay(new IPEndPoint(IPAddress.Loopback, plane.Server.Port));
        Upstream = plane.Kubectl(plane.Tools.NewKubectl);
    }

    public string Name { get; }

    public RealControlPlane Plane { get; }

    public CuttableRelay Cable { get; }

    /// <summary>The administrator's kubectl, at the API server.</summary>
    public Kubectl Upstream { get; }

    /// <summary>kubectl with the kubelet's credentials, at the hub.</summary>
    public Kubectl AtHub { get; private set; } = null!;

    /// <summary>The kubelet's kubeconfig that leads to the API server.</summary>
    public string Direct { get; private set; } = "";

    /// <summary>The one that leads to the hub.</summary>
    public string ToHub => Path.Combine(_folder["to-hub"], "kubelet.kubeconfig");

    public RealNode Node => _node!;

    public ProductProcess Hub => _hub!;

    /// <summary>Starts both, and waits until the node is Ready.</summary>
    /// <param name="plane">Where the node belongs.</param>
    /// <param name="name">The node.</param>
    /// <param name="ct">Gives up.</param>
    /// <param name="leadsPods">Whether kube-proxy runs behind the hub too, and the Service kubernetes leads there.</param>
    /// <param name="certificateLife">How long the kubelet's certificate is good, which then lies in files; null: for longer than a test lasts.</param>
    public static async Task<NodeBehindHub> StartAsync(RealControlPlane plane, string name, CancellationToken ct, bool leadsPods = false, TimeSpan? certificateLife = null)
    {
        NodeBehindHub world = new(plane, name) { _certificateLife = certificateLife };
        try
        {
            await world.BeginAsync(leadsPods, ct);
            return world;
        }
        catch
        {
            await world.DisposeAsync();
            throw;
        }
    }

    /// <summary>The kubelet's certificate is followed by one that lasts.</summary>
    public void RenewCertificate() => KubeconfigFile.WriteFiles(Direct, Plane.Authority.IssueClient($"system:node:{Name}", "system:nodes"));

    /// <summary>The hub's process dies without warning and is started again, as a supervisor does.</summary>
    public async Task RestartHubAsync(CancellationToken ct)
    {
        await Hub.KillAsync();
        await Hub.StartAsync();
        await Hub.WaitForLineAsync("answers at https://", Soon, ct);
    }

    /// <summary>The pods of the node, as the hub tells them, once they are as awaited.</summary>
    public Task<string> PodsAtHubAsync(Func<string, bool> condition, string output, CancellationToken ct) =>
        AtHub.UntilAsync(condition, TimeSpan.FromSeconds(90), ct, "get", "pods", "-A", "--field-selector", $"spec.nodeName={Name}", "-o", output);

    public async ValueTask DisposeAsync()
    {
        if (_node is not null)
            await _node.DisposeAsync();
        if (_hub is not null)
            await _hub.DisposeAsync();
        await Cable.DisposeAsync();
        _address.Dispose();
        _folder.Dispose();
    }

    private async Task BeginAsync(bool leadsPods, CancellationToken ct)
    {
        Uri through = new($"https://127.0.0.1:{Cable.Port}");
        string user = $"system:node:{Name}";
        string direct = Direct = _certificateLife is { } life
            ? KubeconfigFile.WriteWithFiles(_folder["kubelet.kubeconfig"], Name, through, Plane.Authority.Certificate, Plane.Authority.IssueClient(user, life, "system:nodes"))
            : KubeconfigFile.Write(_folder["kubelet.kubeconfig"], Name, through, Plane.Authority.Certificate, Plane.Authority.IssueClient(user, "system:nodes"));
        string proxy = KubeconfigFile.Write(
            _folder["proxy.kubeconfig"], Name, through, Plane.Authority.Certificate, Plane.Authority.IssueClient("system:kube-proxy"));
        await File.WriteAllTextAsync(_folder["ca.crt"], Plane.Authority.Certificate, ct);
        int port = FreePorts.Take(1)[0];
        _hub = new ProductProcess(
            "hub", "ote-node",
            ["edgehub", "--node-name", Name, "--kubeconfig", direct, "--client-ca-file", _folder["ca.crt"], "--data", _folder["data"], "--listen", $"127.0.0.1:{port}", "--write-kubeconfigs", _folder["to-hub"],
                "--advertise", .. leadsPods ? [$"{_address.Inside}:{port}", "--kubeconfig", proxy, "--kubernetes-service", "10.96.0.1"] : new[] { $"127.0.0.1:{port}" }],
            _folder.Path);
        await _hub.StartAsync();
        await _hub.WaitForLineAsync("answers at https://", Soon, ct);
        AtHub = new Kubectl(Plane.Tools.NewKubectl, ToHub, Directory.CreateDirectory(_folder["home"]).FullName);
        _node = await RealNode.StartAsync(Plane, new(Name) { Kubeconfig = ToHub, ProxyKubeconfig = leadsPods ? Path.Combine(_folder["to-hub"], "proxy.kubeconfig") : null, ApiPorts = [port, Cable.Port], At = _address }, ct);
    }
}
