using System.Globalization;

namespace Ote.SystemTests.EdgeHub;

/// <summary>A real kubelet and containerd behind a hub, cut off from a real API server.</summary>
public sealed class NodeAutonomyTests
{
    private const string Service = "10.96.77.7";

    private const string States =
        "jsonpath={range .items[*]}{.metadata.name}|{.metadata.uid}|{.status.phase}|{.status.podIP}|{.status.containerStatuses[0].restartCount}|{.status.containerStatuses[0].containerID}|{.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}";

    [Fact]
    public async Task A_node_that_is_switched_off_and_on_while_cut_off_runs_all_of_its_pods_again_and_comes_back_without_a_restart()
    {
        CancellationToken ct = TestContext.Current.CancellationToken;
        KubernetesTools tools = await KubernetesTools.FindAsync(ct);
        await using RealControlPlane plane = await RealControlPlane.StartAsync(new("autonomy") { Scheduler = true }, tools, TimeProvider.System, ct);
        await using NodeBehindHub world = await NodeBehindHub.StartAsync(plane, "autonomy-node", ct, leadsPods: true);
        await File.WriteAllTextAsync(Path.Combine(world.Node.Manifests, "keeper.yaml"), $"""
            apiVersion: v1
            kind: Pod
            metadata: {"{"} name: keeper, namespace: kube-system {"}"}
            spec:
              containers:
              - {"{"} name: keeper, image: "{LocalImage.Name}", imagePullPolicy: Never, command: [sleep, "100000"] {"}"}

            """, ct);
        await world.Upstream.ApplyAsync($"""
            apiVersion: v1
            kind: ConfigMap
            metadata: {"{"} name: page {"}"}
            data: {"{"} index.html: "from the configmap" {"}"}
            ---
            apiVersion: v1
            kind: Secret
            metadata: {"{"} name: word {"}"}
            stringData: {"{"} word: hush {"}"}
            ---
            apiVersion: apps/v1
            kind: Deployment
            metadata: {"{"} name: web {"}"}
            spec:
              replicas: 3
              selector: {"{"} matchLabels: {"{"} app: web {"}"} {"}"}
              template:
                metadata: {"{"} labels: {"{"} app: web {"}"} {"}"}
                spec:
                  terminationGracePeriodSeconds: 1
                  containers:
                  - name: web
                    image: {LocalImage.Name}
                    imagePullPolicy: Never
                    command: [httpd, -f, -p, "8080", -h, /page]
                    env: [{"{"} name: WORD, valueFrom: {"{"} secretKeyRef: {"{"} name: word, key: word {"}"} {"}"} {"}"}]
                    volumeMounts: [{"{"} name: page, mountPath: /page {"}"}]
                  volumes: [{"{"} name: page, configMap: {"{"} name: page {"}"} {"}"}]
            ---
            apiVersion: v1
            kind: Service
            metadata: {"{"} name: web {"}"}
            spec: {"{"} clusterIP: {Service}, selector: {"{"} app: web {"}"}, ports: [{"{"} port: 80, targetPort: 8080 {"}"}] {"}"}
            ---
            apiVersion: discovery.k8s.io/v1beta1
            kind: EndpointSlice
            metadata: {"{"} name: kubernetes, labels: {"{"} kubernetes.io/service-name: kubernetes {"}"} {"}"} # an API server on the loopback makes none
            addressType: IPv4
            endpoints: [{"{"} addresses: [192.0.2.9], conditions: {"{"} ready: true {"}"} {"}"}]
            ports: [{"{"} name: https, port: 6443, protocol: TCP {"}"}]
            ---
            apiVersion: v1
            kind: ServiceAccount
            metadata: {"{"} name: reader {"}"}
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRoleBinding
            metadata: {"{"} name: reader {"}"}
            roleRef: {"{"} apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view {"}"}
            subjects: [{"{"} kind: ServiceAccount, name: reader, namespace: default {"}"}]
            ---
            apiVersion: v1
            kind: Pod
            metadata: {"{"} name: reader {"}"}
            spec:
              serviceAccountName: reader
              terminationGracePeriodSeconds: 1
              containers: [{"{"} name: reader, image: "{LocalImage.Name}", imagePullPolicy: Never, command: [httpd, -f, -p, "8080", -h, /var/run/secrets/kubernetes.io/serviceaccount] {"}"}]
            """);
        string[] before = Lines(await world.Upstream.UntilAsync(states => Ready(states) == 5, TimeSpan.FromSeconds(90), ct, "get", "pods", "-A", "-o", States));
        await ReachesAsync(world, before, ct);

        // The hub is taken away and put in front again: nothing is started anew.
        foreach (string kubeconfig in (string[])[world.Direct, world.ToHub])
        {
            DateTimeOffset since = TimeProvider.System.GetUtcNow();
            await world.Node.RestartKubeletAsync(kubeconfig);
            await world.Upstream.UntilAsync(
                heard => DateTimeOffset.TryParse(heard, CultureInfo.InvariantCulture, out DateTimeOffset at) && at > since.AddSeconds(2), TimeSpan.FromSeconds(40), ct,
                "get", "lease", world.Name, "-n", "kube-node-lease", "-o", "jsonpath={.spec.renewTime}");
            Assert.Equal(before.Order(), Lines(await world.Upstream.ExpectAsync("get", "pods", "-A", "-o", States)).Order());
        }

        world.Cable.Cut();
        await world.Hub.WaitForLineAsync("cut off", TimeSpan.FromSeconds(30), ct);
        await world.Node.PowerOffAsync();
        await world.RestartHubAsync(ct);
        await world.Node.PowerOnAsync(ct);

        // All of them, with the configmap and the secret, from the cache alone; the kubelet's word on their state is kept here.
        string[] offline = Lines(await world.PodsAtHubAsync(
            states => Ready(states) == 5 && !Lines(states).Where(IsWeb).Select(Address).Intersect(before.Select(Address)).Any(), States, ct));
        Assert.Equal(before.Where(IsWeb).Select(Uid).Order(), offline.Where(IsWeb).Select(Uid).Order());
        using (HttpClient http = new())
        {
            foreach (string pod in offline.Where(IsWeb))
                Assert.Equal("from the configmap", (await http.GetStringAsync($"http://{Address(pod)}:8080/index.html", ct)).Trim());
        }

        // kube-proxy has made its rules anew, and a pod's account is known here.
        await ReachesAsync(world, offline, ct);

        world.Cable.Restore();
        await world.Hub.WaitForLineAsync("The node is connected", TimeSpan.FromSeconds(60), ct);
        string[] after = Lines(await world.Upstream.UntilAsync(
            states => Ready(states) == 5 && Lines(states).Where(IsWeb).Select(Address).Order().SequenceEqual(offline.Where(IsWeb).Select(Address).Order()), TimeSpan.FromSeconds(30), ct, "get", "pods", "-A", "-o", States));
        Assert.Equal(offline.Where(IsWeb).Order(), after.Where(IsWeb).Order());
        await world.Upstream.UntilAsync(ready => ready == "True", TimeSpan.FromSeconds(20), ct, "get", "node", world.Name, "-o", "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}");

        // Nothing is started anew after the return either: the same containers, half a minute of the kubelet's syncs later.
        string events = await world.Upstream.ExpectAsync("get", "events", "-A", "-o", "jsonpath={range .items[*]}{.reason} {.involvedObject.name}{\"\\n\"}{end}");
        Assert.DoesNotContain("Killing web", events, StringComparison.Ordinal);
        Assert.DoesNotContain("the API server refuses it: events", await File.ReadAllTextAsync(world.Hub.LogFile, ct), StringComparison.Ordinal);
        await Task.Delay(TimeSpan.FromSeconds(20), TimeProvider.System, ct);
        string[] later = Lines(await world.Upstream.ExpectAsync("get", "pods", "-A", "-o", States));
        Assert.Equal(after.Order(), later.Order());
    }

