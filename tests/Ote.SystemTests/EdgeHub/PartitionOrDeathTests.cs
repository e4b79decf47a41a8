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
        await using RealControlPlane plane = await StartPlaneAsync(tools, ct);
        await using NodeBehindHub one = await NodeBehindHub.StartAsync(plane, "site-one", ct);
        await using NodeBehindHub two = await NodeBehindHub.StartAsync(plane, "site-two", ct);
        await plane.RestartControllerManagerAsync(); // kubernetes#96876: one that saw a first node become ready late taints no node ever after
        await using ProductProcess controller = new("edge-controller", "ote", ["edge-controller", "--kubeconfig", await AccountAsync(one.Upstream, plane), "--silence", "13s", "--interval", "2s"], plane.Folder);
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
            string taints = await kubectl.ExpectAsync("get", "nodes", "-o", "jsonpath={range .items[*]}{.metadata.name} {.spec.taints} {.status.conditions[?(@.type==\"Ready\")]}{\"\\n\"}{end}");
            string[] manager = await File.ReadAllLinesAsync(Path.Combine(plane.Folder, "kube-controller-manager.log"), ct);
            throw new TimeoutException(
                $"{late.Message}\n{await kubectl.ExpectAsync("get", "nodes,en,pods", "-o", "wide")}\n{taints}\n{await File.ReadAllTextAsync(controller.LogFile, ct)}\n{string.Join('\n', manager.TakeLast(40))}", late);
        }
    }

    [Fact]
    public async Task A_node_that_Kubernetes_gave_up_while_no_controller_ran_is_put_back_and_keeps_its_pods()
    {
        CancellationToken ct = TestContext.Current.CancellationToken;
        KubernetesTools tools = await KubernetesTools.FindAsync(ct);
        await using RealControlPlane plane = await StartPlaneAsync(tools, ct);
        await using NodeBehindHub one = await NodeBehindHub.StartAsync(plane, "site-one", ct);
        await using NodeBehindHub two = await NodeBehindHub.StartAsync(plane, "site-two", ct);
        await plane.RestartControllerManagerAsync(); // kubernetes#96876: one that saw a first node become ready late taints no node ever after
        string[] arguments = ["edge-controller", "--kubeconfig", await AccountAsync(one.Upstream, plane), "--silence", "13s", "--interval", "2s", "--nodes", "ote.baidu.com/site=hall"];
        Kubectl kubectl = one.Upstream;
        string pods;
        await using (ProductProcess first = new("edge-controller", "ote", arguments, plane.Folder))
        {
            await first.StartAsync();
            await first.WaitForLineAsync("runs", TimeSpan.FromSeconds(30), ct);
            await kubectl.ExpectAsync("label", "node", one.Name, two.Name, "ote.baidu.com/site=hall");
            await kubectl.ApplyAsync(Spread(tolerates: 120));
            await kubectl.UntilAsync(ready => ready == "2", TimeSpan.FromSeconds(90), ct, "get", "deployment", "web", "-o", "jsonpath={.status.readyReplicas}");
            await kubectl.UntilAsync(said => said == "KubeletReady", TimeSpan.FromSeconds(30), ct, "get", "en", one.Name, "-o", "jsonpath={.status.kubeletSaid[?(@.type==\"Ready\")].reason}");
            await kubectl.UntilAsync(votes => votes == $"{{\"{one.Name}\":true}}", TimeSpan.FromSeconds(30), ct, "get", "node", two.Name, "-o", "jsonpath={.metadata.annotations.ote\\.baidu\\.com/witness}");
            pods = await PodsOn(kubectl, one);
        }

        // Cut off while nobody keeps it: Kubernetes marks it and takes its pods' readiness away.
        one.Cable.Cut();
        await kubectl.UntilAsync(taints => taints.Contains("NoExecute", StringComparison.Ordinal), TimeSpan.FromSeconds(60), ct, "get", "node", one.Name, "-o", "jsonpath={.spec.taints}");
        Assert.NotEqual(pods, await PodsOn(kubectl, one));
        await using ProductProcess second = new("edge-controller-again", "ote", arguments, plane.Folder);
        await second.StartAsync();
        await kubectl.UntilAsync(
            ready => ready.Trim() == "True KeptByEdgeController", TimeSpan.FromSeconds(60), ct, "get", "node", one.Name, "-o", "jsonpath={.status.conditions[?(@.type==\"Ready\")].status} {.status.conditions[?(@.type==\"Ready\")].reason} {.spec.taints}");
        await Task.Delay(Grace + TimeSpan.FromSeconds(6), TimeProvider.System, ct);
        Assert.Equal("True", await kubectl.ExpectAsync("get", "node", one.Name, "-o", "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}{.spec.taints}"));
        Assert.Equal(pods, await PodsOn(kubectl, one));

        one.Cable.Restore();
        await kubectl.UntilAsync(phase => phase == "Ready", TimeSpan.FromSeconds(40), ct, "get", "en", one.Name, "-o", "jsonpath={.status.phase}");
        await kubectl.UntilAsync(reason => reason == "KubeletReady", TimeSpan.FromSeconds(40), ct, "get", "node", one.Name, "-o", "jsonpath={.status.conditions[?(@.type==\"Ready\")].reason}");
        Assert.Equal(pods, await PodsOn(kubectl, one));
    }

    private static Task<RealControlPlane> StartPlaneAsync(KubernetesTools tools, CancellationToken ct) => RealControlPlane.StartAsync(
        new("site") { Scheduler = true, ControllerManagerArguments = [$"--node-monitor-grace-period={Grace.TotalSeconds}s", "--node-monitor-period=2s", "--vmodule=node_lifecycle_controller=2"] }, tools, TimeProvider.System, ct);

    /// <summary>With no more rights than the documentation gives it.</summary>
    private static async Task<string> AccountAsync(Kubectl kubectl, RealControlPlane plane)
    {
        await kubectl.ApplyAsync(await File.ReadAllTextAsync(Path.Combine(Repository.Root, "samples", "edge-controller", "rbac.yaml"), TestContext.Current.CancellationToken));
        return plane.WriteKubeconfig("edge-controller.kubeconfig", "system:serviceaccount:kube-system:ote-edge-controller", "system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated");
    }

    private static Task<string> PodsOn(Kubectl kubectl, NodeBehindHub node) => kubectl.ExpectAsync(
        "get", "pods", "-A", "--field-selector", $"spec.nodeName={node.Name}", "-o",
        "jsonpath={range .items[*]}{.metadata.uid} {.metadata.deletionTimestamp} {.status.containerStatuses[0].containerID} {.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}");

    /// <summary>One on each node while there are two; one that is not reachable for so many seconds by Kubernetes' word is left.</summary>
    private static string Spread(int tolerates = 3) => $"""
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
              - {"{"} key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: {tolerates} {"}"}
              - {"{"} key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: {tolerates} {"}"}
              affinity:
                podAntiAffinity:
                  preferredDuringSchedulingIgnoredDuringExecution:
                  - weight: 100
                    podAffinityTerm: {"{"} topologyKey: kubernetes.io/hostname, labelSelector: {"{"} matchLabels: {"{"} app: web {"}"} {"}"} {"}"}
              containers:
              - {"{"} name: web, image: "{LocalImage.Name}", imagePullPolicy: Never, command: [sleep, "100000"] {"}"}
        """;
}
