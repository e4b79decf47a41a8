using System.Text;

namespace Ote.SystemTests.EdgeHub;

/// <summary>
/// A real k3s server without an agent on this machine's loopback, and a real k3s agent in namespaces of its own (<c>eng/node.sh</c>). Both are the executable that OTE_K3S names. The agent asks what <see cref="LeadAsync"/> says;
/// its pods have no images but <see cref="LocalImage"/>.
/// </summary>
internal sealed class K3sNode : IAsyncDisposable
{
    private const string Token = "a-token-of-a-test";
    private static readonly TimeSpan Starts = TimeSpan.FromMinutes(3);
    private readonly Scratch _folder = new("k3s");
    private readonly NodeAddress _address = NodeAddress.Take();
    private readonly string _program;
    private readonly int _hubPort;
    private GuardedProcess? _server;
    private GuardedProcess? _agent;

    private K3sNode(string program, int serverPort, int hubPort) => (_program, ServerPort, _hubPort) = (program, serverPort, hubPort);

    public static string Name => "k3s-node";

    /// <summary>Where the server listens, on 127.0.0.1.</summary>
    public int ServerPort { get; }

    /// <summary>The folder of the agent, as <c>--k3s-agent</c> takes it.</summary>
    public string AgentFolder => _folder["agent/agent"];

    /// <summary>The administrator's kubeconfig.</summary>
    public string Kubeconfig => _folder["admin.kubeconfig"];

    /// <summary>Starts both, the agent at the server itself.</summary>
    /// <param name="hubPort">A port of 127.0.0.1 that the node reaches as well.</param>
    /// <param name="ct">Gives up.</param>
    public static async Task<K3sNode> StartAsync(int hubPort, CancellationToken ct)
    {
        string program = Environment.GetEnvironmentVariable("OTE_K3S") is { Length: > 0 } named ? Path.GetFullPath(named) : throw new InvalidOperationException("OTE_K3S names no k3s executable: ./ote test --k3s FILE");
        K3sNode node = new(program, FreePorts.Take(1)[0], hubPort);
        try
        {
            await node.BeginAsync(ct);
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    /// <summary>Leads the agent somewhere, and starts it again if it runs: everything on the node goes with it.</summary>
    public async Task LeadAsync(int port, CancellationToken ct)
    {
        await PowerOffAsync();
        await File.WriteAllTextAsync(_folder["k3s.yaml"], $"""
            server: https://127.0.0.1:{port}
            token-file: {_folder["token"]}
            data-dir: {_folder["agent"]}
            node-name: {Name}
            node-ip: {_address.Inside}
            pause-image: {LocalImage.Pause}
            disable-apiserver-lb: {(port == _hubPort ? "true" : "false")}
            kubelet-arg:
              - cgroup-root=/{Cgroup}
              - fail-swap-on=false
              - node-status-update-frequency=4s
              - eviction-hard=memory.available<50Mi

            """, ct);
        await PowerOnAsync(ct);
    }

    /// <summary>Switches the node off: everything that runs on it is gone at once, what is on its disk stays.</summary>
    public async Task PowerOffAsync()
    {
        if (_agent is not null)
        {
            await _agent.StopAsync(TimeSpan.FromSeconds(20));
            await _agent.DisposeAsync();
            _agent = null;
        }
    }

    /// <summary>Switches it on, whatever it can reach.</summary>
    public async Task PowerOnAsync(CancellationToken ct)
    {
        _agent = await GuardedProcess.StartAsync(new($"node {Name}", Path.Combine(Repository.Root, "eng", "node.sh"), [_folder.Path], _folder["node.log"]) { SignalOnOwnersDeath = "TERM" });
        await _agent.WaitForLineAsync($"node {Name} runs", TimeSpan.FromSeconds(60), ct);
    }

    /// <summary>What the agent said last.</summary>
    public string AgentLog => File.Exists(_folder["k3s.log"]) ? string.Join('\n', File.ReadLines(_folder["k3s.log"]).TakeLast(40)) : "(none)";

    public async ValueTask DisposeAsync()
    {
        await PowerOffAsync();
        if (_server is not null)
        {
            await _server.StopAsync(TimeSpan.FromSeconds(30));
            await _server.DisposeAsync();
        }

        _address.Dispose();
        _folder.Dispose();
    }

    private string Cgroup => $"ote-{Environment.ProcessId}-{_address.Index}";

    private async Task BeginAsync(CancellationToken ct)
    {
        Write("node.env", $"""
            name={Name}
            api_ports="{ServerPort} {_hubPort}"
            index={_address.Index}
            cgroup={Cgroup}
            k3s={_program}

            """);
        Write("token", Token + "\n");
        File.SetUnixFileMode(_folder["token"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Directory.CreateDirectory(Path.Combine(AgentFolder, "images"));
        LocalImage.Write(Path.Combine(AgentFolder, "images", "image.tar"), [LocalImage.Name, LocalImage.Pause]);
        _server = await GuardedProcess.StartAsync(new("k3s server", _program,
            [
                "server", "--disable-agent", "--data-dir", _folder["server"], "--token-file", _folder["token"], "--bind-address", "127.0.0.1", "--https-listen-port", $"{ServerPort}",
                // An API server's address may not be loopback; nothing is asked there.
                "--advertise-address", $"10.201.{_address.Index}.1", "--node-ip", $"10.201.{_address.Index}.1",
                "--write-kubeconfig", Kubeconfig, "--write-kubeconfig-mode", "600", "--flannel-backend", "host-gw", "--egress-selector-mode", "disabled", "--disable-network-policy", "--disable-helm-controller",
                "--disable", "traefik,servicelb,metrics-server,coredns,local-storage",
            ], _folder["server.log"]));
        using CancellationTokenSource soon = CancellationTokenSource.CreateLinkedTokenSource(ct);
        soon.CancelAfter(Starts);
        while (!File.Exists(Kubeconfig))
        {
            if (_server.Exited.IsCompleted)
                throw _server.Failure($"ended with {await _server.Exited}");
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, soon.Token);
        }

        await LeadAsync(ServerPort, ct);
    }

    private void Write(string name, string text) => File.WriteAllText(_folder[name], text, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
}
