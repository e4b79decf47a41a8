using System.Globalization;

namespace Ote.Testing.Kubernetes;

/// <summary>
/// A <see cref="RealNode"/> as kubeadm sets one up: containerd and the kubelet are services of a real systemd, which is process 1 of the node. Commands run on it as they do for who has logged in there as root; a
/// build of ote-node lies in its /run/ote-node. Its /etc, its units and what it puts into /usr/local are its own.
/// </summary>
public sealed class SystemdNode : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);
    private readonly RealNode _node;
    private readonly string[] _enter;

    private SystemdNode(RealNode node, string init)
    {
        _node = node;
        _enter = ["nsenter", "--target", init, "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--"];
    }

    public string Name => _node.Name;

    /// <summary>The cgroup below each hierarchy that holds all of the node.</summary>
    public string Cgroup => _node.Cgroup;

    /// <summary>Starts it and waits until it is Ready.</summary>
    public static async Task<SystemdNode> StartAsync(RealControlPlane plane, string name, CancellationToken ct)
    {
        RealNode node = await RealNode.StartAsync(plane, new(name) { Systemd = true }, ct);
        return new SystemdNode(node, (await File.ReadAllTextAsync(Path.Combine(node.Folder, "init.pid"), ct)).Trim());
    }

    /// <summary>Runs a command on the node.</summary>
    public Task<CommandResult> RunAsync(params string[] command) =>
        CommandLine.RunAsync(_enter[0], [.. _enter[1..], .. command], null, null, Patience, CancellationToken.None);

    /// <summary>Runs a command on the node; what it wrote.</summary>
    /// <exception cref="InvalidOperationException">It failed; both of its outputs are in the message.</exception>
    public async Task<string> ExpectAsync(params string[] command) => (await RunAsync(command)).Succeeded().Out.Trim();

    /// <summary>The process id, on the node, of a service's main process; 0: none.</summary>
    public async Task<int> ProcessOfAsync(string unit) =>
        int.Parse(await ExpectAsync("systemctl", "show", "--property=MainPID", "--value", unit), NumberStyles.None, CultureInfo.InvariantCulture);

    /// <summary>The ports to which a service's main process is connected over TCP.</summary>
    public async Task<IReadOnlyList<int>> PortsOfAsync(string unit)
    {
        int process = await ProcessOfAsync(unit);
        string own = $"pid={process},";
        string connected = await ExpectAsync("ss", "--no-header", "--tcp", "--numeric", "--processes", "state", "established");
        return
        [
            .. connected.Split('\n').Where(line => line.Contains(own, StringComparison.Ordinal))
                .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3]) // received, sent, own address, the other's
                .Select(address => int.Parse(address[(address.LastIndexOf(':') + 1)..], NumberStyles.None, CultureInfo.InvariantCulture)).Distinct(),
        ];
    }

    /// <summary>What its journal has of a unit.</summary>
    public async Task<string> JournalAsync(string unit) => (await RunAsync("journalctl", "--no-pager", "--lines=60", "--unit", unit)).Out;

    public ValueTask DisposeAsync() => _node.DisposeAsync();
}
