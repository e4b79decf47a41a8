using System.Globalization;

namespace Ote.SystemTests.EdgeHub;

/// <summary>A real kubelet behind a hub, whose certificate runs out while the node is cut off.</summary>
public sealed class ExpiredCertificateTests
{
    private const string Containers = "jsonpath={range .items[*]}{.metadata.name} {.status.phase} {.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].containerID}{\"\\n\"}{end}";

    [Fact]
    public async Task A_kubelet_whose_certificate_runs_out_while_cut_off_keeps_its_node_going_and_comes_back_with_a_new_one_without_a_restart()
    {
        CancellationToken ct = TestContext.Current.CancellationToken;
        KubernetesTools tools = await KubernetesTools.FindAsync(ct);
        await using RealControlPlane plane = await RealControlPlane.StartAsync(new("expiry") { Scheduler = true }, tools, TimeProvider.System, ct);
        TimeSpan life = TimeSpan.FromSeconds(75);
        DateTimeOffset expires = TimeProvider.System.GetUtcNow() + life;
        await using NodeBehindHub world = await NodeBehindHub.StartAsync(plane, "expiry-node", ct, certificateLife: life);
        await world.Upstream.ApplyAsync($"""
            apiVersion: v1
            kind: Pod
            metadata: {"{"} name: keeps {"}"}
            spec:
              terminationGracePeriodSeconds: 1
              containers: [{"{"} name: c, image: "{LocalImage.Name}", imagePullPolicy: Never, command: [sleep, "100000"] {"}"}]
            ---
            apiVersion: v1
            kind: Pod
            metadata: {"{"} name: crashes {"}"}
            spec:
              terminationGracePeriodSeconds: 1
              containers: [{"{"} name: c, image: "{LocalImage.Name}", imagePullPolicy: Never, command: [nc, -l, -p, "7000"] {"}"}]
            """);
        string[] before = Lines(await world.Upstream.UntilAsync(states => Lines(states).Count(line => line.Contains(" Running 0 ", StringComparison.Ordinal)) == 2, TimeSpan.FromSeconds(60), ct, "get", "pods", "-o", Containers));
        Assert.True(TimeProvider.System.GetUtcNow() < expires, "the certificate ran out before the node was cut off: the machine is too slow for this test");

        world.Cable.Cut();
        await world.Hub.WaitForLineAsync("cut off", TimeSpan.FromSeconds(30), ct);
        TimeSpan left = expires - TimeProvider.System.GetUtcNow();
        await Task.Delay((left > TimeSpan.Zero ? left : TimeSpan.Zero) + TimeSpan.FromSeconds(2), TimeProvider.System, ct);

        // A certificate that has run out begins every connection from now on: those of the kubelet, which a hub that starts anew does not know, and kubectl's.
        DateTimeOffset since = TimeProvider.System.GetUtcNow();
        await world.RestartHubAsync(ct);
        await world.AtHub.UntilAsync(
            heard => DateTimeOffset.TryParse(heard, CultureInfo.InvariantCulture, out DateTimeOffset at) && at > since, TimeSpan.FromSeconds(40), ct,
            "get", "lease", world.Name, "-n", "kube-node-lease", "-o", "jsonpath={.spec.renewTime}");

        // A container that ends is started again, and it is told here.
        string address = await world.AtHub.ExpectAsync("get", "pod", "crashes", "-o", "jsonpath={.status.podIP}");
        using (System.Net.Sockets.TcpClient ends = new())
            await ends.ConnectAsync(address, 7000, ct);
        string[] offline = Lines(await world.PodsAtHubAsync(states => states.Contains("crashes Running 1 ", StringComparison.Ordinal), Containers, ct));
        Assert.Contains(before.Single(line => line.StartsWith("keeps ", StringComparison.Ordinal)), offline);

        world.RenewCertificate();
        world.Cable.Restore();
        await world.Hub.WaitForLineAsync("The node is connected", TimeSpan.FromSeconds(60), ct);
        string[] after = Lines(await world.Upstream.UntilAsync(states => states.Contains("crashes Running 1 ", StringComparison.Ordinal), TimeSpan.FromSeconds(30), ct, "get", "pods", "-o", Containers));
        Assert.Equal(offline.Order(), after.Order());
        since = TimeProvider.System.GetUtcNow();
        await world.Node.RestartKubeletAsync(world.ToHub); // as a kubelet does whose certificate was made anew by hand
        await world.Upstream.UntilAsync(
            heard => DateTimeOffset.TryParse(heard, CultureInfo.InvariantCulture, out DateTimeOffset at) && at > since.AddSeconds(2), TimeSpan.FromSeconds(40), ct,
            "get", "lease", world.Name, "-n", "kube-node-lease", "-o", "jsonpath={.spec.renewTime}");
        Assert.Equal(after.Order(), Lines(await world.Upstream.ExpectAsync("get", "pods", "-o", Containers)).Order());
    }

    private static string[] Lines(string states) => states.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
