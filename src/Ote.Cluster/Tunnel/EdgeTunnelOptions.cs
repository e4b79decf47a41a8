using Ote.Flow;

namespace Ote.Cluster.Tunnel;

/// <summary>How a child keeps its link.</summary>
public sealed record EdgeTunnelOptions
{
    /// <summary>Figures of this side; the parent's replace those both must share.</summary>
    public TunnelOptions Tunnel { get; init; } = new();

    /// <summary>Waits between attempts. Default 100 ms growing to 15 s.</summary>
    public BackoffOptions Backoff { get; init; } = BackoffOptions.Default;

    /// <summary>Time for connecting, TLS included. Default 10 s.</summary>
    public TimeSpan DialTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A link that lasted this long counts as a success: waits start over. Default 10 s.</summary>
    public TimeSpan Calm { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long to wait after a refusal for good, jittered by half. Default 5 min.</summary>
    public TimeSpan RefusedRetry { get; init; } = TimeSpan.FromMinutes(5);
}
