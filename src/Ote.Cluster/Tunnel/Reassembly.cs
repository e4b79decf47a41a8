using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>
/// One large message on its way in. Memory follows what has arrived, not what was announced, so a claim costs nothing. Pure.
/// </summary>
internal sealed class Reassembly
{
    private readonly int total;
    private readonly uint original;
    private byte[] buffer;
    private int filled;
    private uint next;

    private Reassembly(ulong sequence, int total, uint original)
    {
        Sequence = sequence;
        this.total = total;
        this.original = original;
        buffer = new byte[Math.Min(total, 32 * 1024)];
    }

    public ulong Sequence { get; }

    /// <summary>Starts with a message's first part.</summary>
    /// <exception cref="ProtocolViolation">Not a first part, or of a message that is too large, or compressed in a way not agreed on.</exception>
    public static Reassembly Start(Chunk first, TunnelOptions agreed)
    {
        if (first.TotalBytes > (uint)agreed.MaxMessageBytes)
        {
            throw new ProtocolViolation(ViolationReason.MessageTooLarge, $"a message of {first.TotalBytes} bytes; {agreed.MaxMessageBytes} are allowed");
        }

        if (first.Method != Compression.None || first.OriginalBytes != 0) Packing.Check(first.Method, first.OriginalBytes, agreed);

        if (first.Index != 0) throw new ProtocolViolation(ViolationReason.BadChunk, $"part {first.Index} of a message whose first part is missing");
        return new Reassembly(first.Sequence, (int)first.TotalBytes, first.OriginalBytes);
    }

    /// <summary>Adds the next part; the whole encoded message once complete, otherwise empty.</summary>
    /// <exception cref="ProtocolViolation">The part does not continue this message.</exception>
    public ReadOnlyMemory<byte> Add(Chunk chunk)
    {
        int length = chunk.Part.Length;
        if (chunk.Sequence != Sequence || chunk.Index != next || chunk.TotalBytes != (uint)total || chunk.OriginalBytes != original || length == 0 || length > total - filled)
        {
            throw new ProtocolViolation(
                ViolationReason.BadChunk,
                $"part {chunk.Index} of {length} bytes for message {chunk.Sequence} of {chunk.TotalBytes} after {filled} of {total} bytes of message {Sequence}");
        }

        if (filled + length > buffer.Length) Array.Resize(ref buffer, (int)Math.Min(total, Math.Max(filled + length, buffer.Length * 2L)));
        chunk.Part.Span.CopyTo(buffer.AsSpan(filled));
        filled += length;
        next++;
        return filled == total ? buffer.AsMemory(0, filled) : default;
    }
}
