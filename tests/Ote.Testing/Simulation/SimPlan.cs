namespace Ote.Testing.Simulation;

/// <summary>What a simulated world is like. All else follows from the seed.</summary>
/// <param name="Seed">Of everything random.</param>
/// <param name="Clusters">Clusters beside the root, 1 to 200,000.</param>
/// <param name="Steps">Things that happen while faults go on.</param>
public sealed record SimPlan(int Seed, int Clusters, long Steps)
{
    /// <summary>Children of each controller that takes some; the tree is as deep as that makes it.</summary>
    public int Fan { get; init; } = 6;

    /// <summary>Mean virtual time from one fault to the next; null: nothing goes wrong.</summary>
    public TimeSpan? FaultEvery { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>Mean virtual time from one command to the next; null: there are none.</summary>
    public TimeSpan? CommandEvery { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Longest flush of a disk.</summary>
    public TimeSpan SlowestFlush { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>How long all may take to be well again once faults have stopped, virtual.</summary>
    public TimeSpan Recovery { get; init; } = TimeSpan.FromMinutes(20);

    /// <summary>Where the log goes; null: nowhere.</summary>
    public TextWriter? Log { get; init; }
}
