using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.SystemTests.Kubernetes;
using Ote.Testing;

namespace Ote.SystemTests.Replicas;

/// <summary>Three replicas of the root on a real Kubernetes; the one that leads dies, or is cut off for a while.</summary>
[Collection(nameof(Alone))]
public sealed class RootReplicaTests(RealClusters clusters) : IAsyncDisposable
{
    private const string Label = "test.ote/command";
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_takeover = TimeSpan.FromSeconds(20);
    private readonly Scratch _scratch = new("replicas");
    private readonly List<ProductProcess> _processes = [];
    private readonly ConcurrentQueue<string> _acknowledged = [];
    private RealControlPlane? _plane;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>Each command makes an object under a fresh name, so that a second run of it shows.</summary>
    [Fact]
    public async Task Leader_killedOrCutOffMidCommand_isFollowedByAnotherAndNoProcessEndsAndEachCommandRunsOnce()
    {
        KubernetesTools tools = await clusters.ToolsAsync();
        _plane = await RealControlPlane.StartAsync(new("replicas") { ControllerManager = false, Scheduler = false }, tools, TimeProvider.System, Ct);
        using KubeClient api = new(Kubeconfig.Load(_plane.Kubeconfig).CreateHttpClient(TimeProvider.System));
        await OtectlAsync("install");
        await (await BeginAsync("far-cluster", "edge-cluster", "--name", "far", "--data", _scratch["far"])).WaitForLineAsync("ready: edge cluster", s_soon, Ct);

        // All at once: of their first starts only one can make the CA.
        int[] ports = FreePorts.Take(3);
        string kubeconfig = await GrantAsync(tools);
        ProductProcess[] replicas = await Task.WhenAll(ports.Select((port, i) => BeginAsync(
            $"root-{i}", "cluster-controller", "--data", _scratch[$"root-{i}"], "--kubeconfig", kubeconfig, "--leader-elect", "--listen", $"127.0.0.1:{port}")));
        int first = await NextLeaderAsync(replicas);
        ProductProcess child = await StartChildAsync(
            "far", "--managed-kubeconfig", Path.Combine(_scratch["far"], "kubeconfig"), "--impersonate", "none");
        await UntilAsync(async () => (await api.GetAsync(Kinds.Clusters, null, "far", Ct))?.Text("status", "status") == "online", "the child to attach");
        using CancellationTokenSource enough = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        Task load = LoadAsync(api, enough.Token);
        await MoreAsync(10);

        // Who comes to a replica that waits joins at the one that leads.
        ProductProcess late = await StartChildAsync("late", "--parent", $"https://127.0.0.1:{ports[(first + 1) % ports.Length]}");
        await UntilAsync(async () => (await api.GetAsync(Kinds.Clusters, null, "late", Ct))?.Text("status", "status") == "online", "the second child to attach");

        // Killed.
        long killed = TimeProvider.System.GetTimestamp();
        await replicas[first].KillAsync();
        int second = await NextLeaderAsync(replicas, first);
        TimeSpan took = TimeProvider.System.GetElapsedTime(killed);
        Assert.True(took <= s_takeover, $"another one led after {took}");
        await replicas[first].StartAsync();
        await replicas[first].WaitForLineAsync("ready ", s_soon, Ct);
        await OneMoreAsync(api, "after-the-kill");

        // Cut off: stopped for longer than its lease lasts, and then it goes on.
        await SignalAsync("STOP", replicas[second]);
        int third = await NextLeaderAsync(replicas, second);
        await SignalAsync("CONT", replicas[second]);
        await replicas[second].WaitForLineAsync("waiting root ", s_soon, Ct);
        await OneMoreAsync(api, "after-the-cut");
        await enough.CancelAsync();
        await load;

        await UntilAsync(async () => (await ListAsync(api)).All(c => c.Text("status", "completionTime") is not null), "all commands to end");
        JsonObject[] commands = await ListAsync(api);
        Assert.Empty(_acknowledged.Except(commands.Select(c => c.Name())));
        Assert.All(commands, c => Assert.True(c.Text("status", "commandPhase") == "Succeeded", c["status"]?.ToJsonString()));
        using KubeClient far = new(Kubeconfig.Load(Path.Combine(_scratch["far"], "kubeconfig")).CreateHttpClient(TimeProvider.System));
        KubeList made = await far.ListAsync(Kinds.ConfigMaps, "default", new ListQuery(Label), Ct);
        Assert.Equal(commands.Select(c => c.Name()).Order(), made.Items.Select(map => map.Text("metadata", "labels", Label)!).Order());
        Assert.All([.. replicas, child, late], process => Assert.False(process.Exited.IsCompleted, $"{process.LogFile} ended"));
        Assert.NotEqual(second, third);
        foreach (string folder in Directory.GetDirectories(_scratch.Path, "root-*"))
            Assert.Empty(Directory.GetFiles(folder, "*.key", SearchOption.AllDirectories));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (ProductProcess process in _processes)
            await process.DisposeAsync();
        if (_plane is not null)
            await _plane.DisposeAsync();
        _scratch.Dispose();
    }

