using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Faults;

/// <summary>
/// Root on this machine, below it mid and below that leaf on machines of their own, with a cable between each two. Leaf has an
/// <c>ote edge-cluster</c> behind <c>ote shim k3s</c>. Started when first asked for; shared by the tests, which run one after the other.
/// </summary>
public sealed class FaultTree : IAsyncDisposable
{
    // Of the clock since the machine's start; its date is the kernel's alone, and no namespace can lend another.
    private static readonly TimeSpan LongAgo = TimeSpan.FromDays(300);
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(60);

    // Under another CA certificates are renewed within a hundredth of their life, which of a year's is up to a minute.
    private const string CertificateLife = "40m";

    private readonly Scratch _scratch = new("faults");
    private readonly NodeAddress _first = NodeAddress.Take();
    private readonly NodeAddress _second = NodeAddress.Take();
    private readonly Dictionary<string, ProductProcess> _processes = [];
    private readonly Dictionary<string, Machine> _machines = [];
    private readonly Dictionary<string, Cable> _cables = [];
    private KubeClient? _root;

    /// <summary>The root's control API.</summary>
    internal KubeClient Root => _root ?? throw new InvalidOperationException($"await {nameof(EnsureStartedAsync)} first");

    private string RootKubeconfig => Path.Combine(_scratch["root"], "kubeconfig");

    /// <summary>root, mid, leaf, shim or cluster.</summary>
    internal ProductProcess this[string process] => _processes[process];

    /// <summary>mid or leaf.</summary>
    internal Machine MachineOf(string name) => _machines[name];

    /// <summary>The one above mid, or above leaf.</summary>
    internal Cable CableAbove(string name) => _cables[name];

    internal async Task EnsureStartedAsync(CancellationToken ct)
    {
        if (_root is not null)
            return;
        _machines["mid"] = await Machine.StartAsync("mid", _scratch.Path, TimeSpan.Zero, ct);
        _machines["leaf"] = await Machine.StartAsync("leaf", _scratch.Path, LongAgo, ct);
        _cables["mid"] = await Cable.LayAsync(_first.Index, null, _machines["mid"], ct);
        _cables["leaf"] = await Cable.LayAsync(_second.Index, _machines["mid"], _machines["leaf"], ct);

        string atRoot = Address("mid", FreePorts.Take(1)[0]), atMid = Address("leaf", 8287), socket = $"unix:{_scratch["leaf.sock"]}";
        await Task.WhenAll(
            StartAsync("root", null, ct, "cluster-controller", "--data", _scratch["root"], "--listen", atRoot, "--api-listen", $"127.0.0.1:{FreePorts.Take(1)[0]}",
                "--certificate-life", CertificateLife),
            StartAsync("cluster", "leaf", ct, "edge-cluster", "--data", _scratch["cluster"]));
        await StartAsync("shim", "leaf", ct, "shim", "k3s", "--listen", socket, "--kubeconfig", Path.Combine(_scratch["cluster"], "kubeconfig"), "--impersonate", "none");
        _root = new KubeClient(Kubeconfig.Load(RootKubeconfig).CreateHttpClient(TimeProvider.System));
        string[] join = await JoinAsync(ct);
        await StartAsync("mid", "mid", ct, ["cluster-controller", "--name", "mid", "--data", Data("mid"), "--parent", $"https://{atRoot}", "--listen", atMid, .. join]);
        await StartAsync("leaf", "leaf", ct, ["cluster-controller", "--name", "leaf", "--data", Data("leaf"), "--parent", $"https://{atMid}", "--shim", socket, .. join]);
    }

    /// <summary>otectl at the root; what it wrote.</summary>
    internal async Task<string> CtlAsync(CancellationToken ct, params string[] arguments) =>
        (await CommandLine.RunAsync("dotnet", [Repository.Executable("otectl"), .. arguments, "--kubeconfig", RootKubeconfig], null, null, Soon, ct)).Succeeded().Out;

    /// <summary>Stops a process as it stands (SIGSTOP), or lets it go on.</summary>
    internal Task FreezeAsync(string process, bool frozen, CancellationToken ct) =>
        Machine.RunAsync(["kill", "-s", frozen ? "STOP" : "CONT", this[process].Id.ToString(CultureInfo.InvariantCulture)], ct);

    public async ValueTask DisposeAsync()
    {
        foreach (ProductProcess process in _processes.Values)
            await process.DisposeAsync();
        foreach (Cable cable in _cables.Values)
            cable.Dispose();
        foreach (Machine machine in _machines.Values)
            await machine.DisposeAsync();
        _root?.Dispose();
        _first.Dispose();
        _second.Dispose();
        _scratch.Dispose();
    }

    private string Address(string cable, int port) => $"{_cables[cable].Near}:{port.ToString(CultureInfo.InvariantCulture)}";

    private string Data(string machine) => Path.Combine(_machines[machine].Disk, "data");

    private async Task StartAsync(string name, string? machine, CancellationToken ct, params string[] arguments)
    {
        ProductProcess process = new(name, "ote", arguments, _scratch.Path) { Within = machine is null ? [] : _machines[machine].Within };
        lock (_processes)
            _processes.Add(name, process);
        await process.StartAsync();
        await process.WaitForLineAsync(arguments[0] == "edge-cluster" ? "ready: edge cluster" : "ready ", Soon, ct);
    }

    private async Task<string[]> JoinAsync(CancellationToken ct)
    {
        JsonNode token = JsonNode.Parse(await CtlAsync(ct, "join-token", "create", "--auto-accept", "--uses", "2", "-o", "json"))!;
        await File.WriteAllTextAsync(_scratch["token"], (string)token["token"]!, ct);
        return ["--join-token-file", _scratch["token"], "--ca-pin", (string)token["caPin"]!];
    }
}
