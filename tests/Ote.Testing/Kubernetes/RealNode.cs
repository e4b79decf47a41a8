using System.Text;
using System.Text.Json.Nodes;

namespace Ote.Testing.Kubernetes;

/// <summary>What a node is called and which images it has.</summary>
public sealed record RealNodeOptions(string Name)
{
    /// <summary>Further names for <see cref="LocalImage.Name"/>, so that a manifest's own image name finds it with pull policy Never or IfNotPresent.</summary>
    public IReadOnlyList<string> MoreImageNames { get; init; } = [];

    /// <summary>Where it is; null: somewhere free. Whoever took it gives it back.</summary>
    public NodeAddress? At { get; init; }

    /// <summary>A kubeconfig for the kubelet in place of the one that leads to the control plane.</summary>
    public string? Kubeconfig { get; init; }

    /// <summary>A kubeconfig for its kube-proxy; null: none runs.</summary>
    public string? ProxyKubeconfig { get; init; }

    /// <summary>The ports of this machine that the node reaches; none: the control plane's.</summary>
    public IReadOnlyList<int> ApiPorts { get; init; } = [];

    /// <summary>Whether containerd and the kubelet are services of a systemd of the node's own, laid out as kubeadm does: see <see cref="SystemdNode"/>.</summary>
    public bool Systemd { get; init; }
}

/// <summary>
/// A real node: containerd and a kubelet v1.20.2 in network, mount and process namespaces of their own, with cgroups of their own.
/// Several run on one machine. Pods answer at their addresses from this machine. Ends, with everything it started, on disposal and
/// when this process dies.
/// </summary>
public sealed class RealNode : IAsyncDisposable
{
    private readonly Scratch _folder;
    private readonly NodeAddress _address;
    private readonly bool _ownsAddress;
    private readonly IReadOnlyList<int> _apiPorts;
    private GuardedProcess? _process;

    private RealNode(RealNodeOptions options)
    {
        Name = options.Name;
        _apiPorts = options.ApiPorts;
        _folder = new Scratch(options.Name);
        _address = options.At ?? NodeAddress.Take();
        _ownsAddress = options.At is null;
    }

    public string Name { get; }

    /// <summary>Keys, logs and containerd's data. Removed on disposal.</summary>
    public string Folder => _folder.Path;

    /// <summary>The cgroup below each hierarchy that holds all of the node's pods.</summary>
    public string Cgroup => $"ote-{Environment.ProcessId}-{_address.Index}";

    /// <summary>The host's end of the node's cable.</summary>
    public string Interface => $"ote{_address.Index}";