    private static JsonObject Command(string name) => new()
    {
        ["apiVersion"] = "ote.baidu.com/v1",
        ["kind"] = "ClusterController",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default" },
        ["spec"] = new JsonObject
        {
            ["clusterSelector"] = "far",
            ["method"] = "POST",
            ["url"] = "/api/v1/namespaces/default/configmaps",
            ["contentType"] = "application/json",
            ["body"] = new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "ConfigMap",
                ["metadata"] = new JsonObject { ["generateName"] = "run-", ["labels"] = new JsonObject { [Label] = name } },
            }.ToJsonString(),
        },
    };

    private static async Task<JsonObject[]> ListAsync(KubeClient api) => [.. (await api.ListAsync(Kinds.ClusterControllers, "default", null, Ct)).Items];

    private static Task UntilAsync(Func<Task<bool>> condition, string what) => Eventually.HoldsAsync(condition, what, s_soon, Ct);

    /// <summary>Which replica says that it leads; one that is dead, or led before, does not count.</summary>
    private static async Task<int> NextLeaderAsync(ProductProcess[] replicas, int? former = null)
    {
        Task<string>[] waits = [.. replicas.Select((replica, i) => i == former
            ? new TaskCompletionSource<string>().Task
            : replica.WaitForLineAsync("leading root ", s_soon, Ct))];
        Task<string> led = await Task.WhenAny(waits);
        await led;
        return Array.IndexOf(waits, led);
    }

    private static async Task SignalAsync(string signal, ProductProcess process)
    {
        using Process kill = Process.Start("kill", ["-s", signal, process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync(Ct);
    }

    private Task MoreAsync(int count)
    {
        int before = _acknowledged.Count;
        return UntilAsync(() => Task.FromResult(_acknowledged.Count >= before + count), $"{count} more commands");
    }

    private static async Task OneMoreAsync(KubeClient api, string name)
    {
        await api.CreateAsync(Kinds.ClusterControllers, "default", Command(name), Ct);
        await UntilAsync(async () => (await api.GetAsync(Kinds.ClusterControllers, "default", name, Ct))?.Text("status", "commandPhase") == "Succeeded", $"command {name}");
    }

    /// <summary>Writes commands all the while, also while nobody leads.</summary>
    private async Task LoadAsync(KubeClient api, CancellationToken ct)
    {
        for (int i = 0; ; i++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"load-{i:0000}");
            try
            {
                await api.CreateAsync(Kinds.ClusterControllers, "default", Command(name), ct);
                _acknowledged.Enqueue(name);
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, ct);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>The rights of docs/operate/root-replicas.md, and a kubeconfig that has no others.</summary>
    private async Task<string> GrantAsync(KubernetesTools tools)
    {
        string text = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "operate", "root-replicas.md"), Ct);
        string rights = text.Split("```yaml\n")[1].Split("```")[0];
        await new Kubectl(tools.NewKubectl, _plane!.Kubeconfig, Directory.CreateDirectory(_scratch["home"]).FullName).ApplyAsync(rights);
        return KubeconfigFile.Write(_scratch["root.kubeconfig"], "replicas", _plane.Server, _plane.Authority.Certificate, _plane.Authority.IssueClient("ote-root"));
    }

    /// <summary>It knows one replica, by default the one that leads, which will be killed and then waits: the way to the others is told there.</summary>
    private async Task<ProductProcess> StartChildAsync(string name, params string[] more)
    {
        JsonNode token = JsonNode.Parse(await OtectlAsync("join-token", "create", "-o", "json"))!;
        string secret = _scratch[$"{name}.token"];
        await File.WriteAllTextAsync(secret, (string)token["token"]!, Ct);
        string[] parent = more.Contains("--parent") ? [] : ["--parent", (string)token["parentAddress"]!];
        ProductProcess child = await BeginAsync(
            $"child-{name}",
            ["cluster-controller", "--name", name, "--data", _scratch[$"child-{name}"], "--join-token-file", secret, "--ca-pin", (string)token["caPin"]!, .. parent, .. more]);
        await child.WaitForLineAsync("ready ", s_soon, Ct);
        return child;
    }

    private async Task<ProductProcess> BeginAsync(string name, params string[] arguments)
    {
        ProductProcess process = new(name, "ote", arguments, _scratch.Path);
        lock (_processes)
            _processes.Add(process);
        await process.StartAsync();
        return process;
    }

    private async Task<string> OtectlAsync(params string[] arguments) =>
        (await CommandLine.RunAsync("dotnet", [Repository.Executable("otectl"), .. arguments, "--kubeconfig", _plane!.Kubeconfig], null, null, s_soon, Ct)).Succeeded().Out;
}
