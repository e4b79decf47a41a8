using Ote.Cluster.Failover;

namespace Ote.Cluster.Tunnel;

/// <summary>Opens channels to parents.</summary>
public interface IDialer
{
    /// <summary>Connects and authenticates both ends. The answer's channel is the caller's.</summary>
    /// <exception cref="IOException">Not reached or not trusted; the message says which and what to do.</exception>
    Task<Dialed> DialAsync(Uri parent, CancellationToken ct);

    /// <summary>Asks a possible parent how it stands, without becoming its child.</summary>
    /// <exception cref="IOException">Not reached or not trusted; the message says which and what to do.</exception>
    Task<Probe> ProbeAsync(Uri parent, CancellationToken ct);
}

/// <summary>An open channel and who is behind it.</summary>
/// <param name="Channel">Ready for Hello.</param>
/// <param name="Parent">From the parent's certificate.</param>
public readonly record struct Dialed(IPacketChannel Channel, PeerIdentity Parent);
