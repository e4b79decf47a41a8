using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Observation;

/// <summary>What <c>--observe</c> serves, of roles that are processes, and docs/reference/metrics.md, which says what it means.</summary>
public sealed class ObservationTests : IAsyncDisposable
{
    private static readonly TimeSpan s_soon = TimeSpan.FromMinutes(1);
    private readonly Scratch _scratch = new("observe");
    private readonly List<ProductProcess> _processes = [];
    private readonly HttpClient _http = new();
    private readonly int[] _ports = FreePorts.Take(4);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Metrics_ofATreeThatRanACommand_tellOfLinksQueuesBytesAcksRttCommandsAndStore()
    {
        await StartTreeAsync();
        using KubeClient root = new(Kubeconfig.Load(Path.Combine(_scratch["root"], "kubeconfig")).CreateHttpClient(TimeProvider.System));
        await RunCommandAsync(root);

        Exposition up = await MetricsAsync(0), leaf = await MetricsAsync(1), shim = await MetricsAsync(2), cluster = await MetricsAsync(3);

        Assert.Equal(1, up.Sum("ote_tunnel_links"));
        Assert.Equal(1, leaf.Sum("ote_tunnel_links"));
        foreach (string lane in (string[])["control", "commands", "work", "reports", "bulk"])
            Assert.NotNull(up.Sum("ote_tunnel_queue", $"lane={lane}"));
        Assert.True(up.Sum("ote_tunnel_message_bytes_total", "direction=out", "lane=commands") > 0);
        Assert.True(leaf.Sum("ote_tunnel_message_bytes_total", "direction=in", "lane=commands") > 0);
        Assert.True(leaf.Sum("ote_tunnel_acks_total") > 0);
        Assert.True(await UntilAsync(async () => (await MetricsAsync(1)).Sum("ote_tunnel_rtt_seconds_count") > 0), "no heartbeat's round trip was measured");
        Assert.Equal([1, 1, 1], ((string[])["taken", "started", "succeeded"]).Select(stage => leaf.Sum("ote_commands_total", $"stage={stage}")));
        Assert.True(up.Sum("ote_kube_server_store_commit_duration_seconds_count") > 0);
        Assert.True(cluster.Sum("ote_kube_server_store_commit_duration_seconds_count") > 0);
        Assert.Equal(1, shim.Sum("ote_shim_executions_total", "method=POST", "outcome=2xx"));
        Assert.Equal(1, shim.Sum("target_info", "service_name=ote", $"service_instance_id=shim-k8s@{Environment.MachineName}"));
        AssertDocumented(up, leaf, shim, cluster);
    }

    [Fact]
    public async Task Readyz_ofAShim_saysWhetherItsClusterAnswersAndWhyNot()
    {
        string answer = "etcd is gone";
        await using WebApplication managed = await ClusterThatAnswersAsync(() => Volatile.Read(ref answer));
        await File.WriteAllTextAsync(_scratch["managed"], $$$"""
            apiVersion: v1
            kind: Config
            current-context: it
            contexts: [{name: it, context: {cluster: it, user: ""}}]
            clusters: [{name: it, cluster: {server: "{{{managed.Urls.Single()}}}"}}]
            """, Ct);

        await StartAsync("shim", 2, "shim", "k8s", "--listen", $"unix:{_scratch["s.sock"]}", "--kubeconfig", _scratch["managed"]);

        await UntilReadyzAsync(2, 503, $"not ready: API server {managed.Urls.Single()} answers 500 to /readyz: etcd is gone");
        Volatile.Write(ref answer, "ok");
        await UntilReadyzAsync(2, 200, "ok");
        Assert.Equal((200, "ok"), await GetAsync(2, "/healthz"));
        await managed.StopAsync(Ct);
        await UntilReadyzAsync(2, 503, "not ready: ");
        // It lives all the same, and must not be started again for its cluster's sake.
        Assert.Equal((200, "ok"), await GetAsync(2, "/healthz"));
    }

    [Fact]
    public async Task Readyz_ofAController_saysWhetherItHasItsPlaceInTheTree()
    {
        await StartTreeAsync();

        Assert.Equal((200, "ok"), await GetAsync(0, "/readyz"));
        Assert.Equal((200, "ok"), await GetAsync(3, "/readyz"));
        await UntilReadyzAsync(1, 200, "ok");
        await _processes[0].KillAsync();
        await UntilReadyzAsync(1, 503, "not ready: there is no link to the parent https://127.0.0.1:");
        Assert.Equal(404, (await GetAsync(1, "/elsewhere")).Code);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (ProductProcess process in _processes)
            await process.DisposeAsync();
        _http.Dispose();
        _scratch.Dispose();
    }

