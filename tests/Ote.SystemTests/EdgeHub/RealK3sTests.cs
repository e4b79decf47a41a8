using System.Net;
using Ote.SystemTests.Kubernetes;
using Ote.Testing.Links;

namespace Ote.SystemTests.EdgeHub;

/// <summary>A hub before a real k3s agent. Where a k3s executable is given alone: <c>./ote test --k3s FILE</c>.</summary>
public sealed class RealK3sTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromMinutes(3);

    [Fact(Explicit = true)]
    public async Task An_agent_that_is_led_to_the_hub_starts_its_pod_again_while_it_is_cut_off_and_nothing_is_restarted_on_return()
    {
        CancellationToken ct = TestContext.Current.CancellationToken;
        KubernetesTools tools = await KubernetesTools.FindAsync(ct);
        using Scratch folder = new("k3s-hub");
        int[] ports = FreePorts.Take(2);
        await using K3sNode node = await K3sNode.StartAsync(ports[0], ct);
        Kubectl upstream = new(tools.NewKubectl, node.Kubeconfig, Directory.CreateDirectory(folder["home"]).FullName);
        string[] ready = ["get", "node", K3sNode.Name, "-o", "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}"];
        await ExpectAsync(node, upstream, text => text == "True", ct, ready);

        await using CuttableRelay cable = new(new IPEndPoint(IPAddress.Loopback, node.ServerPort));
        await using ProductProcess hub = new(
            "hub", "ote-node",
            [
                "edgehub", "--node-name", K3sNode.Name, "--k3s-agent", node.AgentFolder, "--server", $"https://127.0.0.1:{cable.Port}", "--k3s-listen", $"127.0.0.1:{ports[0]}", "--listen", $"127.0.0.1:{ports[1]}",
                "--data", folder["data"], "--write-kubeconfigs", folder["to-hub"],
            ],
            folder.Path);
        await hub.StartAsync();
        await hub.WaitForLineAsync("answers at https://", Soon, ct);
        await node.LeadAsync(ports[0], ct);
        await upstream.ApplyAsync($"""
            apiVersion: v1
            kind: Pod
            metadata: {"{"} name: web {"}"}
            spec:
              nodeName: {K3sNode.Name}
              terminationGracePeriodSeconds: 1
              containers: [{"{"} name: web, image: "{LocalImage.Name}", imagePullPolicy: Never, command: [sleep, "100000"] {"}"}]
            """);
        string[] pod = ["get", "pod", "web", "-o", "jsonpath={.metadata.uid} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount} {.status.conditions[?(@.type==\"Ready\")].status}"];
        string before = await ExpectAsync(node, upstream, text => text.EndsWith(" True", StringComparison.Ordinal), ct, pod);

        cable.Cut();
        await node.PowerOffAsync();
        await node.PowerOnAsync(ct);
        Kubectl atHub = new(tools.NewKubectl, Path.Combine(folder["to-hub"], "kubelet.kubeconfig"), Directory.CreateDirectory(folder["home-hub"]).FullName);
        string cutOff = await ExpectAsync(node, atHub, text => text != before && text.EndsWith(" True", StringComparison.Ordinal), ct, pod);
        Assert.Equal(before.Split(' ')[0], cutOff.Split(' ')[0]);

        cable.Restore();
        Assert.Equal(cutOff, await ExpectAsync(node, upstream, text => text == cutOff, ct, pod));
        await ExpectAsync(node, upstream, text => text == "True", ct, ready);
        Assert.Equal(cutOff, await upstream.ExpectAsync(pod));
    }

    private static async Task<string> ExpectAsync(K3sNode node, Kubectl kubectl, Func<string, bool> condition, CancellationToken ct, params string[] arguments)
    {
        try
        {
            return await kubectl.UntilAsync(condition, Soon, ct, arguments);
        }
        catch (TimeoutException late)
        {
            throw new TimeoutException($"{late.Message}\nThe agent's log ends:\n{node.AgentLog}", late);
        }
    }
}
