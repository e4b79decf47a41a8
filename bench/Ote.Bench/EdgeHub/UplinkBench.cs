using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Bench.Serve;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Testing.Kubernetes;

namespace Ote.Bench.EdgeHub;

/// <summary>
/// All nodes of a site, with the objects of OpenYurt's published test: what goes over their cables to and from a real kube-apiserver when each component has its own connection, and when each node has its hub and the hubs share
/// what they read. Start, a minute in which nothing changes, pods that cease to be ready and are again, and a new start.
/// </summary>
internal static class UplinkBench
{
    private const int Turned = 10; // pods, each named by 50 slices, each twice
    private const int AtOnce = 4; // hubs that start
    private const double Kilo = 1024;
    private static readonly TimeSpan s_found = TimeSpan.FromSeconds(45); // hubs have found one another, whatever is started last
    private static readonly TimeSpan s_still = TimeSpan.FromMinutes(1);

    private static readonly string[] s_phases =
        ["start", "a minute in which nothing changes", $"{Turned} pods cease to be ready and are again, each in {PublishedObjects.Endpoints} slices", "everything on the nodes starts anew"];

    public static async Task<IReadOnlyList<Row>> RunAsync(Surroundings around, string? asked, int nodes, CancellationToken ct)
    {
        var executable = HubUnderTest.Published(asked);
        var tools = await KubernetesTools.FindAsync(ct);
        await using var plane = await RealControlPlane.StartAsync(new("uplink-bench") { ControllerManager = false }, tools, around.Time, ct);
        using var admin = new KubeClient(Kubeconfig.Load(plane.Kubeconfig).CreateHttpClient(around.Time));
        string[] names = [.. Enumerable.Range(0, nodes).Select(i => string.Create(CultureInfo.InvariantCulture, $"node-{i:000}"))];
        Say($"{PublishedObjects.Pods} pods, {PublishedObjects.Services} services with {PublishedObjects.Endpoints} endpoints each, {nodes} nodes");
        await new PublishedObjects(pod => names[pod % nodes]).FillAsync(admin, names, ct);
        await LeasesAsync(admin, names, ct);

        Say("each component with a connection of its own");
        var plain = await MeasureAsync(new SiteOfNodes(plane, names, null, around, AtOnce), admin, around.Time, ct);
        Say("each node with its hub");
        var hubs = await MeasureAsync(new SiteOfNodes(plane, names, executable, around, AtOnce), admin, around.Time, ct);

        return
        [
            Row.WithRatio($"bytes of a node on its cable in all of this, {nodes} nodes with hubs that share what they read (baseline: kubelet and kube-proxy with a connection each)", hubs.Bytes.Sum() / Kilo / nodes, "kB", plain.Bytes.Sum() / Kilo / nodes, 0.25),
            .. s_phases.Select((phase, i) => new Row($"of these, {phase}", hubs.Bytes[i] / Kilo / nodes, "kB", plain.Bytes[i] / Kilo / nodes, null, null)),
            Row.Alone("memory of the hub that the others read from", hubs.Memory / 1024 / 1024, "MB"),
        ];
    }

    private static async Task<(double[] Bytes, double Memory)> MeasureAsync(SiteOfNodes site, KubeClient admin, TimeProvider time, CancellationToken ct)
    {
        await using var held = site;
        var bytes = new double[s_phases.Length];
        var memory = 0.0;
        for (var phase = 0; phase < s_phases.Length; phase++)
        {
            var before = site.Bytes;
            switch (phase)
            {
                case 0:
                    await site.StartAsync(ct);
                    await Task.Delay(s_found, time, ct);
                    break;
                case 1:
                    await Task.Delay(s_still, time, ct);
                    break;
                case 2:
                    for (var pod = 0; pod < 2 * Turned; pod++)
                    {
                        await PublishedObjects.TurnAsync(admin, 100 + (pod % Turned * 80), isReady: pod >= Turned, ct);
                        // No faster than all follow: kube-apiserver ends the watches of those that do not.
                        await MarkAsync(site, admin, string.Create(CultureInfo.InvariantCulture, $"mark-{site.HasHubs}-turned-{pod}-of-the-uplink"), time, ct);
                    }

                    break;
                default:
                    memory = site.FirstHub is { } id ? Resident.BytesOf(id) : 0;
                    await site.EndAsync();
                    await site.StartAsync(ct);
                    break;
            }

            await MarkAsync(site, admin, string.Create(CultureInfo.InvariantCulture, $"mark-{site.HasHubs}-{phase}-of-the-uplink"), time, ct);
            bytes[phase] = site.Bytes - before;
            Say(string.Create(CultureInfo.InvariantCulture, $"{s_phases[phase]}: {bytes[phase] / Kilo / Kilo:0.0} MB"));
        }

        return (bytes, memory);
    }

    /// <summary>Completes when every node has met all that was written before.</summary>
    private static async Task MarkAsync(SiteOfNodes site, KubeClient admin, string word, TimeProvider time, CancellationToken ct)
    {
        var seen = site.AllSeeAsync(word);
        await PublishedObjects.MarkAsync(admin, word, ct);
        await seen.WaitAsync(TimeSpan.FromMinutes(5), time, ct);
    }

    private static async Task LeasesAsync(KubeClient admin, IEnumerable<string> names, CancellationToken ct)
    {
        try
        {
            await admin.CreateAsync(Kinds.Namespaces, null, new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Namespace", ["metadata"] = new JsonObject { ["name"] = "kube-node-lease" } }, ct);
        }
        catch (KubeStatusException there) when (there.IsAlreadyExists)
        {
            // The API server makes it by itself, sooner or later.
        }

        foreach (var name in names)
        {
            await admin.CreateAsync(
                Kinds.Leases, "kube-node-lease",
                new JsonObject { ["apiVersion"] = "coordination.k8s.io/v1", ["kind"] = "Lease", ["metadata"] = new JsonObject { ["name"] = name }, ["spec"] = new JsonObject { ["holderIdentity"] = name, ["leaseDurationSeconds"] = 40 } }, ct);
        }
    }

    private static void Say(string what) => Console.Error.WriteLine($"uplink: {what}");
}
