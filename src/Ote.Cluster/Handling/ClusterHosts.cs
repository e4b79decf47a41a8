using System.Text.Json.Nodes;
using Ote.Cluster.Identity;
using Ote.Kube.Objects;

namespace Ote.Cluster.Handling;

/// <summary><c>spec.hosts</c> of a <c>Cluster</c> object: the names and addresses that are its own.</summary>
internal static class ClusterHosts
{
    /// <summary>What it holds, normalized; empty when there is no object.</summary>
    public static HashSet<string> Of(JsonObject? cluster) =>
        [.. cluster.Items("spec", "hosts")?.Select(h => HostPolicy.Normalize(h?.ToString() ?? "")) ?? []];

    /// <summary>Writes what it holds, in order.</summary>
    public static void Write(JsonObject cluster, IEnumerable<string> hosts) =>
        cluster.Child("spec")["hosts"] = new JsonArray([.. hosts.Order(StringComparer.Ordinal).Select(h => (JsonNode)h)]);
}
