using Ote.Cluster.Failover;

namespace Ote.Cluster.Tunnel;

/// <summary>Opens channels to parents.</summary>
public interface IDialer
{
    /// <summary>Connects and authenticates both ends. The answer's channel is the caller's.</summary>
    /// <param name="parent">Whom.</param>
    /// <param name="reached">
    /// Called, from any thread, when the parent's machine has answered: the time for what is left, which may take long because many come at once, begins then. Not called where that cannot
    /// be told.
    /// </param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="IOException">Not reached or not trusted; the message says which and what to do.</exception>
    Task<Dialed> DialAsync(Uri parent, Action? reached, CancellationToken ct);

    /// <summary>Asks a possible parent how it stands, without becoming its child.</summary>
    /// <exception cref="IOException">Not reached or not trusted; the message says which and what to do.</exception>
    Task<Probe> ProbeAsync(Uri parent, CancellationToken ct);
}

/// <summary>Opens byte streams to a parent, beside the link.</summary>
public interface IStreamDialer
{
    /// <summary>Opens the stream that the parent asked for.</summary>
    /// <param name="parent">The parent.</param>
    /// <param name="id">Of the stream, as the parent named it.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="IOException">Not reached, not trusted, or not asked for.</exception>
    Task<ByteStream> DialStreamAsync(Uri parent, string id, CancellationToken ct);
}

/// <summary>Short forms.</summary>
public static class DialerExtensions
{
    /// <summary>Dials without being told how far it is.</summary>
    public static Task<Dialed> DialAsync(this IDialer dialer, Uri parent, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(dialer);
        return dialer.DialAsync(parent, null, ct);
    }
}

/// <summary>An open channel and who is behind it.</summary>
/// <param name="Channel">Ready for Hello.</param>
/// <param name="Parent">From the parent's certificate.</param>
public readonly record struct Dialed(IPacketChannel Channel, PeerIdentity Parent);
