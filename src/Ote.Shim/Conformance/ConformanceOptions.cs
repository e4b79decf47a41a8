namespace Ote.Shim.Conformance;

/// <summary>How a run is done.</summary>
public sealed record ConformanceOptions
{
    /// <summary>Names of the checks to run, see <see cref="ShimConformance.CheckNames"/>; empty runs all.</summary>
    public IReadOnlyCollection<string> Checks { get; init; } = [];

    /// <summary>How long a check may take as a whole. Default 20 s.</summary>
    public TimeSpan CheckLimit { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long something that must happen promptly may take: an answer beside a slow one, the end of a cancelled request. Default 5 s.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Told of each check as it ends, in order, from any thread; null: nobody is told.</summary>
    public IProgress<ConformanceResult>? Progress { get; init; }
}
