namespace Ote.Cluster.Tunnel;

/// <summary>One message that was accepted for sending, encoded without its sequence.</summary>
/// <param name="body">The encoded message; may be shared by many links.</param>
/// <param name="key">Later messages of the same key take its place while it is queued; null when nothing does.</param>
/// <param name="ticket">Handed back when the peer acknowledged; opaque here.</param>
/// <param name="original">Bytes it had before it was compressed; 0: it is not compressed.</param>
/// <param name="queued">When it was queued, in milliseconds of the sender's monotonic clock.</param>
internal sealed class Outgoing(byte[] body, string? key = null, object? ticket = null, int original = 0, long queued = 0)
{
    public byte[] Body { get; } = body;

    public string? Key { get; } = key;

    public object? Ticket { get; } = ticket;

    /// <summary>When it was queued, in milliseconds of the sender's monotonic clock.</summary>
    public long Queued { get; } = queued;

    /// <summary>Bytes it had before it was compressed; 0: it is not compressed.</summary>
    public int Original { get; } = original;

    /// <summary>What it counts for in its queue: the message's own bytes, so that compressing opens no queue further.</summary>
    public int Size => Original > 0 ? Original : Body.Length;

    /// <summary>The same message as it was.</summary>
    public Outgoing Unpacked()
    {
        byte[] rented = Packing.Unpack(Body, Original);
        byte[] whole = rented[..Original];
        System.Buffers.ArrayPool<byte>.Shared.Return(rented);
        return new Outgoing(whole, Key, Ticket, queued: Queued);
    }
}
