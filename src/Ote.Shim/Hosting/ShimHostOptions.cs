namespace Ote.Shim.Hosting;

/// <summary>How a shim is served.</summary>
public sealed record ShimHostOptions
{
    /// <summary>Where to listen. An https address may have port 0: the kernel chooses.</summary>
    public required ShimAddress Listen { get; init; }

    /// <summary>Mutual TLS material; required for an https address, unused for a unix socket.</summary>
    public ShimTls? Tls { get; init; }

    /// <summary>Connections held at once, at least 1. Default 16: a shim has one controller, and tools look in.</summary>
    public int MaxConnections { get; init; } = 16;

    /// <summary>How long running requests may go on after a stop was asked for. Default 10 s.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(10);
}