    /// <summary>Root and leaf, the leaf's shim and its edge cluster, observed at the first to fourth port.</summary>
    private async Task StartTreeAsync()
    {
        string address = $"127.0.0.1:{FreePorts.Take(1)[0]}", socket = $"unix:{_scratch["shim.sock"]}";
        Task root = StartAsync("root", 0, "cluster-controller", "--data", _scratch["root"], "--listen", address, "--api-listen", "127.0.0.1:0");
        await StartAsync("cluster", 3, "edge-cluster", "--data", _scratch["cluster"]);
        await StartAsync("shim", 2, "shim", "k8s", "--listen", socket, "--kubeconfig", Path.Combine(_scratch["cluster"], "kubeconfig"), "--impersonate", "none");
        await root;
        CommandResult token = await CommandLine.RunAsync(
            "dotnet", [Repository.Executable("otectl"), "join-token", "create", "-o", "json", "--kubeconfig", Path.Combine(_scratch["root"], "kubeconfig")], null, null, s_soon, Ct);
        JsonNode made = JsonNode.Parse(token.Succeeded().Out)!;
        await File.WriteAllTextAsync(_scratch["token"], (string)made["token"]!, Ct);
        await StartAsync(
            "leaf", 1, "cluster-controller", "--name", "leaf", "--data", _scratch["leaf"], "--parent", $"https://{address}",
            "--join-token-file", _scratch["token"], "--ca-pin", (string)made["caPin"]!, "--shim", socket);
    }

    private static async Task RunCommandAsync(KubeClient root)
    {
        JsonObject command = new()
        {
            ["apiVersion"] = Kinds.ClusterControllers.ApiVersion,
            ["kind"] = Kinds.ClusterControllers.Kind,
            ["metadata"] = new JsonObject { ["name"] = "measure", ["namespace"] = "default" },
            ["spec"] = new JsonObject
            {
                ["clusterSelector"] = "leaf", ["method"] = "POST", ["url"] = "/api/v1/namespaces/default/configmaps",
                ["body"] = """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"measured"}}""",
            },
        };
        await UntilAsync(async () => (await root.GetAsync(Kinds.Clusters, null, "leaf", Ct))?.Text("status", "status") == "online");
        await root.CreateAsync(Kinds.ClusterControllers, "default", command, Ct);
        Assert.True(
            await UntilAsync(async () => (await root.GetAsync(Kinds.ClusterControllers, "default", "measure", Ct))?.Text("status", "commandPhase") == "Succeeded"),
            "the command did not succeed");
    }

    /// <summary>Every family of ours that is served stands in the document, under that name and type and with those labels.</summary>
    private static void AssertDocumented(params Exposition[] served)
    {
        Dictionary<string, string> documented = File.ReadLines(Path.Combine(Repository.Root, "docs", "reference", "metrics.md"))
            .Where(line => line.StartsWith("| `ote_", StringComparison.Ordinal)).Select(line => line.Split('|'))
            .ToDictionary(cells => cells[1].Trim(' ', '`'), cells => $"{cells[2].Trim()} of {string.Join(' ', cells[3].Split(',', StringSplitOptions.TrimEntries).Order(StringComparer.Ordinal)).Replace("`", "", StringComparison.Ordinal)}");
        foreach (IGrouping<string, Exposition> family in served.SelectMany(e => e.Types.Keys.Select(name => (name, e))).Where(f => f.name.StartsWith("ote_", StringComparison.Ordinal)).GroupBy(f => f.name, f => f.e))
        {
            string labels = string.Join(' ', family.SelectMany(exposition => exposition.LabelsOf(family.Key)).Distinct().Order(StringComparer.Ordinal));
            Assert.Equal($"{family.Key} {family.First().Types[family.Key]} of {labels}", $"{family.Key} {documented.GetValueOrDefault(family.Key, "is not in docs/reference/metrics.md")}");
        }
    }

    private static async Task<WebApplication> ClusterThatAnswersAsync(Func<string> readyz)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        WebApplication app = builder.Build();
        app.Run(context =>
        {
            context.Response.StatusCode = readyz() == "ok" ? 200 : 500;
            return context.Response.WriteAsync(context.Request.Path.Value == "/version" ? """{"gitVersion":"v1"}""" : readyz(), Ct);
        });
        await app.StartAsync(Ct);
        return app;
    }

    private async Task StartAsync(string name, int port, params string[] arguments)
    {
        ProductProcess process = new(name, "ote", [.. arguments, "--observe", $"127.0.0.1:{_ports[port]}"], _scratch.Path);
        lock (_processes)
            _processes.Add(process);
        await process.StartAsync();
        await process.WaitForLineAsync(arguments[0] == "edge-cluster" ? "ready: edge cluster" : "ready ", s_soon, Ct);
    }

    private async Task<Exposition> MetricsAsync(int port) => new((await GetAsync(port, "/metrics")).Text);

    private async Task<(int Code, string Text)> GetAsync(int port, string path)
    {
        using HttpResponseMessage answer = await _http.GetAsync(new Uri($"http://127.0.0.1:{_ports[port]}{path}"), Ct);
        return ((int)answer.StatusCode, (await answer.Content.ReadAsStringAsync(Ct)).TrimEnd('\n'));
    }

    private async Task UntilReadyzAsync(int port, int code, string text)
    {
        (int Code, string Text) last = default;
        Assert.True(
            await UntilAsync(async () => (last = await GetAsync(port, "/readyz")).Code == code && last.Text.StartsWith(text, StringComparison.Ordinal)),
            $"expected {code} {text}, last was {last.Code} {last.Text}");
    }

    /// <summary>Asks each tenth of a second; false when it does not hold within a minute.</summary>
    private static async Task<bool> UntilAsync(Func<Task<bool>> holds)
    {
        TimeProvider time = TimeProvider.System;
        for (long began = time.GetTimestamp(); time.GetElapsedTime(began) < s_soon;)
        {
            if (await holds())
                return true;
            await Task.Delay(TimeSpan.FromMilliseconds(100), time, Ct);
        }
        return false;
    }
}
