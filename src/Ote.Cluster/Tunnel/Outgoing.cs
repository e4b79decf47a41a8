namespace Ote.Cluster.Tunnel;

/// <summary>One message that was accepted for sending, encoded without its sequence.</summary>
/// <param name="body">The encoded message; may be shared by many links.</param>
/// <param name="key">Later messages of the same key take its place while it is queued; null when nothing does.</param>
/// <param name="ticket">Handed back when the peer acknowledged; opaque here.</param>
internal sealed class Outgoing(byte[] body, string? key = null, object? ticket = null)
{
    public byte[] Body { get; } = body;

    public string? Key { get; } = key;

    public object? Ticket { get; } = ticket;
}
