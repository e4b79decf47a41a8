using Ote.Flow;

namespace Ote.Shim.Remote;

/// <summary>How a shim in another process is reached.</summary>
public sealed record RemoteShimOptions
{
    /// <summary>Where it listens.</summary>
    public required ShimAddress Address { get; init; }

    /// <summary>Mutual TLS material; required for an https address, unused for a unix socket.</summary>
    public ShimTls? Tls { get; init; }

    /// <summary>How long connecting may take. Default 5 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long Describe may take. Default 5 s.</summary>
    public TimeSpan DescribeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Timeout of a request that names none. Default 30 s.</summary>
    public TimeSpan DefaultTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How much longer than a request's own timeout the call may last, so that the shim's own word on it arrives. Default 2 s.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Waits between attempts to watch a shim that is down. Default 100 ms growing to 5 s: an operator who restarts a shim waits seconds.</summary>
    public BackoffOptions Reconnect { get; init; } = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5));
}
