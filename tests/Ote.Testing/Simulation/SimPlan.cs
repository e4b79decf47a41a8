namespace Ote.Testing.Simulation;

/// <summary>What a simulated world is like. All else follows from the seed.</summary>
/// <param name="Seed">Of everything random.</param>
/// <param name="Clusters">Clusters beside the root, 1 to 200,000.</param>
/// <param name="Steps">Things that happen while faults go on.</param>
public sealed record SimPlan(int Seed, int Clusters, long Steps)
{
    /// <summary>Children of each controller that takes some; the tree is as deep as that makes it.</summary>
    public int Fan { get; init; } = Clusters < 5000 ? 6 : 50;

    /// <summary>Mean virtual time from one fault to the next; null: nothing goes wrong.</summary>
    public TimeSpan? FaultEvery { get; init; } = TimeSpan.FromSeconds(Math.Clamp(160.0 / Clusters, 0.2, 4));

    /// <summary>Mean virtual time from one command to the next; null: there are none.</summary>
    public TimeSpan? CommandEvery { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Mean virtual time from one message between clusters to the next; null: there are none.</summary>
    public TimeSpan? MessageEvery { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Mean virtual time from one change of an object in some cluster to the next; null: nothing is reported.</summary>
    public TimeSpan? ReportEvery { get; init; }

    /// <summary>Mean virtual time from one wish of the operator to the next: tags, drains, pins, forbidden parents.</summary>
    public TimeSpan WishEvery { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Whether the operator gives links budgets too.</summary>
    public bool LimitsLinks { get; init; } = true;

    /// <summary>Whether the operator allows clusters lateral links too.</summary>
    public bool AllowsLateral { get; init; } = true;

    /// <summary>Longest flush of a disk.</summary>
    public TimeSpan SlowestFlush { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// Whether all is well only when each cluster is below the parent it was set up with again. One that was lost often waits up to half an hour for that.
    /// </summary>
    public bool MustBeHome { get; init; }

    /// <summary>How long all may take to be well again once faults have stopped, virtual.</summary>
    public TimeSpan Recovery => MustBeHome ? TimeSpan.FromMinutes(90) : TimeSpan.FromMinutes(20);

    /// <summary>Told now and then how far it is: phase, virtual time, steps. Null: nobody is.</summary>
    public Action<string, TimeSpan, long>? Progress { get; init; }

    /// <summary>Where the log goes; null: nowhere.</summary>
    public TextWriter? Log { get; init; }
}
