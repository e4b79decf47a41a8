using System.Buffers;
using System.Net.WebSockets;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>Packets as binary WebSocket messages.</summary>
/// <param name="socket">An open socket, owned from here on.</param>
/// <param name="owner">Disposed with it; null when nothing else is to be.</param>
internal sealed class WebSocketChannel(WebSocket socket, IDisposable? owner = null) : IPacketChannel
{
    private const int FirstBufferBytes = 4096;

    public async ValueTask SendAsync(ReadOnlyMemory<byte> packet, CancellationToken ct)
    {
        try
        {
            await socket.SendAsync(packet, WebSocketMessageType.Binary, WebSocketMessageFlags.EndOfMessage, ct).ConfigureAwait(false);
        }
        catch (Exception e) when (e is WebSocketException or InvalidOperationException or ObjectDisposedException)
        {
            throw new IOException("the WebSocket is gone: " + e.Message, e);
        }
    }

    public async ValueTask<Packet> ReceiveAsync(int maxBytes, CancellationToken ct)
    {
        byte[]? buffer = null;
        try
        {
            // Waiting with an empty buffer costs nothing until bytes are there.
            ValueWebSocketReceiveResult result = await socket.ReceiveAsync(Memory<byte>.Empty, ct).ConfigureAwait(false);
            int length = 0;
            while (true)
            {
                if (result.MessageType == WebSocketMessageType.Close) return Packet.Closed("closed by the peer" + Describe());
                if (result.MessageType != WebSocketMessageType.Binary) throw new ProtocolViolation(ViolationReason.NotBinary, "a text message");
                length += result.Count;
                if (length > maxBytes) throw new ProtocolViolation(ViolationReason.PacketTooLarge, $"a packet above {maxBytes} bytes");
                if (result.EndOfMessage) break;

                // Pooled arrays are larger than asked for; one byte above the limit is enough to see that it is passed.
                buffer = Room(buffer, length, maxBytes);
                int room = Math.Min(buffer.Length, maxBytes + 1) - length;
                result = await socket.ReceiveAsync(buffer.AsMemory(length, room), ct).ConfigureAwait(false);
            }

            if (buffer is null) return Packet.Of(default);
            Packet packet = Packet.Rented(buffer, length);
            buffer = null;
            return packet;
        }
        catch (Exception e) when (e is WebSocketException or InvalidOperationException or ObjectDisposedException or IOException)
        {
            return Packet.Closed("connection lost: " + e.Message);
        }
        finally
        {
            if (buffer is not null) ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public async ValueTask CloseAsync(string reason, CancellationToken ct)
    {
        try
        {
            // A close frame carries at most 123 bytes of text.
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, reason.Length <= 40 ? reason : reason[..40], ct).ConfigureAwait(false);
        }
        catch (Exception e) when (e is WebSocketException or InvalidOperationException or ObjectDisposedException)
        {
            throw new IOException("the WebSocket is gone: " + e.Message, e);
        }
    }

    public void Abort() => socket.Abort();

    public ValueTask DisposeAsync()
    {
        socket.Abort();
        socket.Dispose();
        owner?.Dispose();
        return ValueTask.CompletedTask;
    }

    private static byte[] Room(byte[]? buffer, int length, int maxBytes)
    {
        if (buffer is null) return ArrayPool<byte>.Shared.Rent(Math.Min(FirstBufferBytes, maxBytes + 1));
        if (length < buffer.Length) return buffer;
        byte[] larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(maxBytes + 1L, buffer.Length * 4L));
        buffer.AsSpan(0, length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(buffer);
        return larger;
    }

    private string Describe() => string.IsNullOrEmpty(socket.CloseStatusDescription) ? "" : $" ({socket.CloseStatusDescription})";
}
