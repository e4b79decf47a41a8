using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeHub.Offline;

/// <summary>
/// What the controllers of a cluster would make of a pod's new state in the endpoints that name it: its address and whether it is ready. While the node is cut off nobody else does, and a Service would lead to addresses that its pods
/// had before a reboot. Pure.
/// </summary>
internal static class MovedEndpoints
{
    /// <summary>Kinds that name pods, <c>group/plural</c>.</summary>
    public static readonly IReadOnlyList<string> Resources = ["discovery.k8s.io/endpointslices", "/endpoints"];

    /// <summary>Whether a pod's write can matter to any of them.</summary>
    /// <param name="before">Null: it was not there.</param>
    /// <param name="after">Null: it is gone.</param>
    public static bool Concerns(JsonObject? before, JsonObject? after) => before is null || after is null || Address(before) != Address(after) || IsReady(before) != IsReady(after);

    /// <summary>Endpoints, or a slice of them, as they are with a pod's new state; null: they do not name it, or say so already.</summary>
    /// <param name="endpoints">An EndpointSlice or Endpoints; not changed.</param>
    /// <param name="uid">The pod's.</param>
    /// <param name="pod">The pod; null: it is gone.</param>
    public static JsonObject? With(JsonObject endpoints, string uid, JsonObject? pod)
    {
        var changed = (JsonObject)endpoints.DeepClone();
        if (changed["endpoints"] is JsonArray slice)
        {
            foreach (var endpoint in Of(slice, uid))
            {
                if (pod is null)
                {
                    slice.Remove(endpoint);
                    continue;
                }

                // One that has no address yet is named all the same: it is found again by what names it here.
                endpoint["addresses"] = Address(pod) is { } address ? new JsonArray(address) : endpoint["addresses"]?.DeepClone();
                endpoint.Child("conditions")["ready"] = IsReady(pod);
            }
        }

        foreach (var subset in changed.Items("subsets")?.OfType<JsonObject>() ?? [])
        {
            foreach (var list in (string[])["addresses", "notReadyAddresses"])
            {
                foreach (var address in Of(subset[list] as JsonArray ?? [], uid))
                {
                    var to = pod is null ? null : IsReady(pod) ? "addresses" : "notReadyAddresses";
                    if (pod is not null && Address(pod) is { } now)
                    {
                        address["ip"] = now;
                    }

                    if (to != list)
                    {
                        subset[list]!.AsArray().Remove(address);
                        if (to is not null)
                        {
                            (subset[to] as JsonArray ?? (JsonArray)(subset[to] = new JsonArray())).Add((JsonNode)address);
                        }
                    }
                }
            }
        }

        return JsonNode.DeepEquals(endpoints, changed) ? null : changed;
    }

    private static List<JsonObject> Of(JsonArray among, string uid) => [.. among.OfType<JsonObject>().Where(one => one.Text("targetRef", "uid") == uid)];

    private static string? Address(JsonObject pod) => pod.Text("status", "podIP") is { Length: > 0 } address ? address : null;

    private static bool IsReady(JsonObject pod) =>
        (pod.Items("status", "conditions") ?? []).Any(condition => condition.Text("type") == "Ready" && condition.Text("status") == "True")
        && Address(pod) is not null && pod.Text("metadata", "deletionTimestamp") is null;
}
