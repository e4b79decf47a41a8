using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.SystemTests.Kubernetes;
using Ote.Testing;

namespace Ote.SystemTests.Backup;

/// <summary>A root's machine is lost, and the root comes back from a backup elsewhere.</summary>
public sealed class LostRootTests : IAsyncDisposable
{
    private const string Label = "test.ote/command";
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);
    private readonly Scratch _scratch = new("backup");
    private readonly List<ProductProcess> _processes = [];
    private readonly ConcurrentQueue<string> _acknowledged = [];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>Each command makes an object under a fresh name, so that a second run of it shows. Root and child run it, each on a cluster of its own.</summary>
    [Fact]
    public async Task Root_backedUpUnderLoadKilledAndRestoredElsewhere_isTakenBackByItsTreeAndNothingAcknowledgedIsLostOrRunsTwice()
    {
        await StartEdgeClusterAsync("own");
        await StartEdgeClusterAsync("far");
        string[] addresses = [.. FreePorts.Take(2).Select(port => $"127.0.0.1:{port}")];
        ProductProcess root = await StartRootAsync("root", addresses);
        string pin = await root.WaitForLineAsync("ca-pin ", s_soon, Ct);
        ProductProcess child = await StartChildAsync(addresses[0]);
        using (KubeClient first = Api(_scratch["root"]))
            await UntilAsync(async () => (await first.GetAsync(Kinds.Clusters, null, "far", Ct))?.Text("status", "status") == "online", "the child to be known");
        using CancellationTokenSource enough = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        Task load = LoadAsync(_scratch["root"], enough.Token);
        await UntilAsync(() => Task.FromResult(_acknowledged.Count >= 20), "20 commands");

        string[] before = [.. _acknowledged];
        await OtectlAsync(_scratch["root"], "backup", _scratch["root.backup"]);
        int backedUp = _acknowledged.Count;
        await UntilAsync(() => Task.FromResult(_acknowledged.Count >= backedUp + 20), "20 more commands");
        await root.KillAsync();
        await enough.CancelAsync();
        await load;
        Directory.Delete(_scratch["root"], recursive: true);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_scratch["root.backup"]));

        string told = (await CommandLine.RunAsync(
            "dotnet", [Repository.Executable("ote"), "restore", "--data", _scratch["other"], _scratch["root.backup"]], null, null, s_soon, Ct)).Succeeded().Out;
        ProductProcess other = await StartRootAsync("other", addresses);

        Assert.Equal(pin, await other.WaitForLineAsync("ca-pin ", s_soon, Ct));
        Assert.Contains(pin, told, StringComparison.Ordinal);
        using KubeClient api = Api(_scratch["other"]);
        await api.CreateAsync(Kinds.ClusterControllers, "default", Command("after"), Ct);
        await UntilAsync(async () => (await ListAsync(api)).All(IsOver), "all commands to end");
        JsonObject[] commands = await ListAsync(api);
        Assert.Empty(before.Append("after").Except(commands.Select(c => c.Name())));
        Assert.False(child.Exited.IsCompleted);
        foreach (JsonObject command in commands)
        {
            Dictionary<string, JsonObject> results = await ResultsAsync(api, command.Name());
            Assert.True(results.GetValueOrDefault("far")?.Whole("code") == 201, $"{command.Name()}: {command["status"]?.ToJsonString()}");

            // What ran at the root itself after the backup is known to nobody any more: it says so, and is not run again.
            Assert.True(results["root"].Whole("code") == 201 || results["root"].Text("error") == "OutcomeUnknown", results["root"].ToJsonString());
        }

        foreach (string cluster in (string[])["own", "far"])
        {
            Dictionary<string, int> runs = await RunsAsync(cluster);
            Assert.DoesNotContain(runs, run => run.Value > 1);
            Assert.Equal(1, runs["after"]);
            Assert.Empty(commands.Select(c => c.Name()).Except(runs.Keys));
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (ProductProcess process in _processes)
            await process.DisposeAsync();
        _scratch.Dispose();
    }

    private static bool IsOver(JsonObject command) => command.Text("status", "completionTime") is not null;

    private static JsonObject Command(string name) => new()
    {
        ["apiVersion"] = "ote.baidu.com/v1",
        ["kind"] = "ClusterController",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default" },
        ["spec"] = new JsonObject
        {
            ["clusterSelector"] = "root,far",
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

    private static KubeClient Api(string data) => new(Kubeconfig.Load(Path.Combine(data, "kubeconfig")).CreateHttpClient(TimeProvider.System));

    private static async Task<JsonObject[]> ListAsync(KubeClient api) => [.. (await api.ListAsync(Kinds.ClusterControllers, "default", null, Ct)).Items];

    private static async Task<Dictionary<string, JsonObject>> ResultsAsync(KubeClient api, string command)
    {
        KubeList pages = await api.ListAsync(Kinds.ClusterControllerResults, "default", new ListQuery($"ote.baidu.com/command={command},ote.baidu.com/page=results"), Ct);
        return pages.Items.SelectMany(page => page.Items("results")!.OfType<JsonObject>()).ToDictionary(item => item.Text("cluster")!);
    }

    private static Task UntilAsync(Func<Task<bool>> condition, string what) => Eventually.HoldsAsync(condition, what, s_soon, Ct);

    /// <summary>How often each command made its object at a cluster.</summary>
    private async Task<Dictionary<string, int>> RunsAsync(string cluster)
    {
        using KubeClient api = Api(_scratch[cluster]);
        KubeList made = await api.ListAsync(Kinds.ConfigMaps, "default", new ListQuery(Label), Ct);
        return made.Items.GroupBy(map => map.Text("metadata", "labels", Label)!).ToDictionary(group => group.Key, group => group.Count());
    }

    /// <summary>Writes commands one after the other; the root ends it by its death.</summary>
    private async Task LoadAsync(string data, CancellationToken ct)
    {
        using KubeClient api = Api(data);
        for (int i = 0; !ct.IsCancellationRequested; i++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"load-{i:0000}");
            try
            {
                await api.CreateAsync(Kinds.ClusterControllers, "default", Command(name), ct);
                _acknowledged.Enqueue(name);
            }
            catch (Exception over) when (over is HttpRequestException or IOException or OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task StartEdgeClusterAsync(string name) =>
        await (await BeginAsync($"{name}-cluster", "edge-cluster", "--name", name, "--data", _scratch[name])).WaitForLineAsync("ready: edge cluster", s_soon, Ct);

    private async Task<ProductProcess> StartRootAsync(string data, string[] addresses)
    {
        ProductProcess root = await BeginAsync(
            data, "cluster-controller", "--data", _scratch[data], "--listen", addresses[0], "--api-listen", addresses[1],
            "--managed-kubeconfig", Path.Combine(_scratch["own"], "kubeconfig"), "--impersonate", "none");
        await root.WaitForLineAsync("ready ", s_soon, Ct);
        return root;
    }

    private async Task<ProductProcess> StartChildAsync(string parent)
    {
        JsonNode token = JsonNode.Parse(await OtectlAsync(_scratch["root"], "join-token", "create", "-o", "json"))!;
        await File.WriteAllTextAsync(_scratch["token"], (string)token["token"]!, Ct);
        ProductProcess child = await BeginAsync(
            "child", "cluster-controller", "--name", "far", "--data", _scratch["child"], "--parent", parent, "--join-token-file", _scratch["token"], "--ca-pin", (string)token["caPin"]!,
            "--managed-kubeconfig", Path.Combine(_scratch["far"], "kubeconfig"), "--impersonate", "none");
        await child.WaitForLineAsync("ready ", s_soon, Ct);
        return child;
    }

    private async Task<ProductProcess> BeginAsync(string name, params string[] arguments)
    {
        ProductProcess process = new(name, "ote", arguments, _scratch.Path);
        _processes.Add(process);
        await process.StartAsync();
        return process;
    }

    private static async Task<string> OtectlAsync(string data, params string[] arguments) =>
        (await CommandLine.RunAsync("dotnet", [Repository.Executable("otectl"), .. arguments, "--kubeconfig", Path.Combine(data, "kubeconfig")], null, null, s_soon, Ct)).Succeeded().Out;
}
