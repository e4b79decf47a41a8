using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.Up;

/// <summary><c>./ote up</c> as a person uses it: it stays, and its tree can be worked with.</summary>
public sealed class UpThatStaysTests(RealClusters clusters) : IAsyncDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromMinutes(2);
    private readonly Scratch _scratch = new("up");

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Up_thatIsKilled_findsItsTreeAgainInItsDirectory()
    {
        await using ProductProcess up = new("up", "ote-center", ["up", "--clusters", "3", "--data", _scratch["data"], "--api-port", "0"], _scratch.Path);
        await up.StartAsync();
        Kubectl root = await RootAsync(up);
        string before = await IdentitiesAsync(root);
        Assert.Equal(6, UpRun.Lines(before).Length);
        await TryWhatItPrintsAsync();
        await root.ExpectAsync("create", "configmap", "kept", "--from-literal=a=b");
        await root.ApplyAsync("""
            apiVersion: ote.baidu.com/v1
            kind: ClusterController
            metadata: {name: mark, namespace: default}
            spec:
              clusterSelector: c2
              method: POST
              url: /api/v1/namespaces/default/configmaps
              body: |
                apiVersion: v1
                kind: ConfigMap
                metadata: {name: mark}
            """);
        await root.UntilAsync(phase => phase == "Succeeded", Soon, Ct, "get", "ccs", "mark", "-o", "jsonpath={.status.commandPhase}");

        await up.KillAsync();
        await up.StartAsync();
        root = await RootAsync(up);

        Assert.Equal(before, await IdentitiesAsync(root));
        Assert.Equal("b", await root.ExpectAsync("get", "configmap", "kept", "-o", "jsonpath={.data.a}"));
        Assert.Equal("Succeeded", await root.ExpectAsync("get", "ccs", "mark", "-o", "jsonpath={.status.commandPhase}"));
        Kubectl leaf = root with { Kubeconfig = Path.Combine(_scratch["data"], "c2", "kubeconfig") };
        Assert.Equal("configmap/mark", await leaf.ExpectAsync("get", "configmap", "mark", "-o", "name"));
        Assert.Equal("2/2", await leaf.UntilAsync(
            ready => ready == "2/2", Soon, Ct, "get", "deployment", "nginx", "-o", "jsonpath={.status.readyReplicas}/{.spec.replicas}"));
        Assert.Equal(0, await up.StopAsync(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public async Task Up_startedAgainWithoutACount_hasTheClustersItHadBefore()
    {
        string[] usual = ["--data", _scratch["data"], "--exit", "-o", "json"];
        CommandResult first = await UpRun.ToEndAsync(Ct, [.. usual, "--clusters", "1"]);
        CommandResult again = await UpRun.ToEndAsync(Ct, usual);

        Assert.True(first.ExitCode == 0, first.Error);
        Assert.True(again.ExitCode == 0, again.Error);
        Assert.Equal(4, (int)UpRun.Report(again)["clusters"]!);
        Assert.Equal(1, (int)UpRun.Report(again)["targets"]!);
    }

    [Fact]
    public async Task Up_withARealClusterAtALeaf_makesTheDeploymentExistThere()
    {
        RealCluster a = await clusters.AAsync();
        try
        {
            CommandResult run = await UpRun.ToEndAsync(Ct, "--clusters", "1", "--kubeconfig", $"a={a.Kubeconfig}", "--exit", "-o", "json");

            Assert.True(run.ExitCode == 0, run.Error);
            Assert.Equal((2, 2), ((int)UpRun.Report(run)["targets"]!, (int)UpRun.Report(run)["succeeded"]!));
            Assert.Equal("nginx:1.27 ote-up", await a.Kubectl.ExpectAsync(
                "get", "deployment", "nginx", "--show-managed-fields", "-o", "jsonpath={.spec.template.spec.containers[0].image} {.metadata.managedFields[?(@.operation==\"Apply\")].manager}"));
        }
        finally
        {
            await a.Kubectl.RunAsync("delete", "deployment", "nginx", "--ignore-not-found", "--wait=false");
        }
    }

    public ValueTask DisposeAsync()
    {
        _scratch.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>kubectl with the kubeconfig that the run printed.</summary>
    private async Task<Kubectl> RootAsync(ProductProcess up)
    {
        await up.WaitForLineAsync("Ctrl-C ends it", Soon, Ct);
        string line = await up.WaitForLineAsync("The root's kubeconfig: ", Soon, Ct);
        string kubeconfig = line[(line.IndexOf(": ", StringComparison.Ordinal) + 2)..];
        return new Kubectl((await clusters.ToolsAsync()).NewKubectl, kubeconfig, Directory.CreateDirectory(_scratch["home"]).FullName);
    }

    /// <summary>Runs each command it prints, as it is printed.</summary>
    private async Task TryWhatItPrintsAsync()
    {
        string[] commands = [.. (await File.ReadAllLinesAsync(Path.Combine(_scratch.Path, "up.log"), Ct)).Select(line => line.Trim()).Where(line => line.StartsWith("kubectl ", StringComparison.Ordinal))];
        Assert.Equal(4, commands.Length);
        string folder = Path.GetDirectoryName((await clusters.ToolsAsync()).NewKubectl)!;
        Dictionary<string, string> environment = new() { ["HOME"] = _scratch["home"], ["PATH"] = $"{folder}:{Environment.GetEnvironmentVariable("PATH")}" };
        string[] shown = await Task.WhenAll(commands.Select(async command =>
            (await CommandLine.RunAsync("bash", ["-c", command], environment, input: null, Soon, Ct)).Succeeded().Out));
        Assert.Contains("node/c2-node-1-c2", shown[0], StringComparison.Ordinal); // as the root shows it
        Assert.Contains("c2", shown[1], StringComparison.Ordinal);
        Assert.Contains("nginx-apply-", shown[2], StringComparison.Ordinal);
        Assert.Contains("deployment.apps/nginx", shown[3], StringComparison.Ordinal);
    }

    private static Task<string> IdentitiesAsync(Kubectl root) => root.ExpectAsync(
        "get", "clusters.ote.baidu.com", "-o", "jsonpath={range .items[*]}{.metadata.name} {.metadata.uid} {.status.uid} {.status.parentName} {.status.status}{\"\\n\"}{end}");
}
