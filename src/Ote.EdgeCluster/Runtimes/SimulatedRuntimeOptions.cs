using System.Text.Json.Nodes;

namespace Ote.EdgeCluster.Runtimes;

/// <summary>How simulated nodes behave.</summary>
public sealed record SimulatedRuntimeOptions
{
    /// <summary>From a container's creation to running, where no script says otherwise. Default 500 ms; zero is allowed.</summary>
    public TimeSpan StartDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// From running to the end of the containers of a pod with restart policy Never or OnFailure, a Job's or another, where no script says
    /// otherwise: they do their work, with exit code 0. Default one second; other containers run for ever.
    /// </summary>
    public TimeSpan JobRun { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Failures of nodes that happen by themselves, counted from the cluster's start.</summary>
    public IReadOnlyList<NodeOutage> Outages { get; init; } = [];

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

/// <summary>A failure of one simulated node.</summary>
/// <param name="Node">Which one, 0 for the first.</param>
/// <param name="After">From the start to the failure.</param>
/// <param name="For">How long it lasts; null: for good.</param>
/// <param name="Trouble">What its runtime complains of; null: nothing is heard of the node at all.</param>
public sealed record NodeOutage(int Node, TimeSpan After, TimeSpan? For, string? Trouble = null);
