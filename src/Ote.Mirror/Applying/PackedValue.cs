using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;

namespace Ote.Mirror.Applying;

/// <summary>
/// An object as it lies in the mirror's file: four bytes of its length, little-endian, and its JSON by Brotli (RFC 7932). Pods become less than half; as they are, one would fill a page of the file
/// alone. A quality beyond 2 costs more time than it saves room.
/// </summary>
internal static class PackedValue
{
    private const int Head = 4;
    private const int Quality = 2;
    private const int Window = 16;
    private const int MostBytes = 64 * 1024 * 1024;

    /// <summary>Packs.</summary>
    public static byte[] Pack(ReadOnlySpan<byte> json)
    {
        var most = BrotliEncoder.GetMaxCompressedLength(json.Length);
        var buffer = ArrayPool<byte>.Shared.Rent(Head + most);
        try
        {
            BinaryPrimitives.WriteInt32LittleEndian(buffer, json.Length);
            if (!BrotliEncoder.TryCompress(json, buffer.AsSpan(Head), out var length, Quality, Window))
            {
                throw new InvalidOperationException("the buffer was as large as Brotli says, and was too small");
            }

            return buffer.AsSpan(0, Head + length).ToArray();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Unpacks.</summary>
    /// <exception cref="InvalidDataException">It was not packed by this.</exception>
    public static byte[] Unpack(ReadOnlySpan<byte> packed)
    {
        if (packed.Length > Head && BinaryPrimitives.ReadInt32LittleEndian(packed) is >= 0 and <= MostBytes and var length)
        {
            var json = new byte[length];
            if (BrotliDecoder.TryDecompress(packed[Head..], json, out var written) && written == length)
            {
                return json;
            }
        }

        throw new InvalidDataException("an object of the mirror is not as it was written; remove the mirror's folder: clusters tell all of it again");
    }
}
