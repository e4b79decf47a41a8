using System.Text.Json.Nodes;

namespace Ote.EdgeCluster.Runtimes;

/// <summary>A node as its runtime describes it. Immutable; quantities are in Kubernetes' notation.</summary>
/// <param name="Address">Internal IP address.</param>
/// <param name="PodRange">Addresses of its pods, as CIDR.</param>
/// <param name="Cpu">Such as <c>4</c>.</param>
/// <param name="Memory">Such as <c>8Gi</c>.</param>
/// <param name="MaxPods">How many pods it takes.</param>
/// <param name="RuntimeVersion"><c>name://version</c>, as <c>kubectl get nodes -o wide</c> shows it.</param>
/// <param name="OsImage">For people.</param>
/// <param name="Labels">What the runtime adds to the node's labels.</param>
/// <param name="Annotations">What the runtime adds to the node's annotations.</param>
/// <param name="ReadyMessage">Message of the Ready condition while all is well.</param>
/// <param name="Trouble">Why no pod can run; null while all is well.</param>
public sealed record RuntimeNode(
    string Address,
    string PodRange,
    string Cpu,
    string Memory,
    int MaxPods,
    string RuntimeVersion,
    string OsImage,
    IReadOnlyDictionary<string, string> Labels,
    IReadOnlyDictionary<string, string> Annotations,
    string ReadyMessage,
    string? Trouble)
{
    /// <summary>Nothing is to be heard of the node: neither its lease nor what its pods do.</summary>
    public bool IsSilent { get; init; }

    /// <summary>The object form of <c>status.capacity</c>.</summary>
    public JsonObject Capacity() => new()
    {
        ["cpu"] = Cpu,
        ["memory"] = Memory,
        ["pods"] = MaxPods.ToString(System.Globalization.CultureInfo.InvariantCulture),
    };
}
