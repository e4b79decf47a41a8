namespace Ote.EdgeCluster.Runtimes;

/// <summary>
/// How a simulated container behaves. Absent values fall through: annotations of the pod win over
/// <see cref="SimulatedRuntimeOptions.Script"/>, which wins over the runtime's defaults.
/// </summary>
public sealed record ContainerScript
{
    /// <summary>From creation (image pull included) to running.</summary>
    public TimeSpan? StartDelay { get; init; }

    /// <summary>From running to ready. Zero when absent.</summary>
    public TimeSpan? ReadyAfter { get; init; }

    /// <summary>Runs but never becomes ready.</summary>
    public bool? NeverReady { get; init; }

    /// <summary>The image cannot be pulled; this is what the registry would say.</summary>
    public string? ImagePullError { get; init; }

    /// <summary>From running to the process ending; it runs for ever when absent. Whether it starts again is the pod's restartPolicy.</summary>
    public TimeSpan? ExitAfter { get; init; }

    /// <summary>Exit code at that end; zero when absent.</summary>
    public int? ExitCode { get; init; }

    /// <summary>From being asked to end to the end, when the pod is deleted. Zero when absent; the pod's grace bounds it.</summary>
    public TimeSpan? StopAfter { get; init; }

    /// <summary>Takes what this one leaves open from another.</summary>
    internal ContainerScript Over(ContainerScript? other) => other is null ? this : new ContainerScript
    {
        StartDelay = StartDelay ?? other.StartDelay,
        ReadyAfter = ReadyAfter ?? other.ReadyAfter,
        NeverReady = NeverReady ?? other.NeverReady,
        ImagePullError = ImagePullError ?? other.ImagePullError,
        ExitAfter = ExitAfter ?? other.ExitAfter,
        ExitCode = ExitCode ?? other.ExitCode,
        StopAfter = StopAfter ?? other.StopAfter,
    };
}
