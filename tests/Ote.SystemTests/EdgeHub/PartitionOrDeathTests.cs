using Ote.SystemTests.Kubernetes;

namespace Ote.SystemTests.EdgeHub;

/// <summary>Two real nodes of a site behind their hubs, and the edge controller: one is cut off, the other dies.</summary>
public sealed class PartitionOrDeathTests
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(24);

    [Fact]
    public async Task A_node_that_is_cut_off_keeps_its_pods_and_one_that_died_loses_them()
    {
        CancellationToken ct = TestContext.Current.CancellationToken;
        KubernetesTools tools = await KubernetesTools.FindAsync(ct);
        await using RealControlPlane plane = await RealControlPlane.StartAsync(
            new("site") { Scheduler = true, ControllerManagerArguments = [$"--node-monitor-grace-period={Grace.TotalSeconds}s", "--node-monitor-period=2s"] }, tools, TimeProvider.System, ct);
        await using NodeBehindHub one = await NodeBehindHub.StartAsync(plane, "site-one", ct);
        await using NodeBehindHub two = await NodeBehindHub.StartAsync(plane, "site-two", ct);
        await using ProductProcess controller = new("edge-controller", "ote", ["edge-controller", "--kubeconfig", plane.Kubeconfig, "--silence", "13s", "--interval", "2s"], plane.Folder);
        await controller.StartAsync();
        await controller.WaitForLineAsync("runs", TimeSpan.FromSeconds(30), ct);
        Kubectl kubectl = one.Upstream;
        await kubectl.ExpectAsync("label", "node", one.Name, two.Name, "ote.baidu.com/site=hall", "ote.baidu.com/autonomy=enabled");
        await kubectl.ApplyAsync(Spread());
        await kubectl.UntilAsync(ready => ready == "2", TimeSpan.FromSeconds(90), ct, "get", "deployment", "web", "-o", "jsonpath={.status.readyReplicas}");
        foreach (NodeBehindHub node in (NodeBehindHub[])[one, two])
            await kubectl.UntilAsync(phase => phase == "Ready", TimeSpan.FromSeconds(30), ct, "get", "en", node.Name, "-o", "jsonpath={.status.phase}");
        await kubectl.UntilAsync(votes => votes == $"{{\"{one.Name}\":true}}", TimeSpan.FromSeconds(30), ct, "get", "node", two.Name, "-o", "jsonpath={.metadata.annotations.ote\\.baidu\\.com/witness}");
        string pods = await PodsOn(kubectl, one);

        // Cut off: for longer than Kubernetes waits, and nothing of it is marked or moved.
        one.Cable.Cut();
        await kubectl.UntilAsync(phase => phase == "Autonomous", TimeSpan.FromSeconds(40), ct, "get", "en", one.Name, "-o", "jsonpath={.status.phase}");
        Assert.Contains(two.Name, await kubectl.ExpectAsync("get", "en", one.Name, "-o", "jsonpath={.status.message}"), StringComparison.Ordinal);
        await Task.Delay(Grace + TimeSpan.FromSeconds(6), TimeProvider.System, ct);
        Assert.Equal("True ", await kubectl.ExpectAsync("get", "node", one.Name, "-o", "jsonpath={.status.conditions[?(@.type==\"Ready\")].status} {.spec.taints}") + " ");
        Assert.Equal(pods, await PodsOn(kubectl, one));

        one.Cable.Restore();
        await kubectl.UntilAsync(phase => phase == "Ready", TimeSpan.FromSeconds(40), ct, "get", "en", one.Name, "-o", "jsonpath={.status.phase}");
        Assert.Equal(pods, await PodsOn(kubectl, one));

        // Dead: nobody of the site reaches it, and its pod moves.
        await two.Node.PowerOffAsync();
        await two.Hub.KillAsync();
        await kubectl.UntilAsync(phase => phase == "Lost", TimeSpan.FromSeconds(60), ct, "get", "en", two.Name, "-o", "jsonpath={.status.phase}");
        try
        {
            await kubectl.UntilAsync(
                nodes => nodes == $"{one.Name} {one.Name}", TimeSpan.FromSeconds(90), ct,
                "get", "pods", "-l", "app=web", "--field-selector", "status.phase=Running", "-o", $"jsonpath={{.items[?(@.spec.nodeName==\"{one.Name}\")].spec.nodeName}}");
        }
        catch (TimeoutException late)
        {
            throw new TimeoutException($"{late.Message}\n{await kubectl.ExpectAsync("get", "nodes,en,pods", "-o", "wide")}\n{await File.ReadAllTextAsync(controller.LogFile, ct)}", late);
        }
    }

    private static Task<string> PodsOn(Kubectl kubectl, NodeBehindHub node) => kubectl.ExpectAsync(
        "get", "pods", "-A", "--field-selector", $"spec.nodeName={node.Name}", "-o",
        "jsonpath={range .items[*]}{.metadata.uid} {.metadata.deletionTimestamp} {.status.containerStatuses[0].containerID} {.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}");

    /// <summary>One on each node while there are two; one that is not reachable for three seconds by Kubernetes' word is left.</summary>
    private static string Spread() => $"""
        apiVersion: apps/v1
        kind: Deployment
        metadata: {"{"} name: web {"}"}
        spec:
          replicas: 2
          selector: {"{"} matchLabels: {"{"} app: web {"}"} {"}"}
          template:
            metadata: {"{"} labels: {"{"} app: web {"}"} {"}"}
            spec:
              terminationGracePeriodSeconds: 1
              tolerations:
              - {"{"} key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 3 {"}"}
              - {"{"} key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 3 {"}"}
              affinity:
                podAntiAffinity:
                  preferredDuringSchedulingIgnoredDuringExecution:
                  - weight: 100
                    podAffinityTerm: {"{"} topologyKey: kubernetes.io/hostname, labelSelector: {"{"} matchLabels: {"{"} app: web {"}"} {"}"} {"}"}
              containers:
              - {"{"} name: web, image: "{LocalImage.Name}", imagePullPolicy: Never, command: [sleep, "100000"] {"}"}
        """;
}
