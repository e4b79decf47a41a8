using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;

namespace Ote.EdgeHub.Offline;

/// <summary>
/// What of the cluster a kubelet may write: its own Node, lease and CSINode, and the pods of its node, as an API server sees to (https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction). While cut off the hub
/// does: what it took for another node's, the API server would refuse on return, long after somebody was told that it is done. Pure.
/// </summary>
/// <param name="node">The node's name.</param>
internal sealed class OwnObjects(string node)
{
    /// <summary>Why a write is refused; null: it is not, or there is no such object here.</summary>
    /// <param name="key">What is written.</param>
    /// <param name="known">The object as it is here, or as it is to be made; null: there is none.</param>
    public string? Refusal(StoreKey key, JsonObject? known) => key.Resource switch
    {
        "/nodes" or "storage.k8s.io/csinodes" => key.Name == node ? null : $"{Plural(key)} \"{key.Name}\" is forbidden: node \"{node}\" may write its own alone, as at an API server",
        "coordination.k8s.io/leases" when key.Namespace == "kube-node-lease" => key.Name == node ? null : $"leases \"{key.Name}\" is forbidden: node \"{node}\" may write its own alone, as at an API server",
        "/pods" when known is not null && known.Text("spec", "nodeName") != node => $"pods \"{key.Name}\" is forbidden: it is not a pod of node \"{node}\", which may write its own alone, as at an API server",
        _ => null,
    };

    private static string Plural(StoreKey key) => key.Resource[(key.Resource.IndexOf('/', StringComparison.Ordinal) + 1)..];
}
