using Google.Protobuf;

namespace Ote.Protocol.Tunnel;

/// <summary>
/// Walks the frames of one packet without allocating. Every length is checked against what is there before anything is taken;
/// fields this build does not know are skipped.
/// </summary>
public ref struct FrameReader
{
    private ReadOnlySpan<byte> rest;

    /// <summary>Starts at the first frame.</summary>
    /// <exception cref="ProtocolViolation">The packet is empty.</exception>
    public FrameReader(ReadOnlySpan<byte> packet)
    {
        if (packet.IsEmpty) throw new ProtocolViolation(ViolationReason.EmptyPacket, "a packet carries at least one frame");
        rest = packet;
    }

    /// <summary>The next known frame's kind and encoded body; false at the end of the packet.</summary>
    /// <exception cref="ProtocolViolation">The bytes are not frames.</exception>
    public bool TryRead(out Frame.KindOneofCase kind, out ReadOnlySpan<byte> body)
    {
        while (!rest.IsEmpty)
        {
            ulong tag = ReadVarint();
            ulong field = tag >> 3;
            if (field is 0 or > 0x1FFF_FFFF) throw Malformed($"field number {field}");
            bool known = field is >= (ulong)Frame.KindOneofCase.Hello and <= (ulong)Frame.KindOneofCase.Lateral;
            uint wire = (uint)(tag & 7);
            if (known && wire != 2) throw Malformed($"frame {field} has wire type {wire}");
            switch (wire)
            {
                case 0:
                    ReadVarint();
                    break;
                case 1:
                    Take(8);
                    break;
                case 2:
                    body = Take(ReadVarint());
                    if (!known) break;
                    kind = (Frame.KindOneofCase)field;
                    return true;
                case 5:
                    Take(4);
                    break;
                default:
                    throw Malformed($"wire type {wire}");
            }
        }

        kind = Frame.KindOneofCase.None;
        body = default;
        return false;
    }

    /// <summary>Parses a frame's body.</summary>
    /// <exception cref="ProtocolViolation">The body is not such a message.</exception>
    public static T Parse<T>(MessageParser<T> parser, ReadOnlySpan<byte> body)
        where T : IMessage<T>
    {
        ArgumentNullException.ThrowIfNull(parser);
        try
        {
            return parser.ParseFrom(body);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ProtocolViolation(ViolationReason.Malformed, $"{typeof(T).Name} of {body.Length} bytes does not parse", e);
        }
    }

    private static ProtocolViolation Malformed(string what) => new(ViolationReason.Malformed, what);

    private ulong ReadVarint()
    {
        ulong value = 0;
        for (int i = 0; i < 10 && i < rest.Length; i++)
        {
            byte b = rest[i];
            if (i == 9 && b > 1) break;
            value |= (ulong)(b & 0x7F) << (7 * i);
            if (b < 0x80)
            {
                rest = rest[(i + 1)..];
                return value;
            }
        }

        throw Malformed("a number is cut short or too long");
    }

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)rest.Length) throw Malformed($"a field of {length} bytes with {rest.Length} left");
        ReadOnlySpan<byte> taken = rest[..(int)length];
        rest = rest[(int)length..];
        return taken;
    }
}
