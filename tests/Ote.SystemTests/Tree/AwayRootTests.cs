using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Tree;

/// <summary>A site joins while the root's process is dead, with real processes and otectl.</summary>
public sealed class AwayRootTests : IAsyncDisposable
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);
    private readonly Scratch _scratch = new("away");
    private readonly List<ProductProcess> _processes = [];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Site_joinsBelowNorthWhileTheRootIsDead_worksThere_andIsAdmittedByTheRootThatIsBack()
    {
        string[] addresses = [.. FreePorts.Take(4).Select(port => $"127.0.0.1:{port}")];
        await StartAsync("own-cluster", "ready: edge cluster", "edge-cluster", "--name", "own", "--data", _scratch["own"]);
        ProductProcess root = await StartAsync("root", "ready ", "cluster-controller", "--data", _scratch["root"], "--listen", addresses[0], "--api-listen", addresses[1]);
        await StartAsync(
            "north", "ready ", [.. await ControllerAsync("north", addresses[0], "join-token", "create"), "--listen", addresses[2], "--api-listen", addresses[3]]);
        await OtectlAsync("root", "issuing", "grant", "north", "--for", "1d", "--names", "shop-*");
        string[] shop = [.. await ControllerAsync("shop-1", addresses[2], "join-token", "create", "--issuer", "north"), "--managed-kubeconfig", Path.Combine(_scratch["own"], "kubeconfig"), "--impersonate", "none"];
        await UntilAsync("root", Kinds.Clusters, null, "north", c => c.Condition("MayIssue").Text("message")?.Contains("by 1 join tokens", StringComparison.Ordinal) == true);
        await root.KillAsync();

        ProductProcess site = await StartAsync("shop-1", "ready ", shop);
        await UntilAsync("north", Kinds.Clusters, null, "shop-1", c => c.Text("status", "status") == "online" && c.IsTrue("Provisional"));
        Assert.Contains("north let it in", await OtectlAsync("north", "describe", "cluster", "shop-1"), StringComparison.Ordinal);
        await CommandAsync("north", "first");

        // Whatever dies meanwhile, what was let in stays so.
        await site.KillAsync();
        await site.StartAsync();
        await UntilAsync("north", Kinds.Clusters, null, "shop-1", c => c.Text("status", "status") == "online");
        await root.StartAsync();
        await UntilAsync("root", Kinds.Clusters, null, "shop-1", c => c.Text("status", "status") == "online" && c.Condition("Provisional") is null);
        await CommandAsync("root", "second");
        JsonObject token = Assert.Single(await ListAsync("root", Kinds.JoinTokens), t => t.Text("spec", "issuer") == "north");
        Assert.Equal(1, token.Whole("status", "used"));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (ProductProcess process in _processes)
            await process.DisposeAsync();
        _scratch.Dispose();
    }

    /// <summary>A command to the site ends well.</summary>
    private async Task CommandAsync(string at, string name)
    {
        using KubeClient api = Api(at);
        await api.CreateAsync(Kinds.ClusterControllers, "default", new JsonObject
        {
            ["apiVersion"] = "ote.baidu.com/v1",
            ["kind"] = "ClusterController",
            ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default" },
            ["spec"] = new JsonObject { ["clusterSelector"] = "shop-1", ["method"] = "GET", ["url"] = "/api/v1/namespaces/default/configmaps" },
        }, Ct);
        JsonObject over = await UntilAsync(at, Kinds.ClusterControllers, "default", name, c => c.Text("status", "completionTime") is not null);
        Assert.Equal("Succeeded", over.Text("status", "commandPhase"));
    }

    /// <summary>The arguments of a controller with a token of its own.</summary>
    private async Task<string[]> ControllerAsync(string name, string parent, params string[] create)
    {
        JsonNode token = JsonNode.Parse(await OtectlAsync("root", [.. create, "-o", "json"]))!;
        await File.WriteAllTextAsync(_scratch[name + "-token"], (string)token["token"]!, Ct);
        return
        [
            "cluster-controller", "--name", name, "--data", _scratch[name], "--parent", $"https://{parent}", "--join-token-file", _scratch[name + "-token"], "--ca-pin", (string)token["caPin"]!,
        ];
    }

    private async Task<ProductProcess> StartAsync(string name, string ready, params string[] arguments)
    {
        ProductProcess process = new(name, "ote", arguments, _scratch.Path);
        _processes.Add(process);
        await process.StartAsync();
        await process.WaitForLineAsync(ready, s_soon, Ct);
        return process;
    }

    private async Task<JsonObject> UntilAsync(string at, ResourceRef kind, string? ns, string name, Func<JsonObject, bool> condition)
    {
        TimeProvider time = TimeProvider.System;
        long began = time.GetTimestamp();
        JsonObject? last = null;
        while (true)
        {
            try
            {
                using KubeClient api = Api(at);
                last = await api.GetAsync(kind, ns, name, Ct);
            }
            catch (HttpRequestException)
            {
                // The root is not back yet.
            }

            if (last is not null && condition(last))
                return last;
            if (time.GetElapsedTime(began) > s_soon)
                throw new TimeoutException($"{kind.Kind} {name} at {at} is {last?.ToJsonString() ?? "not there"}");
            await Task.Delay(TimeSpan.FromMilliseconds(100), time, Ct);
        }
    }

    private async Task<IReadOnlyList<JsonObject>> ListAsync(string at, ResourceRef kind)
    {
        using KubeClient api = Api(at);
        return (await api.ListAsync(kind, null, null, Ct)).Items;
    }

    private KubeClient Api(string at) => new(Kubeconfig.Load(Path.Combine(_scratch[at], "kubeconfig")).CreateHttpClient(TimeProvider.System));

    private async Task<string> OtectlAsync(string at, params string[] arguments) =>
        (await CommandLine.RunAsync("dotnet", [Repository.Executable("otectl"), .. arguments, "--kubeconfig", Path.Combine(_scratch[at], "kubeconfig")], null, null, s_soon, Ct)).Succeeded().Out;
}
