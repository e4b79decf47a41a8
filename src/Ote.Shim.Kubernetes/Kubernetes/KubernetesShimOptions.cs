namespace Ote.Shim.Kubernetes.Kubernetes;

/// <summary>What a Kubernetes shim lets through and how much of it. Sizes in bytes.</summary>
public sealed record KubernetesShimOptions
{
    /// <summary>What <see cref="Contract.ShimDescription.Kind"/> says.</summary>
    public string Kind { get; init; } = "kubernetes";

    /// <summary>A request passes when any rule allows it. Streams (exec, attach, portforward, proxy, watch) never pass.</summary>
    public IReadOnlyList<AllowRule> Allow { get; init; } = AllowRule.Default;

    /// <summary>As whom requests reach the cluster. Default: as the user who asked.</summary>
    public Impersonation Impersonate { get; init; } = Impersonation.Requester;

    /// <summary>Timeout of a request that names none, from arrival to answer. Default 30 s.</summary>
    public TimeSpan DefaultTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>No request may take longer, whatever it names. Default 10 min.</summary>
    public TimeSpan MaxTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Cap on the answer of a request that names none. Default 256 KiB.</summary>
    public int DefaultResponseBytes { get; init; } = 256 * 1024;

    /// <summary>No answer may be larger, whatever the request names. Default 4 MiB; at most <see cref="ShimContract.MaxBodyBytes"/>.</summary>
    public int MaxResponseBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Largest request body. Default 3 MiB, what an API server takes.</summary>
    public int MaxBodyBytes { get; init; } = 3 * 1024 * 1024;

    /// <summary>Requests running at once. Default 16.</summary>
    public int MaxParallel { get; init; } = 16;

    /// <summary>Requests waiting or running at once; more are refused as busy. Default 1024.</summary>
    public int MaxQueued { get; init; } = 1024;

    /// <summary>How often a ready cluster is asked whether it still is. Default 10 s.</summary>
    public TimeSpan ProbeInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long one such question may take. Default 5 s.</summary>
    public TimeSpan ProbeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Waits between questions to a cluster that is not ready. Default 500 ms growing to 10 s.</summary>
    public Flow.BackoffOptions ProbeBackoff { get; init; } = new(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(10));

    /// <summary>Every way in which these values cannot work; empty when they can.</summary>
    public IEnumerable<string> Faults()
    {
        if (DefaultTimeout <= TimeSpan.Zero || MaxTimeout < DefaultTimeout)
            yield return $"timeouts must be positive and the default ({DefaultTimeout}) not above the maximum ({MaxTimeout})";
        if (DefaultResponseBytes < 1 || MaxResponseBytes < DefaultResponseBytes || MaxResponseBytes > ShimContract.MaxBodyBytes)
            yield return $"response caps must satisfy 1 <= default ({DefaultResponseBytes}) <= maximum ({MaxResponseBytes}) <= {ShimContract.MaxBodyBytes}";
        if (MaxBodyBytes is < 1 or > ShimContract.MaxBodyBytes)
            yield return $"the largest body ({MaxBodyBytes}) must be between 1 and {ShimContract.MaxBodyBytes}";
        if (MaxParallel < 1 || MaxQueued < MaxParallel)
            yield return $"parallel requests ({MaxParallel}) must be at least 1 and not above those queued ({MaxQueued})";
        if (ProbeInterval <= TimeSpan.Zero || ProbeTimeout <= TimeSpan.Zero)
            yield return "the probe's interval and timeout must be positive";
    }
}
