using System.Globalization;

namespace Ote.SystemTests.EdgeHub;

/// <summary>ote-node install, doctor and uninstall on a node as kubeadm sets it up, under a real systemd with a real kubelet and containerd.</summary>
public sealed class SystemdInstallTests
{
    private const string Kubelet = "kubelet.service";
    private const string Hub = "ote-node.service";
    private const string DropIn = "/etc/systemd/system/kubelet.service.d/90-ote-node.conf";
    private const int HubPort = 10261;
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(40);

    [Fact]
    public async Task A_hub_is_put_before_a_kubelet_looked_after_and_taken_away_while_a_pod_runs_on()
    {
        CancellationToken ct = TestContext.Current.CancellationToken;
        KubernetesTools tools = await KubernetesTools.FindAsync(ct);
        await using RealControlPlane plane = await RealControlPlane.StartAsync(new("systemd"), tools, TimeProvider.System, ct);
        await using SystemdNode node = await SystemdNode.StartAsync(plane, "systemd-node", ct);
        Kubectl kubectl = plane.Kubectl(tools.NewKubectl);
        await kubectl.UntilAsync(name => name == "default", Soon, ct, "get", "serviceaccount", "default", "-o", "jsonpath={.metadata.name}");
        await kubectl.ApplyAsync($"""
            apiVersion: v1
            kind: Pod
            metadata: {"{"} name: web {"}"}
            spec:
              nodeName: {node.Name}
              terminationGracePeriodSeconds: 1
              containers: [{"{"} name: web, image: "{LocalImage.Name}", imagePullPolicy: Never, command: [sleep, "100000"] {"}"}]
            """);
        string[] pod = ["get", "pod", "web", "-o", "jsonpath={.metadata.uid} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount} {.status.conditions[?(@.type==\"Ready\")].status}"];
        string before = await kubectl.UntilAsync(state => state.EndsWith(" 0 True", StringComparison.Ordinal), TimeSpan.FromSeconds(60), ct, pod);
        await AsksAsync(node, kubectl, plane.Server.Port, ct);
        string unit = await node.ExpectAsync("systemctl", "cat", Kubelet);

        CommandResult bare = await node.RunAsync("/run/ote-node/ote-node", "doctor");
        Assert.Equal(1, bare.ExitCode);
        Assert.DoesNotMatch("(?m)^ok +hub", bare.Out);
        Assert.Contains("nothing of the hub is installed here", await node.ExpectAsync("/run/ote-node/ote-node", "uninstall"), StringComparison.Ordinal);

        // Where the kubelet listens no hub can: that is seen beforehand, and of one whose metrics cannot be there nothing is left.
        CommandResult taken = await node.RunAsync("/run/ote-node/ote-node", "install", "--", "--listen", "127.0.0.1:10250");
        Assert.Equal(2, taken.ExitCode);
        Assert.Contains($"another process listens at 127.0.0.1:10250, {Hub} does not run, and nothing was changed", taken.Error, StringComparison.Ordinal);
        Assert.Contains("nothing of the hub is left", await TakenAsync(node, "--observe"), StringComparison.Ordinal);
        await AsksAsync(node, kubectl, plane.Server.Port, ct);

        Assert.Matches("(?s)its pods were not touched.*next: `ote-node doctor`$", await node.ExpectAsync("/run/ote-node/ote-node", "install"));
        Assert.Equal("/usr/local/lib/ote-node/ote-node", await node.ExpectAsync("readlink", "/usr/local/bin/ote-node"));
        Assert.Equal("active\nactive\nenabled", await node.ExpectAsync("sh", "-c", $"systemctl is-active {Hub} {Kubelet}; systemctl is-enabled {Hub}"));
        Assert.Contains("--kubeconfig=/etc/kubernetes/edgehub/kubelet.conf", await node.ExpectAsync("cat", DropIn), StringComparison.Ordinal);
        await AsksAsync(node, kubectl, HubPort, ct);
        await WellAsync(node, ct);

        int process = await node.ProcessOfAsync(Hub);
        await node.ExpectAsync("kill", "-KILL", $"{process}");
        await WellAsync(node, ct);
        Assert.NotEqual(process, await node.ProcessOfAsync(Hub));
        await AsksAsync(node, kubectl, HubPort, ct);

        // What is wrong with an option is said before anything is touched.
        process = await node.ProcessOfAsync(Hub);
        foreach ((string said, string[] options) in ((string, string[])[])
            [
                ("/nope", ["--kubeconfig", "/nope"]), ("'10.0.0.1:99999' is not an IP address with a port", ["--listen", "10.0.0.1:99999"]), ("the hub cannot listen at 192.0.2.1", ["--listen", "192.0.2.1:10261"]),
                ("--advertise: 0.0.0.0:1 is no place", ["--advertise", "0.0.0.0:1"]),
            ])
        {
            CommandResult refused = await node.RunAsync(["/run/ote-node/ote-node", "install", "--", .. options]);
            Assert.Equal(2, refused.ExitCode);
            Assert.Contains(said, refused.Error, StringComparison.Ordinal);
            Assert.Contains("nothing was changed", refused.Error, StringComparison.Ordinal);
        }

        CommandResult typo = await node.RunAsync("ote-node", "uninstall", "--kubelet-unit", "kublet.service");
        Assert.Equal(2, typo.ExitCode);
        Assert.Contains($"there is no unit kublet.service, and nothing was changed: what an installation led to the hub is {Kubelet}", typo.Error, StringComparison.Ordinal);
        Assert.Equal(process, await node.ProcessOfAsync(Hub));
        await WellAsync(node, ct);

        // The hub that runs before is there again when that is said.
        Assert.Contains($"put back: {Hub} as it was installed before, which runs", await TakenAsync(node, "--listen"), StringComparison.Ordinal);
        await node.ExpectAsync("ote-node", "doctor");

        // A cache that is in use is looked into without a hub's being disturbed.
        process = await node.ProcessOfAsync(Hub);
        string[] check = ["ote-node", "edgehub", "--kubeconfig", "/etc/kubernetes/kubelet.conf", "--client-ca-file", "/etc/kubernetes/pki/ca.crt", "--check"];
        await node.ExpectAsync([.. check, "--node-name", node.Name]);
        CommandResult others = await node.RunAsync([.. check, "--node-name", "other"]);
        Assert.Equal(2, others.ExitCode);
        Assert.Contains($"is the cache of node {node.Name}, not of other", others.Error, StringComparison.Ordinal);
        Assert.Contains("--client-ca-file", (await node.RunAsync("ote-node", "edgehub", "--kubeconfig", "/etc/kubernetes/kubelet.conf", "--node-name", node.Name, "--check")).Error, StringComparison.Ordinal);
        Assert.Equal(process, await node.ProcessOfAsync(Hub));
        await WellAsync(node, ct);

        // A hub that hangs; in less than the 20 s that it has otherwise.
        await node.ExpectAsync("sh", "-c", $"mkdir /etc/systemd/system/{Hub}.d; printf '[Service]\nWatchdogSec=4\n' >/etc/systemd/system/{Hub}.d/soon.conf; systemctl daemon-reload; systemctl restart {Hub}");
        await WellAsync(node, ct);
        process = await node.ProcessOfAsync(Hub);
        await ToldAsync(node, ct);
        await ToldAsync(node, ct);
        Assert.Equal(process, await node.ProcessOfAsync(Hub));
        await node.ExpectAsync("kill", "-STOP", $"{process}");
        await WellAsync(node, ct);
        Assert.NotEqual(process, await node.ProcessOfAsync(Hub));
        Assert.Contains("Watchdog timeout", await node.JournalAsync(Hub), StringComparison.Ordinal);
        await node.ExpectAsync("sh", "-c", $"rm -r /etc/systemd/system/{Hub}.d; systemctl daemon-reload; systemctl restart {Hub}");
        await WellAsync(node, ct);

        await node.ExpectAsync("systemctl", "stop", Hub);
        CommandResult doctor = await node.RunAsync("ote-node", "doctor");
        Assert.Equal(1, doctor.ExitCode);
        Assert.Contains($"{Hub} does not run", doctor.Out, StringComparison.Ordinal);
        Assert.Contains("it does not answer the kubelet", doctor.Out, StringComparison.Ordinal);
        await node.ExpectAsync("systemctl", "start", Hub);
        await WellAsync(node, ct);
        Assert.Equal(before, await kubectl.ExpectAsync(pod));

        string[] annotated = ["get", "node", node.Name, "-o", "jsonpath={.metadata.annotations}"];
        await kubectl.ExpectAsync("annotate", "node", node.Name, "ote.baidu.com/edgehub=x", "ote.baidu.com/witness={}");
        Assert.Contains("ote.baidu.com", await kubectl.ExpectAsync(annotated), StringComparison.Ordinal);
        Assert.Contains($"the hub's annotations are gone from node {node.Name}", await node.ExpectAsync("ote-node", "uninstall"), StringComparison.Ordinal);
        Assert.DoesNotContain("ote.baidu.com", await kubectl.ExpectAsync(annotated), StringComparison.Ordinal);
        await AsksAsync(node, kubectl, plane.Server.Port, ct);
        Assert.Equal(unit, await node.ExpectAsync("systemctl", "cat", Kubelet));
        Assert.NotEqual(0, (await node.RunAsync("systemctl", "cat", Hub)).ExitCode);
        Assert.Equal("gone", await node.ExpectAsync("sh", "-c", $"ls -d {DropIn} /etc/systemd/system/*/{Hub} /usr/local/bin/ote-node /usr/local/lib/ote-node* /etc/kubernetes/edgehub 2>/dev/null || echo gone"));
        Assert.Equal(before, await kubectl.ExpectAsync(pod));

        // A kubelet that may not see the hub's kubeconfig.
        await node.ExpectAsync("sh", "-c", $"printf '[Service]\nInaccessiblePaths=-/etc/kubernetes/edgehub\n' >/etc/systemd/system/{Kubelet}.d/50-strict.conf; systemctl daemon-reload");
        CommandResult install = await node.RunAsync("/run/ote-node/ote-node", "install");
        Assert.NotEqual(0, install.ExitCode);
        Assert.Contains($"{Kubelet} did not start behind the hub, and was started as before", install.Error, StringComparison.Ordinal);
        Assert.NotEqual(0, (await node.RunAsync("ls", DropIn)).ExitCode);
        Assert.Equal("inactive", await node.ExpectAsync("sh", "-c", $"systemctl is-active {Hub}; true"));
        Assert.Matches($"(?s)put back: {Kubelet} asks the API server as before.*{Hub} is stopped and removed.*left: /var/lib/ote-node\n.*next: `ote-node install`", install.Out);
        Assert.Equal("/var/lib/ote-node", await node.ExpectAsync("sh", "-c", $"ls -d /etc/systemd/system/{Hub} /usr/local/bin/ote-node /usr/local/lib/ote-node* /etc/kubernetes/edgehub /var/lib/ote-node 2>/dev/null; true"));
        await AsksAsync(node, kubectl, plane.Server.Port, ct);
        Assert.Equal(before, await kubectl.ExpectAsync(pod));
        await node.ExpectAsync("/run/ote-node/ote-node", "uninstall", "--purge");
        Assert.Equal("gone", await node.ExpectAsync("sh", "-c", $"ls -d /etc/systemd/system/{Hub} /usr/local/bin/ote-node /usr/local/lib/ote-node* /etc/kubernetes/edgehub /var/lib/ote-node 2>/dev/null || echo gone"));

        // What systemd made of this machine's cgroups goes with the node.
        await node.DisposeAsync();
        Assert.Empty(Directory.EnumerateDirectories("/sys/fs/cgroup", node.Cgroup, new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1 }));
    }

    /// <summary>The kubelet is connected to that port of the node and to none of the others, and its node's lease is renewed from there.</summary>
    private static async Task AsksAsync(SystemdNode node, Kubectl kubectl, int port, CancellationToken ct)
    {
        using CancellationTokenSource soon = new(Soon, TimeProvider.System);
        IReadOnlyList<int> ports;
        while (!(ports = await node.PortsOfAsync(Kubelet)).SequenceEqual([port]))
        {
            if (soon.IsCancellationRequested)
                Assert.Fail($"the kubelet is connected to {string.Join(", ", ports)} in place of {port}\n{await node.JournalAsync(Kubelet)}\n{await node.JournalAsync(Hub)}");
            await Task.Delay(TimeSpan.FromMilliseconds(250), TimeProvider.System, ct);
        }

        DateTimeOffset since = TimeProvider.System.GetUtcNow();
        await kubectl.UntilAsync(
            heard => DateTimeOffset.TryParse(heard, CultureInfo.InvariantCulture, out DateTimeOffset at) && at > since, Soon, ct,
            "get", "lease", node.Name, "-n", "kube-node-lease", "-o", "jsonpath={.spec.renewTime}");
    }

    /// <summary>A hub is installed that cannot listen where it is to, which ends its process again and again; what was said when it was taken back.</summary>
    private static async Task<string> TakenAsync(SystemdNode node, string option)
    {
        CommandResult install = await node.RunAsync("/run/ote-node/ote-node", "install", "--", option, "127.0.0.1:10250");
        Assert.Equal(2, install.ExitCode);
        Assert.Matches(@"the hub ends as soon as it is started \(.*127\.0\.0\.1:10250.*\)", install.Error); // its own words, from the journal
        return install.Out;
    }

    /// <summary>The hub tells systemd that it lives.</summary>
    private static async Task ToldAsync(SystemdNode node, CancellationToken ct)
    {
        string[] when = ["systemctl", "show", "--property=WatchdogTimestampMonotonic,MainPID", Hub];
        using CancellationTokenSource soon = new(Soon, TimeProvider.System);
        string before = await node.ExpectAsync(when);
        while (await node.ExpectAsync(when) == before)
        {
            Assert.False(soon.IsCancellationRequested, $"{before}\n{await node.JournalAsync(Hub)}");
            await Task.Delay(TimeSpan.FromMilliseconds(250), TimeProvider.System, ct);
        }
    }

    /// <summary>The doctor finds everything well; a hub that has just begun may need a moment.</summary>
    private static async Task WellAsync(SystemdNode node, CancellationToken ct)
    {
        using CancellationTokenSource soon = new(Soon, TimeProvider.System);
        CommandResult doctor;
        while ((doctor = await node.RunAsync("ote-node", "doctor")).ExitCode != 0)
        {
            Assert.False(soon.IsCancellationRequested, $"{doctor.Out}{doctor.Error}\n{await node.JournalAsync(Hub)}");
            await Task.Delay(TimeSpan.FromMilliseconds(250), TimeProvider.System, ct);
        }

        Assert.DoesNotContain("FAILS", doctor.Out, StringComparison.Ordinal);
        foreach (string check in (string[])["service", "kubelet", "hub", "API server", "cache"])
            Assert.Matches($"(?m)^ok +{check} ", doctor.Out);
    }
}
