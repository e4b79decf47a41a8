using System.Text.Json.Nodes;

namespace Ote.EdgeCluster.Runtimes;

/// <summary>How simulated nodes behave.</summary>
public sealed record SimulatedRuntimeOptions
{
    /// <summary>From a container's creation to running, where no script says otherwise. Default 500 ms; zero is allowed.</summary>
    public TimeSpan StartDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Scripts by pod and container name, for tests and demonstrations; null for none. Called while a pod is created or
    /// updated, possibly from several threads; it must be quick and always say the same for the same pod.
    /// </summary>
    public Func<JsonObject, string, ContainerScript?>? Script { get; init; }

    /// <summary>CPU of a node, as a Kubernetes quantity. Default 4.</summary>
    public string Cpu { get; init; } = "4";

    /// <summary>Memory of a node, as a Kubernetes quantity. Default 8Gi.</summary>
    public string Memory { get; init; } = "8Gi";

    /// <summary>Pods a node takes. Default 110, at most 250 (the addresses of a /24).</summary>
    public int MaxPods { get; init; } = 110;
}
