using System.Buffers;
using System.IO.Compression;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>Compresses encoded messages and takes them apart again, within bounds. Pure.</summary>
internal static class Packing
{
    // Fast: what is scarce is the link, and there may be many of them.
    private const int Quality = 1;
    private const int WindowBits = 18;
    private const int FirstBufferBytes = 4096;

    /// <summary>The compressed form; null when it would not save a tenth at least.</summary>
    public static byte[]? TryPack(ReadOnlySpan<byte> body)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(body.Length);
        try
        {
            int most = body.Length - (body.Length / 10);
            return BrotliEncoder.TryCompress(body, buffer.AsSpan(0, most), out int written, Quality, WindowBits) ? buffer[..written] : null;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Whether a peer may say that so much is to be taken from a compressed message; before anything is allocated for it.</summary>
    /// <exception cref="ProtocolViolation">It may not.</exception>
    public static void Check(Compression method, uint originalBytes, TunnelOptions agreed)
    {
        if (!agreed.Compress || method != Compression.Brotli)
        {
            throw new ProtocolViolation(ViolationReason.BadCompression, $"method {method}, where {(agreed.Compress ? Compression.Brotli : Compression.None)} was agreed on");
        }

        if (originalBytes == 0 || originalBytes > (uint)agreed.MaxMessageBytes)
        {
            throw new ProtocolViolation(ViolationReason.MessageTooLarge, $"a compressed message of {originalBytes} bytes; 1 to {agreed.MaxMessageBytes} are allowed");
        }
    }

    /// <summary>
    /// The original in an array from <see cref="ArrayPool{T}.Shared"/>, which may be longer. Memory follows what comes out, not what was
    /// announced, so a claim costs nothing.
    /// </summary>
    /// <param name="packed">The compressed form.</param>
    /// <param name="original">Bytes of the original, checked.</param>
    /// <exception cref="ProtocolViolation">It is no compressed form, or not of so many bytes.</exception>
    public static byte[] Unpack(ReadOnlySpan<byte> packed, int original)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(original, Math.Max(FirstBufferBytes, packed.Length * 8L)));
        bool good = false;
        BrotliDecoder decoder = default;
        try
        {
            int filled = 0;
            while (true)
            {
                OperationStatus status = decoder.Decompress(packed, buffer.AsSpan(filled, Math.Min(buffer.Length, original) - filled), out int consumed, out int written);
                packed = packed[consumed..];
                filled += written;
                if (status == OperationStatus.Done && filled == original && packed.IsEmpty)
                {
                    good = true;
                    return buffer;
                }

                if (status != OperationStatus.DestinationTooSmall || filled >= original)
                {
                    throw new ProtocolViolation(ViolationReason.BadCompression, $"{status} after {filled} bytes of a message of {original}, with {packed.Length} compressed bytes left");
                }

                byte[] larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(original, buffer.Length * 4L));
                buffer.AsSpan(0, filled).CopyTo(larger);
                ArrayPool<byte>.Shared.Return(buffer);
                buffer = larger;
            }
        }
        finally
        {
            decoder.Dispose();
            if (!good) ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Takes a whole message apart.</summary>
    /// <exception cref="ProtocolViolation">It is none, or not for this lane.</exception>
    public static Message Read(ReadOnlySpan<byte> body, int original, Lane lane, ulong sequence, ulong queued)
    {
        byte[]? unpacked = original > 0 ? Unpack(body, original) : null;
        try
        {
            Message message = FrameReader.Parse(Message.Parser, unpacked is null ? body : unpacked.AsSpan(0, original));
            if (message.Lane != lane) throw new ProtocolViolation(ViolationReason.BadChunk, $"a message for {message.Lane} came on {lane}");
            message.Sequence = sequence;
            message.QueuedMilliseconds = queued;
            return message;
        }
        finally
        {
            if (unpacked is not null) ArrayPool<byte>.Shared.Return(unpacked);
        }
    }
}
