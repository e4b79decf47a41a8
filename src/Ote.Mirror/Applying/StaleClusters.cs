using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Mirror.Applying;

/// <summary>
/// Which clusters tell nothing at present, and since when. What is read of them is marked, so that nobody takes what was for what is: with an annotation (which tables show beside the cluster's name), conditions of nodes, pods and
/// deployments as unknown, no container and no replica as ready, and the status of a pod as <c>ClusterAway</c>. Thread-safe.
/// </summary>
internal sealed class StaleClusters
{
    /// <summary>The annotation: since when the cluster has told nothing, RFC 3339.</summary>
    public const string Annotation = "ote.baidu.com/stale-since";

    private const string Reason = "ClusterAway";
    private ImmutableDictionary<long, DateTimeOffset> _since = ImmutableDictionary<long, DateTimeOffset>.Empty;

    /// <summary>Whether a cluster tells nothing.</summary>
    public bool Has(long cluster) => _since.ContainsKey(cluster);

    /// <summary>Clusters tell nothing since a moment; null: they tell again.</summary>
    public void Set(IEnumerable<long> clusters, DateTimeOffset? since) => ImmutableInterlocked.Update(
        ref _since, static (all, change) => change.since is { } when ? all.SetItems(change.clusters.Select(c => KeyValuePair.Create(c, when))) : all.RemoveRange(change.clusters), (clusters, since));

    /// <summary>An object as it is to be shown.</summary>
    public byte[] Mark(long cluster, byte[] shown)
    {
        if (_since.IsEmpty || !_since.TryGetValue(cluster, out var since) || JsonNode.Parse(shown) is not JsonObject obj)
        {
            return shown;
        }

        var when = since.ToKubeTime();
        obj.Child("metadata").Child("annotations")[Annotation] = when;
        var text = $"the cluster has told nothing since {when}";
        var status = obj["status"] as JsonObject;
        switch (MirroredObject.BuiltIn(obj))
        {
            case "Pod":
                status ??= obj.Child("status");
                (status["reason"], status["message"]) = (Reason, text);
                Doubt(obj, when, text, "Ready", "ContainersReady");
                foreach (var container in status.Items("containerStatuses")?.OfType<JsonObject>() ?? [])
                {
                    container["ready"] = false;
                }

                break;
            case "Node":
                Doubt(obj, when, text);
                break;
            case "Deployment":
                Doubt(obj, when, text, "Available", "Progressing");
                goto case "ReplicaSet";
            case "ReplicaSet":
            case "StatefulSet":
            case "ReplicationController":
                status?.Remove("readyReplicas");
                status?.Remove("availableReplicas");
                break;
            case "DaemonSet" when status is not null:
                status["numberReady"] = 0;
                status.Remove("numberAvailable");
                break;
            case "Job":
                status?.Remove("ready");
                break;
            default:
                break;
        }

        return MirroredObject.Encode(obj, shown.Length + 256);
    }

    /// <summary>Nobody knows whether these conditions hold; all, where none are named.</summary>
    private static void Doubt(JsonObject obj, string since, string text, params ReadOnlySpan<string> types)
    {
        foreach (var condition in obj.Items("status", "conditions")?.OfType<JsonObject>() ?? [])
        {
            if (types.IsEmpty || types.Contains(condition.Text("type")!))
            {
                (condition["status"], condition["reason"], condition["message"], condition["lastTransitionTime"]) = ("Unknown", Reason, text, since);
            }
        }
    }
}
