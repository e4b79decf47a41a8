using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Testing.Kubernetes;
using Ote.Testing.Links;

namespace Ote.Bench.EdgeHub;

/// <summary>
/// A real node (kubelet v1.20, containerd) that is switched off and on, until the last of its pods is ready again: connected, by itself, and cut off behind a hub that was switched off and on with it. As root. What it is told by is
/// the API that the kubelet has: the kube-apiserver's or the hub's.
/// </summary>
internal static class RebootBench
{
    private const string Node = "reboot-node";
    private const int Pods = 10;
    private const int Rounds = 5;
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_settled = TimeSpan.FromSeconds(15); // the kubelet has asked for all it watches

    public static async Task<IReadOnlyList<Row>> RunAsync(Surroundings around, string? asked, CancellationToken ct)
    {
        var executable = HubUnderTest.Published(asked);
        var tools = await KubernetesTools.FindAsync(ct);
        await using var plane = await RealControlPlane.StartAsync(new("reboot-bench") { Scheduler = true }, tools, around.Time, ct);
        await using var cable = new CuttableRelay(new IPEndPoint(IPAddress.Loopback, plane.Server.Port));
        var client = plane.Authority.IssueClient($"system:node:{Node}", "system:nodes");
        var direct = KubeconfigFile.Write(Path.Combine(around.Folder, "direct"), "bench", plane.Server, plane.Authority.Certificate, client);
        var kubelet = KubeconfigFile.Write(Path.Combine(around.Folder, "kubelet"), "bench", new Uri($"https://127.0.0.1:{cable.Port}"), plane.Authority.Certificate, client);
        await File.WriteAllTextAsync(Path.Combine(around.Folder, "ca.crt"), plane.Authority.Certificate, ct);
        var port = FreePorts.Take(1)[0];
        var toHub = Path.Combine(around.Folder, "to-hub");
        string[] arguments =
        [
            "edgehub", "--node-name", Node, "--kubeconfig", kubelet, "--client-ca-file", Path.Combine(around.Folder, "ca.crt"), "--data", Path.Combine(around.Folder, "data"), "--listen", $"127.0.0.1:{port}", "--write-kubeconfigs", toHub,
        ];

        using var address = NodeAddress.Take();
        await using var node = await RealNode.StartAsync(plane, new(Node) { Kubeconfig = direct, ApiPorts = [port, plane.Server.Port], At = address }, ct);
        using var admin = new KubeClient(Kubeconfig.Load(plane.Kubeconfig).CreateHttpClient(around.Time));
        var world = new Reboots(node, around.Time);
        await CreateAsync(admin, ct);
        await world.ReadyAsync(admin, [], ct);

        var hub = await Launched.StartAsync(around.Time, executable, arguments, attaches: false, ct);
        try
        {
            using var atHub = new KubeClient(Kubeconfig.Load(Path.Combine(toHub, "kubelet")).CreateHttpClient(around.Time));
            var (native, connected, cutOff) = (new List<double>(), new List<double>(), new List<double>());
            for (var i = 0; i < Rounds; i++)
            {
                // In turns, so that what else the machine does falls on all alike. The node is switched on with the kubelet's own kubeconfig, and led to the hub when it runs.
                Led(direct);
                native.Add(await world.RunAsync(admin, null, ct));
                Say("by itself, connected", native[^1]);
                await node.RestartKubeletAsync(Path.Combine(toHub, "kubelet"));
                await Task.Delay(s_settled, around.Time, ct);
                connected.Add(await world.RunAsync(admin, RestartAsync, ct));
                Say("behind its hub, connected", connected[^1]);
                await Task.Delay(s_settled, around.Time, ct);
                cable.Cut();
                cutOff.Add(await world.RunAsync(atHub, RestartAsync, ct));
                Say("behind its hub, cut off", cutOff[^1]);
                cable.Restore();
                await Task.Delay(s_settled, around.Time, ct);
            }

            return
            [
                Row.WithRatio($"switched on to the last of {Pods} pods ready, cut off behind the hub (baseline: by itself, connected)", Middle(cutOff), "s", Middle(native), 1.0),
                new Row("the same, connected behind the hub (baseline: the same)", Middle(connected), "s", Middle(native), null, null),
            ];
        }
        finally
        {
            await hub.DisposeAsync();
        }

        void Led(string kubeconfig) => File.Copy(kubeconfig, Path.Combine(node.Folder, "kubelet.kubeconfig"), overwrite: true);

        async Task RestartAsync(Func<Task> switchOff)
        {
            await hub.DisposeAsync();
            await switchOff();
            hub = await Launched.StartAsync(around.Time, executable, arguments, attaches: false, ct);
        }
    }

