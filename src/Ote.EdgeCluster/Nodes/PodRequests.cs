using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.EdgeCluster.Nodes;

/// <summary>What a pod asks of a node: resources in base units (cores, bytes) and host ports. Pure.</summary>
internal static class PodRequests
{
    /// <summary>The sum of its containers, or what an init container needs beyond that, and the overhead.</summary>
    public static Dictionary<string, decimal> Of(JsonObject pod)
    {
        var sum = new Dictionary<string, decimal>(StringComparer.Ordinal);
        foreach (var container in pod.Items("spec", "containers") ?? [])
        {
            Add(sum, container.At("resources", "requests"));
        }

        foreach (var container in pod.Items("spec", "initContainers") ?? [])
        {
            if (container.Text("restartPolicy") == "Always")
            {
                Add(sum, container.At("resources", "requests"));
                continue;
            }

            foreach (var (name, amount) in Read(container.At("resources", "requests")))
            {
                sum[name] = Math.Max(sum.GetValueOrDefault(name), amount);
            }
        }

        Add(sum, pod.At("spec", "overhead"));
        return sum;
    }

    /// <summary>What a pod that does not ask for a resource is taken to need where nodes are compared: the real scheduler's 100m and 200 MB.</summary>
    public static decimal Assumed(string resource) => resource == "cpu" ? 0.1m : resource == "memory" ? 200m * 1024 * 1024 : 0;

    /// <summary>Amounts by resource; what cannot be read is left out.</summary>
    public static IEnumerable<(string Name, decimal Amount)> Read(JsonNode? resources)
    {
        foreach (var (name, value) in resources as JsonObject ?? [])
        {
            var text = value.Text() ?? value?.ToJsonString() ?? "";
            if (Quantity.TryParse(text, out var amount))
            {
                yield return (name, amount);
            }
        }
    }

    /// <summary>Host ports as <c>TCP/80</c>.</summary>
    public static IEnumerable<string> HostPorts(JsonObject pod) =>
        (pod.Items("spec", "containers") ?? []).SelectMany(c => c.Items("ports") ?? [])
            .Where(p => p.Whole("hostPort") is > 0).Select(p => $"{p.Text("protocol") ?? "TCP"}/{p.Whole("hostPort")}");

    private static void Add(Dictionary<string, decimal> sum, JsonNode? requests)
    {
        foreach (var (name, amount) in Read(requests))
        {
            sum[name] = sum.GetValueOrDefault(name) + amount;
        }
    }
}
