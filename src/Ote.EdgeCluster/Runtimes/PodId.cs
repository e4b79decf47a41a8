using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Runtimes;

/// <summary>Which pod: two pods of one name that follow each other differ by uid.</summary>
/// <param name="Namespace">Its namespace.</param>
/// <param name="Name">Its name.</param>
/// <param name="Uid">Its uid.</param>
public readonly record struct PodId(string Namespace, string Name, string Uid)
{
    /// <summary><c>namespace/name</c>, as caches and queues have it.</summary>
    public string Key => $"{Namespace}/{Name}";

    /// <summary>The id of a pod object.</summary>
    public static PodId Of(JsonObject pod) => new(pod.Namespace(), pod.Name(), pod.Uid());
}
