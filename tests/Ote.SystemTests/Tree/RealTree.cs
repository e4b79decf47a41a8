using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Tree;

/// <summary>
/// A tree of product processes over real Kubernetes, started when it is first asked for: the root keeps its objects on the real root
/// cluster; below it leaf <c>a</c> (real A behind <c>ote shim k8s</c>), leaf <c>b</c> (real B behind <c>ote shim k3s</c>) and the
/// mid-level <c>region</c>, below which are <c>c</c> and <c>d</c>, each with an <c>ote edge-cluster</c>. Tags: <c>tier=edge</c> on a
/// and c, <c>tier=lab</c> on b and d, <c>role=leaf</c> on all four.
/// </summary>
/// <remarks>Every process can be killed and started again under its name; addresses stay.</remarks>
public sealed class RealTree(RealClusters clusters) : IAsyncDisposable
{
    /// <summary>The clusters that run commands.</summary>
    public static readonly string[] Leaves = ["a", "b", "c", "d"];

    // How long a start takes is not what these tests ask: three API servers and ten processes come up beside other tests.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(180);

    private readonly Scratch _scratch = new("tree");
    private readonly Dictionary<string, ProductProcess> _processes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Kubectl> _kubectls = new(StringComparer.Ordinal);
    private readonly Lock _once = new();
    private Task? _started;
    private KubeClient? _root;

    /// <summary>The root's control API, as its administrator.</summary>
    public KubeClient Root => _root ?? throw new InvalidOperationException($"the tree was not started; await {nameof(EnsureStartedAsync)} first");

    /// <summary>A process: root, region, a, b, c, d (controllers), a-shim, b-shim, c-cluster or d-cluster.</summary>
    public ProductProcess this[string name] => _processes[name];

    /// <summary>kubectl for the cluster of the root or of a leaf.</summary>
    public Kubectl Kubectl(string cluster) => _kubectls[cluster];

    /// <summary>Starts the tree once; completes when every cluster is online at the root. What failed then fails every test with its own error.</summary>
    public Task EnsureStartedAsync(CancellationToken ct)
    {
        lock (_once)
            return _started ??= StartAllAsync(ct);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (ProductProcess process in _processes.Values)
            await process.DisposeAsync();
        _root?.Dispose();
        _scratch.Dispose();
    }

    private async Task StartAllAsync(CancellationToken ct)
    {
        Task<RealCluster>[] real = [clusters.RootAsync(), clusters.AAsync(), clusters.BAsync()];
        string[] edge = await Task.WhenAll(StartEdgeClusterAsync("c", ct), StartEdgeClusterAsync("d", ct));
        RealCluster[] ready = await Task.WhenAll(real);
        (RealCluster root, RealCluster a, RealCluster b) = (ready[0], ready[1], ready[2]);
        string newest = (await clusters.ToolsAsync()).NewKubectl;
        (_kubectls["root"], _kubectls["a"], _kubectls["b"]) = (root.Kubectl, a.Kubectl, b.Kubectl);
        foreach ((string name, string kubeconfig) in new[] { "c", "d" }.Zip(edge))
            _kubectls[name] = new Kubectl(newest, kubeconfig, Directory.CreateDirectory(_scratch[$"{name}-home"]).FullName);
        _root = new KubeClient(Kubeconfig.Load(root.Kubeconfig).CreateHttpClient(TimeProvider.System));

        await Task.WhenAll(
            GrantCommandersAsync(a), GrantCommandersAsync(b),
            StartAsync("a-shim", ct, "shim", "k8s", "--listen", Socket("a"), "--kubeconfig", a.Kubeconfig),
            StartAsync("b-shim", ct, "shim", "k3s", "--listen", Socket("b"), "--kubeconfig", b.Kubeconfig),
            OtectlAsync(root, ct, "install"));
        string[] rootAddress = Addresses(2);
        await StartAsync("root", ct, [.. Controller("root"), "--kubeconfig", root.Kubeconfig, "--listen", rootAddress[0]]);
        string[] join = await JoinAsync(root, ct);
        string[] underRoot = ["--parent", $"https://{rootAddress[0]}", .. join];
        await Task.WhenAll(
            StartAsync("region", ct, [.. Controller("region"), "--listen", rootAddress[1], .. underRoot]),
            StartAsync("a", ct, [.. Controller("a"), "--tag", "tier=edge", "--tag", "role=leaf", "--shim", Socket("a"), .. underRoot]),
            StartAsync("b", ct, [.. Controller("b"), "--tag", "tier=lab", "--tag", "role=leaf", "--shim", Socket("b"), .. underRoot]));
        // An embedded cluster knows its administrators and no commanders: its controller acts as the administrator it is.
        string[] underRegion = ["--parent", $"https://{rootAddress[1]}", "--impersonate", "none", .. join];
        await Task.WhenAll(
            StartAsync("c", ct, [.. Controller("c"), "--tag", "tier=edge", "--tag", "role=leaf", "--managed-kubeconfig", edge[0], .. underRegion]),
            StartAsync("d", ct, [.. Controller("d"), "--tag", "tier=lab", "--tag", "role=leaf", "--managed-kubeconfig", edge[1], .. underRegion]));
        foreach (string name in (string[])["region", .. Leaves])
            await root.Kubectl.UntilAsync(text => text == "online", Patience, ct, "get", "clusters.ote.baidu.com", name, "-o", "jsonpath={.status.status}");
    }

