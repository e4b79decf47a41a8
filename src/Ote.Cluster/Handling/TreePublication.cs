using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Cluster.Handling;

/// <summary>What operators' tools have to know of the tree, at the root's control API: ConfigMap <c>ote-tree</c>.</summary>
internal static class TreePublication
{
    private const string Name = "ote-tree";

    /// <summary>Makes or renews it, and its namespace.</summary>
    /// <param name="api">The root's control API.</param>
    /// <param name="caPin">Pins the tree's CA.</param>
    /// <param name="parentAddress">Where clusters join, HOST:PORT.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="ClusterControllerException">The control API cannot be reached.</exception>
    public static async Task PublishAsync(KubeClient api, string caPin, string parentAddress, CancellationToken cancellation)
    {
        var obj = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "ConfigMap",
            ["metadata"] = new JsonObject { ["name"] = Name, ["namespace"] = ClusterController.SystemNamespace },
            ["data"] = new JsonObject { ["caPin"] = caPin, ["parentAddress"] = $"https://{parentAddress}" },
        };
        try
        {
            if (await api.GetAsync(Kinds.Namespaces, null, ClusterController.SystemNamespace, cancellation).ConfigureAwait(false) is null)
            {
                await api.CreateAsync(
                    Kinds.Namespaces, null, new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Namespace", ["metadata"] = new JsonObject { ["name"] = ClusterController.SystemNamespace } }, cancellation)
                    .ConfigureAwait(false);
            }

            if (await api.GetAsync(Kinds.ConfigMaps, ClusterController.SystemNamespace, Name, cancellation).ConfigureAwait(false) is { } known)
            {
                known["data"] = obj["data"]!.DeepClone();
                await api.ReplaceAsync(Kinds.ConfigMaps, known, cancellation).ConfigureAwait(false);
            }
            else
            {
                await api.CreateAsync(Kinds.ConfigMaps, ClusterController.SystemNamespace, obj, cancellation).ConfigureAwait(false);
            }
        }
        catch (HttpRequestException away)
        {
            throw new ClusterControllerException($"the control API cannot be reached: {away.Message}. Check --kubeconfig and that its server runs.", away);
        }
    }
}
