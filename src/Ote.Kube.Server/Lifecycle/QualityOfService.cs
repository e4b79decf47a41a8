using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>A pod's QoS class, from its containers' resources.</summary>
internal static class QualityOfService
{
    private static readonly string[] Counted = ["cpu", "memory"];
    private static readonly string[] Lists = ["containers", "initContainers"];

    public static string Of(JsonObject pod)
    {
        var containers = Lists
            .SelectMany(list => pod.Items("spec", list) ?? []).OfType<JsonObject>().Select(c => c["resources"] as JsonObject).ToList();
        var any = containers.Exists(r => Counted.Any(name => Has(r, "requests", name) || Has(r, "limits", name)));
        if (!any)
        {
            return "BestEffort";
        }

        var guaranteed = containers.TrueForAll(r => Counted.All(name =>
            r?["limits"]?[name] is { } limit && (r["requests"]?[name] is not { } request || JsonNode.DeepEquals(limit, request))));
        return guaranteed ? "Guaranteed" : "Burstable";
    }

    private static bool Has(JsonObject? resources, string part, string name) => (resources?[part] as JsonObject)?[name] is not null;
}