    private async Task<string> StartEdgeClusterAsync(string name, CancellationToken ct)
    {
        ProductProcess process = await BeginAsync($"{name}-cluster", "edge-cluster", "--name", name, "--data", _scratch[$"{name}-cluster"]);
        await process.WaitForLineAsync("ready: edge cluster", Patience, ct);
        return Path.Combine(_scratch[$"{name}-cluster"], "kubeconfig");
    }

    private async Task StartAsync(string name, CancellationToken ct, params string[] arguments) =>
        await (await BeginAsync(name, arguments)).WaitForLineAsync("ready ", Patience, ct);

    private async Task<ProductProcess> BeginAsync(string name, params string[] arguments)
    {
        ProductProcess process = new(name, "ote", arguments, _scratch.Path);
        lock (_processes)
            _processes.Add(name, process);
        await process.StartAsync();
        return process;
    }

    private string[] Controller(string name) => ["cluster-controller", "--name", name, "--data", _scratch[name]];

    private string Socket(string name) => $"unix:{_scratch[$"{name}.sock"]}";

    // Told rather than chosen by the kernel, since children find a parent that was killed and started again at its old address.
    private static string[] Addresses(int count) => [.. FreePorts.Take(count).Select(port => $"127.0.0.1:{port}")];

    private async Task<string[]> JoinAsync(RealCluster root, CancellationToken ct)
    {
        JsonNode token = JsonNode.Parse(await OtectlAsync(root, ct, "join-token", "create", "--auto-accept", "--uses", "0", "-o", "json"))!;
        await File.WriteAllTextAsync(_scratch["join-token"], (string)token["token"]!, ct);
        return ["--join-token-file", _scratch["join-token"], "--ca-pin", (string)token["caPin"]!];
    }

    private static async Task<string> OtectlAsync(RealCluster at, CancellationToken ct, params string[] arguments) =>
        (await CommandLine.RunAsync("dotnet", [Repository.Executable("otectl"), .. arguments, "--kubeconfig", at.Kubeconfig], null, null, Patience, ct)).Succeeded().Out;

    /// <summary>A real API server does not say who wrote a command: it is carried out as the root's controller, in this group.</summary>
    private static Task<string> GrantCommandersAsync(RealCluster cluster) => cluster.Kubectl.ApplyAsync("""
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRoleBinding
        metadata: {name: ote-commanders}
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
        subjects:
        - {apiGroup: rbac.authorization.k8s.io, kind: Group, name: "ote:commanders"}
        """);
}

/// <summary>The tests that share the tree run one after the other: some kill its processes.</summary>
[CollectionDefinition(nameof(RealTree))]
public sealed class RealTreeCollection : ICollectionFixture<RealTree>;
