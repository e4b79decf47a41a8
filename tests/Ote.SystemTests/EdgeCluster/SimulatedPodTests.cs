using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.EdgeCluster;

/// <summary>What kubectl, old and new, is told that looks inside a pod which is not really run: at once, and what to do instead.</summary>
public sealed class SimulatedPodTests(RealClusters clusters)
{
    private static readonly TimeSpan s_soon = TimeSpan.FromMinutes(1);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Kubectl_thatLooksInsideASimulatedPod_isToldThatItIsSimulated()
    {
        using Scratch scratch = new("simulated");
        await using ProductProcess cluster = new("cluster", "ote", ["edge-cluster", "--data", scratch["data"]], scratch.Path);
        await cluster.StartAsync();
        await cluster.WaitForLineAsync("ready: edge cluster", s_soon, Ct);
        KubernetesTools tools = await clusters.ToolsAsync();
        Kubectl newest = new(tools.NewKubectl, Path.Combine(scratch["data"], "kubeconfig"), Directory.CreateDirectory(scratch["home"]).FullName);
        await newest.ApplyAsync("""
            apiVersion: v1
            kind: Pod
            metadata: {name: web}
            spec:
              containers:
              - {name: web, image: "nginx:1.27"}
            """);
        await newest.ExpectAsync("wait", "--for=condition=Ready", "pod/web", "--timeout=30s");

        foreach (Kubectl kubectl in (Kubectl[])[newest, newest with { Binary = tools.OldKubectl }])
        {
            Assert.Contains("container web (nginx:1.27) is not really run", await kubectl.ExpectAsync("logs", "web"), StringComparison.Ordinal);
            Assert.Contains("started, 0 restarts", await kubectl.ExpectAsync("logs", "-f", "--tail=1", "web"), StringComparison.Ordinal);
            await RefusedAsync(kubectl, "previous terminated container", "logs", "--previous", "web");
            await RefusedAsync(kubectl, "no command can be run in it", "exec", "web", "--", "ls");
            await RefusedAsync(kubectl, "there is no process to attach to", "attach", "web");
            await RefusedAsync(kubectl, "no port is open in it", "port-forward", "web", "0:80");
        }
    }

    private static async Task RefusedAsync(Kubectl kubectl, string expected, params string[] arguments)
    {
        CommandResult refused = await kubectl.RunAsync(arguments);
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains(expected, refused.Error, StringComparison.Ordinal);
    }
}