    /// <summary>On the node the Service leads to the pods, and the Service kubernetes to the hub, which the pod that reads trusts by what it was given, and which knows it.</summary>
    private static async Task ReachesAsync(NodeBehindHub world, string[] pods, CancellationToken ct)
    {
        using HttpClient http = new();
        string reader = $"http://{Address(pods.Single(line => line.StartsWith("reader|", StringComparison.Ordinal)))}:8080/";
        using Scratch given = new("reader");
        await File.WriteAllTextAsync(given["ca.crt"], await http.GetStringAsync(reader + "ca.crt", ct), ct);
        string token = await http.GetStringAsync(reader + "token", ct);
        using CancellationTokenSource soon = new(TimeSpan.FromSeconds(60), TimeProvider.System);
        while (true)
        {
            CommandResult page = await world.Node.RunInsideAsync("timeout", "5", "bash", "-c", $"exec 3<>/dev/tcp/{Service}/80; printf 'GET /index.html HTTP/1.0\r\n\r\n' >&3; cat <&3");
            CommandResult services = await world.Node.RunInsideAsync(
                "timeout", "5", world.Plane.Tools.NewKubectl, "--server=https://10.96.0.1", $"--certificate-authority={given["ca.crt"]}", $"--token={token}", $"--cache-dir={given["cache"]}", "--kubeconfig=/dev/null",
                "get", "--raw", "/api/v1/namespaces/default/services?resourceVersion=0");
            if (page.Out.Contains("from the configmap", StringComparison.Ordinal) && services.Out.Contains("\"name\":\"web\"", StringComparison.Ordinal))
                return;
            Assert.False(soon.IsCancellationRequested, $"not reached on the node:\n{page}\n{services}");
            await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, ct);
        }
    }

    private static string[] Lines(string states) => states.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static int Ready(string states) => Lines(states).Count(line => line.EndsWith("|True", StringComparison.Ordinal) && line.Split('|')[2] == "Running");

    private static bool IsWeb(string line) => line.StartsWith("web-", StringComparison.Ordinal);

    private static string Uid(string line) => line.Split('|')[1];

    private static string Address(string line) => line.Split('|')[3];
}
