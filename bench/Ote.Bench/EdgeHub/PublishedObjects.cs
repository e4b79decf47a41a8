using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Bench.EdgeHub;

/// <summary>The objects of OpenYurt's published test of its YurtHub: 2,000 pods, 1,000 Services, each with 50 endpoints.</summary>
/// <param name="nodeOf">The node of a pod by its number.</param>
internal sealed class PublishedObjects(Func<int, string> nodeOf)
{
    public const int Pods = 2000;
    public const int Services = 1000;
    public const int Endpoints = 50;
    private static readonly ResourceRef s_slices = new("discovery.k8s.io", "v1beta1", "endpointslices", "EndpointSlice", true);

    /// <summary>Creates all of them, and the nodes that are to be there.</summary>
    public async Task FillAsync(KubeClient admin, IEnumerable<string> nodes, CancellationToken ct)
    {
        foreach (var node in nodes)
        {
            await admin.CreateAsync(Kinds.Nodes, null, new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Node", ["metadata"] = new JsonObject { ["name"] = node, ["labels"] = new JsonObject { ["ote.baidu.com/site"] = "site" } } }, ct);
        }

        await admin.CreateAsync(new ResourceRef("", "v1", "serviceaccounts", "ServiceAccount", true), "default", new JsonObject { ["apiVersion"] = "v1", ["kind"] = "ServiceAccount", ["metadata"] = new JsonObject { ["name"] = "default" } }, ct);
        var options = new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = ct };
        await Parallel.ForAsync(0, Pods, options, async (i, stop) => await admin.CreateAsync(Kinds.Pods, "default", Pod(i), stop));
        await Parallel.ForAsync(0, Services, options, async (i, stop) => await admin.CreateAsync(Kinds.Services, "default", Service(i), stop));
        await Parallel.ForAsync(0, Services, options, async (i, stop) => await admin.CreateAsync(s_slices, "default", Slice(i, -1), stop));
    }

    /// <summary>A pod ceases to be ready, or is again: it is said so on it and in all slices that name it.</summary>
    public static async Task TurnAsync(KubeClient admin, int pod, bool isReady, CancellationToken ct)
    {
        var ready = new JsonObject { ["type"] = "Ready", ["status"] = isReady ? "True" : "False" };
        await admin.PatchAsync(Kinds.Pods, "default", Name("pod", pod), PatchKind.Merge, new JsonObject { ["status"] = new JsonObject { ["conditions"] = new JsonArray(ready) } }, ct, "status");
        var first = Math.Max(0, pod - Endpoints + 1);
        await Parallel.ForAsync(first, Math.Min(pod + 1, Services), new ParallelOptions { MaxDegreeOfParallelism = 2, CancellationToken = ct }, async (i, stop) =>
            await admin.PatchAsync(s_slices, "default", Name("svc", i), PatchKind.Merge, new JsonObject { ["endpoints"] = Slice(i, isReady ? -1 : pod)["endpoints"]!.DeepClone() }, stop));
    }

    /// <summary>Writes a word into a slice that who watches all of them meets after all that was written before.</summary>
    public static Task MarkAsync(KubeClient admin, string word, CancellationToken ct) =>
        admin.PatchAsync(s_slices, "default", Name("svc", 0), PatchKind.Merge, new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { ["mark"] = word } } }, ct);

    private JsonObject Pod(int i) => new()
    {
        ["apiVersion"] = "v1", ["kind"] = "Pod",
        ["metadata"] = new JsonObject { ["name"] = Name("pod", i), ["labels"] = new JsonObject { ["app"] = Name("app", i % Services) } },
        ["spec"] = new JsonObject
        {
            ["nodeName"] = nodeOf(i), ["automountServiceAccountToken"] = false,
            ["containers"] = new JsonArray(new JsonObject { ["name"] = "c", ["image"] = "registry.example/app:1", ["env"] = new JsonArray(new JsonObject { ["name"] = "A", ["value"] = new string('x', 200) }) }),
        },
    };

    private static JsonObject Service(int i) => new()
    {
        ["apiVersion"] = "v1", ["kind"] = "Service", ["metadata"] = new JsonObject { ["name"] = Name("svc", i) },
        ["spec"] = new JsonObject { ["selector"] = new JsonObject { ["app"] = Name("app", i) }, ["ports"] = new JsonArray(new JsonObject { ["port"] = 80 }) },
    };

    private static JsonObject Slice(int i, int notReady) => new()
    {
        ["apiVersion"] = "discovery.k8s.io/v1beta1", ["kind"] = "EndpointSlice", ["addressType"] = "IPv4",
        ["metadata"] = new JsonObject { ["name"] = Name("svc", i), ["labels"] = new JsonObject { ["kubernetes.io/service-name"] = Name("svc", i) } },
        ["endpoints"] = new JsonArray([.. Enumerable.Range(0, Endpoints).Select(e => (JsonNode)new JsonObject
        {
            ["addresses"] = new JsonArray($"10.{i / 250}.{i % 250}.{e + 1}"), ["conditions"] = new JsonObject { ["ready"] = (i + e) % Pods != notReady },
            ["targetRef"] = new JsonObject { ["kind"] = "Pod", ["namespace"] = "default", ["name"] = Name("pod", (i + e) % Pods) },
        })]),
        ["ports"] = new JsonArray(new JsonObject { ["port"] = 8080, ["protocol"] = "TCP", ["name"] = "" }),
    };

    private static string Name(string prefix, int i) => string.Create(CultureInfo.InvariantCulture, $"{prefix}-{i}");
}
