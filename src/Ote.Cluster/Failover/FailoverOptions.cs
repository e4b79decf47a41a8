using Ote.Flow;

namespace Ote.Cluster.Failover;

/// <summary>How a cluster looks for a parent and returns to the one it was set up with.</summary>
public sealed record FailoverOptions
{
    /// <summary>Waits between attempts at one parent. Default 100 ms growing to 15 s, half of it random.</summary>
    public BackoffOptions Backoff { get; init; } = BackoffOptions.Default;

    /// <summary>A link that lasted this long counts as a success: waits start over. Default 10 s.</summary>
    public TimeSpan Calm { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long to leave a parent alone that refused for good, jittered by half. Default 5 min.</summary>
    public TimeSpan RefusedRetry { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Orphans spread their first attempt at another parent over this time. Default 400 ms.</summary>
    public TimeSpan Spread { get; init; } = TimeSpan.FromMilliseconds(400);

    /// <summary>While away from home: how often home is asked how it stands. Default 5 s, jittered by a fifth.</summary>
    public TimeSpan ProbeEvery { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long home must have stood well before a cluster returns. Default 30 s.</summary>
    public TimeSpan StableFor { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A home that is lost again soon after each return must stand well for longer, up to this. Default 30 min.</summary>
    public TimeSpan MaxStableFor { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>
    /// A cluster that has found no parent that an operator allows it for so long asks one that it is not allowed, for the operator's last word cannot
    /// have reached it; doubled each time that word is still the same, up to <see cref="MaxStrandedFor"/>. Default 5 min.
    /// </summary>
    public TimeSpan StrandedFor { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>See <see cref="StrandedFor"/>. Default 1 h.</summary>
    public TimeSpan MaxStrandedFor { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long such a cluster stays to hear that word. Default 30 s.</summary>
    public TimeSpan AskFor { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long nothing must have been heard of the root through a parent, after its last word is old, before a cluster asks others whether they hear of
    /// it; and one <see cref="ProbeEvery"/> more for each cluster above. A parent that was left for that is left alone as long. Default 15 s.
    /// </summary>
    public TimeSpan UnrootedFor { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Longest wait between two such questions while nobody hears of the root. Default 1 min.</summary>
    public TimeSpan MaxUnrootedWait { get; init; } = TimeSpan.FromMinutes(1);
}