    private static double Middle(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static void Say(string how, double seconds) => Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"reboot: {how}: {seconds:0.0} s"));

    private static async Task CreateAsync(KubeClient admin, CancellationToken ct)
    {
        await admin.CreateAsync(Kinds.ConfigMaps, "default", new JsonObject { ["apiVersion"] = "v1", ["kind"] = "ConfigMap", ["metadata"] = new JsonObject { ["name"] = "page" }, ["data"] = new JsonObject { ["index.html"] = "here" } }, ct);
        var labels = new JsonObject { ["app"] = "web" };
        await admin.CreateAsync(Kinds.Deployments, "default", new JsonObject
        {
            ["apiVersion"] = "apps/v1", ["kind"] = "Deployment", ["metadata"] = new JsonObject { ["name"] = "web" },
            ["spec"] = new JsonObject
            {
                ["replicas"] = Pods, ["selector"] = new JsonObject { ["matchLabels"] = labels.DeepClone() },
                ["template"] = new JsonObject
                {
                    ["metadata"] = new JsonObject { ["labels"] = labels },
                    ["spec"] = new JsonObject
                    {
                        ["terminationGracePeriodSeconds"] = 1,
                        // A node that is off for a minute is no reason to make its pods elsewhere.
                        ["tolerations"] = new JsonArray(new JsonObject { ["operator"] = "Exists" }),
                        ["containers"] = new JsonArray(new JsonObject
                        {
                            ["name"] = "web", ["image"] = LocalImage.Name, ["imagePullPolicy"] = "Never", ["command"] = new JsonArray("httpd", "-f", "-p", "8080", "-h", "/page"),
                            ["volumeMounts"] = new JsonArray(new JsonObject { ["name"] = "page", ["mountPath"] = "/page" }),
                        }),
                        ["volumes"] = new JsonArray(new JsonObject { ["name"] = "page", ["configMap"] = new JsonObject { ["name"] = "page" } }),
                    },
                },
            },
        }, ct);
    }

    /// <summary>Switches a node off and on, and sees when its pods are ready.</summary>
    private sealed class Reboots(RealNode node, TimeProvider time)
    {
        private HashSet<string> _containers = [];

        /// <summary>Seconds from switching on until all pods are ready in new containers.</summary>
        /// <param name="told">The API by which it is told.</param>
        /// <param name="withHub">Ends the hub, has the node switched off, and starts the hub again while the node starts; null: there is none.</param>
        /// <param name="ct">Gives up.</param>
        public async Task<double> RunAsync(KubeClient told, Func<Func<Task>, Task>? withHub, CancellationToken ct)
        {
            var former = _containers;
            long on = 0;
            var started = Task.CompletedTask;
            if (withHub is null)
            {
                await OffAsync();
            }
            else
            {
                await withHub(OffAsync);
            }

            await ReadyAsync(told, former, ct);
            var took = time.GetElapsedTime(on).TotalSeconds;
            await started;
            return took;

            async Task OffAsync()
            {
                await node.PowerOffAsync();
                on = time.GetTimestamp();
                started = node.PowerOnAsync(ct);
            }
        }

        /// <summary>Waits until all pods are ready in containers that are not among the former ones.</summary>
        public async Task ReadyAsync(KubeClient told, HashSet<string> former, CancellationToken ct)
        {
            var began = time.GetTimestamp();
            while (true)
            {
                var ready = await LookAsync(told, ct);
                if (ready.Count == Pods && !ready.Overlaps(former))
                {
                    _containers = ready;
                    return;
                }

                if (time.GetElapsedTime(began) > s_patience)
                {
                    throw new BenchException($"{ready.Count(id => !former.Contains(id))} of {Pods} pods were ready within {s_patience.TotalSeconds:0} s");
                }

                await Task.Delay(s_look, time, ct);
            }
        }

        private static async Task<HashSet<string>> LookAsync(KubeClient told, CancellationToken ct)
        {
            try
            {
                var pods = await told.SendAsync(HttpMethod.Get, $"api/v1/pods?resourceVersion=0&fieldSelector=spec.nodeName%3D{Node}", null, null, ct);
                return [.. (pods.Items("items") ?? []).Where(IsReady).Select(pod => pod!["status"]!["containerStatuses"]![0].Text("containerID")!)];
            }
            catch (Exception starting) when (starting is HttpRequestException or KubeStatusException)
            {
                return []; // The hub is not there yet.
            }
        }

        private static bool IsReady(JsonNode? pod) => pod.Text("status", "phase") == "Running" && pod?["status"]?["containerStatuses"] is JsonArray { Count: 1 } containers
            && containers[0].Truth("ready") == true && containers[0].Text("containerID") is { Length: > 0 };
    }
}
