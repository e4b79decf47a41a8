using Ote.SystemTests.Tree;

namespace Ote.SystemTests.Fleet;

/// <summary>
/// A tree whose root keeps its objects on a real Kubernetes and has it show the fleet: an API server of its own (no controllers), the root with the rights that the documents and <c>otectl install</c> give and
/// no others, and two edge clusters, c1 and c2, below it. Started when it is first asked for.
/// </summary>
public class RealRoot : IAsyncDisposable
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);
    private readonly Lock _gate = new();
    private readonly RoleProcesses _roles = new("real-root", CancellationToken.None);
    private Task? _started;

    /// <summary>The real Kubernetes.</summary>
    public RealControlPlane Plane { get; private set; } = null!;

    /// <summary>Where the root serves the fleet.</summary>
    public string Served { get; private set; } = "";

    /// <summary>Starts it, or waits until it has started; one that cannot be had fails all tests that ask for it.</summary>
    public Task StartAsync()
    {
        lock (_gate)
            return _started ??= BeginAsync();
    }

    /// <summary>kubectl at the real Kubernetes, current or old, as its administrator or as a user.</summary>
    public Kubectl Kubectl(bool old = false, string? user = null)
    {
        string home = Directory.CreateDirectory(_roles[$"home-{user}-{old}"]).FullName;
        return new Kubectl(old ? Plane.Tools.OldKubectl : Plane.Tools.NewKubectl, user is null ? Plane.Kubeconfig : Plane.WriteKubeconfig($"{user}.kubeconfig", user), home);
    }

    /// <summary>kubectl at an edge cluster itself.</summary>
    public Kubectl At(string cluster) =>
        new(Plane.Tools.NewKubectl, Path.Combine(_roles[$"{cluster}-cluster"], "kubeconfig"), Directory.CreateDirectory(_roles[$"home-at-{cluster}"]).FullName);

    /// <summary>otectl at the real Kubernetes as its administrator.</summary>
    public Task<CommandResult> OtectlAsync(params string[] arguments) => _roles.TryOtectlAsync([.. arguments, "--kubeconfig", Plane.Kubeconfig]);

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await _roles.DisposeAsync();
        if (Plane is not null)
            await Plane.DisposeAsync();
    }

    /// <summary>How the root serves the fleet, or lets others do so.</summary>
    private protected virtual string[] Serving(int port, string audit) => ["--serve", $"127.0.0.1:{port}", "--serve-advertise", $"localhost:{port}", "--audit-log-path", audit];

    /// <summary>Starts what runs beside the root.</summary>
    private protected virtual Task BesideAsync(RoleProcesses roles, string kubeconfig) => Task.CompletedTask;

    private async Task BeginAsync()
    {
        KubernetesTools tools = await KubernetesTools.FindAsync(CancellationToken.None);
        Plane = await RealControlPlane.StartAsync(new("real-root") { ControllerManager = false }, tools, TimeProvider.System, CancellationToken.None);
        (await OtectlAsync("install")).Succeeded();
        string text = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "operate", "root-replicas.md"));
        await Kubectl().ApplyAsync(text.Split("```yaml\n")[1].Split("```")[0]);
        int[] ports = FreePorts.Take(2);
        // No Endpoints may be on the loopback, so the API server comes by a name.
        Served = $"127.0.0.1:{ports[1]}";
        await _roles.StartAsync(
            "root", "ready ",
            [
                "cluster-controller", "--name", "root", "--data", _roles["root"], "--kubeconfig", Plane.WriteKubeconfig("root.kubeconfig", "ote-root"), "--listen", $"127.0.0.1:{ports[0]}", .. Serving(ports[1], _roles["audit.log"]),
            ]);
        Task<CommandResult> leading = OtectlAsync("install", "--fleet"); // gives the rights, and waits for who serves
        await BesideAsync(_roles, Plane.Kubeconfig.Replace("admin.", "root.", StringComparison.Ordinal));
        (await leading).Succeeded();
        foreach (string cluster in (string[])["c1", "c2"])
        {
            await _roles.StartAsync($"{cluster}-cluster", "ready: edge cluster", "edge-cluster", "--name", cluster, "--data", _roles[$"{cluster}-cluster"], "--nodes", "1");
            (string token, string pin) = await TokenAsync();
            await File.WriteAllTextAsync(_roles[$"{cluster}-token"], token);
            await _roles.StartAsync(
                cluster, "ready ", "cluster-controller", "--name", cluster, "--data", _roles[cluster], "--parent", $"https://127.0.0.1:{ports[0]}",
                "--join-token-file", _roles[$"{cluster}-token"], "--ca-pin", pin, "--managed-kubeconfig", Path.Combine(_roles[$"{cluster}-cluster"], "kubeconfig"), "--report", "default", "--report", WidgetKind.Name);
            await At(cluster).ExpectAsync("create", "deployment", "web", "--image=example/web", "--replicas=2");
        }
        await Kubectl().UntilAsync(
            names => names.Split('\n').Count(n => n.StartsWith("pod.fleet.ote.baidu.com/web-", StringComparison.Ordinal)) == 4, s_soon, CancellationToken.None, "get", "pods.fleet.ote.baidu.com", "-A", "-o", "name");
    }

    /// <summary>What the root noted of requests.</summary>
    public string Audit() => File.ReadAllText(_roles["audit.log"]);

    private async Task<(string Token, string Pin)> TokenAsync()
    {
        System.Text.Json.Nodes.JsonNode token = System.Text.Json.Nodes.JsonNode.Parse((await OtectlAsync("join-token", "create", "--auto-accept", "-o", "json")).Succeeded().Out)!;
        return ((string)token["token"]!, (string)token["caPin"]!);
    }
}
