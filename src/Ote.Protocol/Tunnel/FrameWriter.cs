using Google.Protobuf;

namespace Ote.Protocol.Tunnel;

/// <summary>
/// Writes frames into a packet's buffer. A message's encoded body can be shared by many links: what differs per link is its
/// sequence and how long it was queued, which are written after the body, where protobuf lets the last value of a field win.
/// </summary>
public ref struct FrameWriter
{
    private const byte SequenceTag = 2 << 3;
    private const byte QueuedTag = 6 << 3;
    private readonly Span<byte> buffer;

    /// <summary>Writes from the start of <paramref name="buffer"/>.</summary>
    public FrameWriter(Span<byte> buffer) => this.buffer = buffer;

    /// <summary>Bytes written so far.</summary>
    public int Written { get; private set; }

    /// <summary>Bytes still free.</summary>
    public readonly int Free => buffer.Length - Written;

    /// <summary>Bytes a frame around a body of <paramref name="bodyBytes"/> takes.</summary>
    public static int FrameSize(int bodyBytes) => 1 + VarintSize((ulong)bodyBytes) + bodyBytes;

    /// <summary>Bytes a message's frame takes.</summary>
    public static int MessageSize(int bodyBytes, ulong sequence, ulong queued = 0) => FrameSize(MessageBytes(bodyBytes, sequence, queued));

    /// <summary>Bytes of a base-128 number.</summary>
    public static int VarintSize(ulong value) => (63 - System.Numerics.BitOperations.LeadingZeroCount(value | 1)) / 7 + 1;

    /// <summary>Writes a frame of one kind. The caller has made sure that it fits.</summary>
    public void Write(Frame.KindOneofCase kind, IMessage body)
    {
        ArgumentNullException.ThrowIfNull(body);
        int size = body.CalculateSize();
        Header(kind, size);
        body.WriteTo(buffer.Slice(Written, size));
        Written += size;
    }

    /// <summary>Writes a message's frame from its encoded body, this link's sequence and how long it was queued, in milliseconds. The caller has made sure that it fits.</summary>
    public void WriteMessage(ReadOnlySpan<byte> body, ulong sequence, ulong queued = 0)
    {
        Header(Frame.KindOneofCase.Message, MessageBytes(body.Length, sequence, queued));
        body.CopyTo(buffer[Written..]);
        Written += body.Length;
        buffer[Written++] = SequenceTag;
        Varint(sequence);
        if (queued == 0) return;
        buffer[Written++] = QueuedTag;
        Varint(queued);
    }

    /// <summary>Encodes a single frame as a packet of its own.</summary>
    public static byte[] Packet(Frame.KindOneofCase kind, IMessage body)
    {
        ArgumentNullException.ThrowIfNull(body);
        byte[] packet = new byte[FrameSize(body.CalculateSize())];
        new FrameWriter(packet).Write(kind, body);
        return packet;
    }

    private static int MessageBytes(int bodyBytes, ulong sequence, ulong queued) =>
        bodyBytes + 1 + VarintSize(sequence) + (queued == 0 ? 0 : 1 + VarintSize(queued));

    private void Header(Frame.KindOneofCase kind, int size)
    {
        buffer[Written++] = (byte)(((int)kind << 3) | 2);
        Varint((ulong)size);
    }

    private void Varint(ulong value)
    {
        while (value >= 0x80)
        {
            buffer[Written++] = (byte)(value | 0x80);
            value >>= 7;
        }

        buffer[Written++] = (byte)value;
    }
}