    /// <summary>Starts a node of the control plane and waits until it is Ready (about 10 s).</summary>
    /// <exception cref="InvalidOperationException">A part of it ended; the end of its log is in the message.</exception>
    /// <exception cref="TimeoutException">Not Ready within two minutes.</exception>
    public static async Task<RealNode> StartAsync(RealControlPlane plane, RealNodeOptions options, CancellationToken ct)
    {
        RealNode node = new(options);
        try
        {
            node.WriteFiles(plane, options);
            await node.RunAsync(plane, ct);
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    /// <summary>The folder whose manifests the kubelet runs as static pods.</summary>
    public string Manifests => _folder["manifests"];

    /// <summary>Switches it off: everything that runs on it is gone at once, what is on its disk stays.</summary>
    public async Task PowerOffAsync()
    {
        if (_process is not null)
        {
            await _process.StopAsync(TimeSpan.FromSeconds(20));
            await _process.DisposeAsync();
            _process = null;
        }
    }

    /// <summary>Switches it on again. Completes when its kubelet and containerd have been started, whatever they can reach.</summary>
    public async Task PowerOnAsync(CancellationToken ct)
    {
        _process = await GuardedProcess.StartAsync(new($"node {Name}", Path.Combine(Repository.Root, "eng", "node.sh"), [Folder], _folder["node.log"])
        {
            SignalOnOwnersDeath = "TERM",
        });
        await _process.WaitForLineAsync($"node {Name} runs", TimeSpan.FromSeconds(60), ct);
    }

    /// <summary>Ends its kubelet alone, which starts anew with another kubeconfig; what runs on the node runs on.</summary>
    public async Task RestartKubeletAsync(string kubeconfig)
    {
        string file = _folder["kubelet.kubeconfig"];
        File.Copy(kubeconfig, file, overwrite: true);
        await File.WriteAllTextAsync(_folder["kubelet.again"], "");
        int id = Directory.EnumerateDirectories("/proc").Select(folder => int.TryParse(Path.GetFileName(folder), out int number) ? number : 0)
            .First(number => number > 0 && ArgumentsOf(number).Contains($"--kubeconfig={file}"));
        (await CommandLine.RunAsync("kill", [$"{id}"], null, null, TimeSpan.FromSeconds(5), CancellationToken.None)).Succeeded();
    }

    private static string[] ArgumentsOf(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline").Split('\0');
        }
        catch (IOException)
        {
            return []; // it has just ended
        }
    }

    /// <summary>Runs a command of this machine in the node's network.</summary>
    public async Task<CommandResult> RunInsideAsync(params string[] command) =>
        await CommandLine.RunAsync(
            "nsenter", [$"--net=/proc/{(await File.ReadAllTextAsync(_folder["net.pid"])).Trim()}/ns/net", "--", .. command], null, null, TimeSpan.FromSeconds(30), CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        await PowerOffAsync();
        if (_ownsAddress)
            _address.Dispose();
        _folder.Dispose();
    }

    private async Task RunAsync(RealControlPlane plane, CancellationToken ct)
    {
        await PowerOnAsync(ct);
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(ct);
        Task<string> ready = plane.Kubectl(plane.Tools.OldKubectl).UntilAsync(text => text == "True", TimeSpan.FromMinutes(2), ended.Token,
            "get", "node", Name, "-o", "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}");
        if (await Task.WhenAny(ready, _process!.Exited) == ready)
        {
            await ready;
            return;
        }
        await ended.CancelAsync();
        throw _process.Failure($"ended with {await _process.Exited}; the end of its kubelet's log:\n{Tail("kubelet.log")}\n");
    }

    private string Tail(string log) => File.Exists(_folder[log]) ? string.Join('\n', File.ReadLines(_folder[log]).TakeLast(20)) : "(none)";

    private void WriteFiles(RealControlPlane plane, RealNodeOptions options)
    {
        Write("node.env", $"""
            name={Name}
            api_ports="{(_apiPorts.Count > 0 ? string.Join(' ', _apiPorts) : plane.Server.Port)}"
            index={_address.Index}
            cgroup={Cgroup}
            kubelet={Path.Combine(plane.Tools.Folder, "kubelet")}
            kubeproxy={Path.Combine(plane.Tools.Folder, "kube-proxy")}
            {(options.Systemd ? $"systemd=yes\note_node={Path.GetDirectoryName(Repository.Executable("ote-node"))}" : "")}

            """);
        LocalImage.Write(_folder["image.tar"], [LocalImage.Name, LocalImage.Pause, .. options.MoreImageNames]);
        Write("ca.crt", plane.Authority.Certificate);
        IssuedCertificate client = plane.Authority.IssueClient($"system:node:{Name}", "system:nodes");
        if (options.Systemd)
        {
            Write("kubelet-client-current.pem", client.Certificate + "\n" + client.Key + "\n");
            const string Both = "/var/lib/kubelet/pki/kubelet-client-current.pem";
            KubeconfigFile.WriteNaming(Both, Both, _folder["kubelet.kubeconfig"], plane.Name, plane.Server, plane.Authority.Certificate);
        }
        else if (options.Kubeconfig is { } given)
            File.Copy(given, _folder["kubelet.kubeconfig"]);
        else
            KubeconfigFile.Write(_folder["kubelet.kubeconfig"], plane.Name, plane.Server, plane.Authority.Certificate, client);
        if (options.ProxyKubeconfig is { } ofProxy)
            File.Copy(ofProxy, _folder["proxy.kubeconfig"]);
        Directory.CreateDirectory(Manifests);
        Directory.CreateDirectory(_folder["cni"]);
        Write("cni/10-bridge.conflist", Network().ToJsonString());
        // A machine that lends a test a few gigabytes is no reason to evict its pods.
        Write("kubelet.yaml", $"""
            kind: KubeletConfiguration
            apiVersion: kubelet.config.k8s.io/v1beta1
            authentication:
              anonymous: {"{"} enabled: false {"}"}
              webhook: {"{"} enabled: false {"}"}
              x509: {"{"} clientCAFile: {_folder["ca.crt"]} {"}"}
            authorization: {"{"} mode: AlwaysAllow {"}"}
            cgroupDriver: cgroupfs
            cgroupRoot: /{(options.Systemd ? "" : Cgroup)}
            enforceNodeAllocatable: []
            failSwapOn: false
            readOnlyPort: 0
            staticPodPath: {Manifests}
            nodeStatusUpdateFrequency: 4s
            nodeLeaseDurationSeconds: {(options.Systemd ? 8 : 40)}
            imageGCHighThresholdPercent: 100
            evictionHard: {"{"} memory.available: 50Mi, nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0% {"}"}

            """);
        // restrict_oom_score_adj: where the machine withholds CAP_SYS_RESOURCE every sandbox would fail without it.
        Write("containerd.toml", $"""
            version = 2
            root = "{_folder["containerd"]}"
            state = "/run/containerd"
            [plugins."io.containerd.grpc.v1.cri"]
              sandbox_image = "{LocalImage.Pause}"
              restrict_oom_score_adj = true
              [plugins."io.containerd.grpc.v1.cri".cni]
                bin_dir = "/usr/lib/cni"
                conf_dir = "{_folder["cni"]}"

            """);
    }

    private JsonObject Network() => new()
    {
        ["cniVersion"] = "0.4.0",
        ["name"] = "pods",
        ["plugins"] = new JsonArray(
            new JsonObject
            {
                ["type"] = "bridge",
                ["bridge"] = "cni0",
                ["isGateway"] = true,
                ["ipMasq"] = false,
                ["ipam"] = new JsonObject
                {
                    ["type"] = "host-local",
                    ["dataDir"] = _folder["ipam"],
                    ["ranges"] = new JsonArray(new JsonArray(new JsonObject { ["subnet"] = $"10.202.{_address.Index}.0/24" })),
                    ["routes"] = new JsonArray(new JsonObject { ["dst"] = "0.0.0.0/0" }),
                },
            },
            new JsonObject { ["type"] = "portmap", ["capabilities"] = new JsonObject { ["portMappings"] = true } }),
    };

    private void Write(string name, string text) => File.WriteAllText(_folder[name], text, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
}
