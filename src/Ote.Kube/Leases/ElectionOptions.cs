namespace Ote.Kube.Leases;

/// <summary>How leadership is held; the defaults are client-go's. Each is shorter than the one before it.</summary>
public sealed record ElectionOptions
{
    /// <summary>How long others leave a lease alone that nobody renews. Default 15 s.</summary>
    public TimeSpan LeaseDuration { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a leader goes on without having renewed. Default 10 s.</summary>
    public TimeSpan RenewDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Between two looks at the lease. Default 2 s.</summary>
    public TimeSpan RetryPeriod { get; init; } = TimeSpan.FromSeconds(2);
}
