using System.Text.RegularExpressions;
using Ote.SystemTests.Kubernetes;
using Ote.SystemTests.Tree;

namespace Ote.SystemTests.Fleet;

/// <summary>The processes of a <see cref="Fleet"/>.</summary>
internal sealed partial class FleetTree : IAsyncDisposable
{
    private readonly RoleProcesses _roles;
    private readonly KubernetesTools _tools;

    private FleetTree(RoleProcesses roles, KubernetesTools tools, RealCluster a, RealCluster b) => (_roles, _tools, A, B) = (roles, tools, a, b);

    /// <summary>Has a real node; its controller is a, two levels below the root.</summary>
    public RealCluster A { get; }

    /// <summary>Has no node; its controller is b, below the root, and drives it by a shim process.</summary>
    public RealCluster B { get; }

    /// <summary>Its file is the root's, as a user has it.</summary>
    public string Kubeconfig => _roles["root/kubeconfig"];

    /// <summary>The controller on the way to A and C.</summary>
    public ProductProcess North { get; private set; } = null!;

    /// <summary>The controller of A.</summary>
    public ProductProcess ControllerOfA { get; private set; } = null!;

    /// <summary>The controller b.</summary>
    public ProductProcess ControllerOfB { get; private set; } = null!;

    public static async Task<FleetTree> StartAsync(RealClusters clusters, CancellationToken ct)
    {
        RealCluster[] real = await Task.WhenAll(clusters.AAsync(), clusters.BAsync());
        RoleProcesses roles = new("fleet", ct);
        FleetTree tree = new(roles, await clusters.ToolsAsync(), real[0], real[1]);
        try
        {
            await tree.StartAsync(ct);
            return tree;
        }
        catch
        {
            await roles.DisposeAsync();
            throw;
        }
    }

    /// <summary>kubectl, current or old, at the fleet, or behind <c>/clusters/NAME</c>.</summary>
    public Kubectl Kubectl(bool old = false, string? cluster = null)
    {
        string home = Directory.CreateDirectory(_roles[$"home-{cluster ?? "fleet"}-{old}"]).FullName;
        string file = Kubeconfig;
        if (cluster is not null)
        {
            file = Path.Combine(home, "kubeconfig");
            lock (_roles)
            {
                if (!File.Exists(file))
                    File.WriteAllText(file, Server().Replace(File.ReadAllText(Kubeconfig), $"$1/clusters/{cluster}"));
            }
        }
        return new Kubectl(old ? _tools.OldKubectl : _tools.NewKubectl, file, home);
    }

    public ValueTask DisposeAsync() => _roles.DisposeAsync();

    private async Task StartAsync(CancellationToken ct)
    {
        string[] at = RoleProcesses.Addresses(3);
        await _roles.StartAsync("root", "ready ", "cluster-controller", "--name", "root", "--data", _roles["root"], "--listen", at[0], "--serve", at[1]);
        North = await _roles.StartAsync("north", "ready ", [.. await _roles.JoiningAsync("north", at[0], "--auto-accept"), "--listen", at[2]]);
        await _roles.StartAsync("c-cluster", "ready: edge cluster", "edge-cluster", "--name", "c", "--data", _roles["c-cluster"], "--nodes", "1");
        string socket = "unix:" + _roles["b.sock"];
        await _roles.StartAsync("b-shim", "ready ", "shim", "k8s", "--listen", socket, "--kubeconfig", B.Kubeconfig, "--reports", _roles["b-reports"]);
        ControllerOfA = await _roles.StartAsync("a", "ready ", [.. await _roles.JoiningAsync("a", at[2], "--auto-accept"), "--managed-kubeconfig", A.Kubeconfig, .. WidgetKind.Reported]);
        await _roles.StartAsync("c", "ready ", [.. await _roles.JoiningAsync("c", at[2], "--auto-accept"), "--managed-kubeconfig", Path.Combine(_roles["c-cluster"], "kubeconfig")]);
        ControllerOfB = await _roles.StartAsync("b", "ready ", [.. await _roles.JoiningAsync("b", at[0], "--auto-accept"), "--shim", socket]);
        foreach (string cluster in (string[])["a", "b", "c"])
            await _roles.ClusterAsync("root", cluster, "online");
        await Kubectl().UntilAsync(nodes => nodes.Contains("a-node-a", StringComparison.Ordinal) && nodes.Contains("-c", StringComparison.Ordinal), TimeSpan.FromSeconds(60), ct, "get", "nodes", "-o", "name");
    }

    [GeneratedRegex(@"(server: https://[^/\s""]+)")]
    private static partial Regex Server();
}
