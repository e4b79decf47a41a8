using System.Buffers.Binary;
using Google.Protobuf;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>Message ids of one run of a process: eight bytes of its incarnation, then a counter. Thread-safe.</summary>
/// <param name="incarnation">At least 8 random bytes of this run.</param>
internal sealed class MessageIds(ReadOnlyMemory<byte> incarnation)
{
    private readonly ulong prefix = BinaryPrimitives.ReadUInt64LittleEndian(incarnation.Span);
    private ulong last;

    public ByteString Next()
    {
        Span<byte> id = stackalloc byte[ProtocolLimits.MessageIdBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(id, prefix);
        BinaryPrimitives.WriteUInt64LittleEndian(id[8..], Interlocked.Increment(ref last));
        return ByteString.CopyFrom(id);
    }

    /// <summary>Folds an id to 64 bits, well mixed: what the receiver remembers of it.</summary>
    public static ulong Fold(ReadOnlySpan<byte> id)
    {
        ulong value = (BinaryPrimitives.ReadUInt64LittleEndian(id) * 0x9E37_79B9_7F4A_7C15) ^ BinaryPrimitives.ReadUInt64LittleEndian(id[8..]);
        value = (value ^ (value >> 30)) * 0xBF58_476D_1CE4_E5B9;
        value = (value ^ (value >> 27)) * 0x94D0_49BB_1331_11EB;
        return (value ^ (value >> 31)) | 1; // never 0: 0 marks an empty slot
    }
}
