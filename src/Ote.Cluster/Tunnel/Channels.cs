using Google.Protobuf;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>What both ends do with a channel before and after it carries a link.</summary>
internal static class Channels
{
    private static readonly TimeSpan LingerTime = TimeSpan.FromSeconds(1);

    /// <summary>The single frame of the next packet, within a time.</summary>
    /// <exception cref="ProtocolViolation">Something else came, or nothing in time.</exception>
    /// <exception cref="IOException">The channel closed.</exception>
    public static async Task<Frame> ReadSingleAsync(IPacketChannel channel, TimeSpan within, TimeProvider time, CancellationToken ct)
    {
        using CancellationTokenSource late = new(within, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, ct);
        Packet packet;
        try
        {
            packet = await channel.ReceiveAsync(ProtocolLimits.HandshakePacketBytes, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            throw new ProtocolViolation(ViolationReason.HandshakeTimeout, $"nothing came within {within.TotalSeconds:0.#} s");
        }

        if (packet.IsClosed) throw new IOException(packet.CloseReason);
        try
        {
            return Single(packet.Bytes.Span);
        }
        finally
        {
            packet.Return();
        }
    }

    /// <summary>Sends a last frame and says that nothing follows; best effort.</summary>
    public static async Task SayLastAsync(IPacketChannel channel, Frame.KindOneofCase kind, IMessage body, TimeProvider time)
    {
        try
        {
            using CancellationTokenSource late = new(LingerTime, time);
            await channel.SendAsync(FrameWriter.Packet(kind, body), late.Token).ConfigureAwait(false);
            await channel.CloseAsync("", late.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            return; // the other end is gone already, which is what was wanted
        }

        await LingerAsync(channel, time).ConfigureAwait(false);
    }

    /// <summary>Waits a moment for the other end to close, so that the last words are not cut off by a reset.</summary>
    public static async Task LingerAsync(IPacketChannel channel, TimeProvider time)
    {
        try
        {
            using CancellationTokenSource late = new(LingerTime, time);
            for (int i = 0; i < 16; i++)
            {
                Packet packet = await channel.ReceiveAsync(ProtocolLimits.MaxPacketBytes, late.Token).ConfigureAwait(false);
                packet.Return();
                if (packet.IsClosed) return;
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ProtocolViolation)
        {
            // Whatever came, it is over.
        }
    }

    private static Frame Single(ReadOnlySpan<byte> bytes)
    {
        FrameReader reader = new(bytes);
        if (!reader.TryRead(out Frame.KindOneofCase kind, out ReadOnlySpan<byte> body)) throw new ProtocolViolation(ViolationReason.UnexpectedFrame, "no frame known here");
        Frame frame = kind switch
        {
            Frame.KindOneofCase.Hello => new Frame { Hello = FrameReader.Parse(Hello.Parser, body) },
            Frame.KindOneofCase.Lateral => new Frame { Lateral = FrameReader.Parse(Hello.Parser, body) },
            Frame.KindOneofCase.Welcome => new Frame { Welcome = FrameReader.Parse(Welcome.Parser, body) },
            Frame.KindOneofCase.Refuse => new Frame { Refuse = FrameReader.Parse(Refuse.Parser, body) },
            Frame.KindOneofCase.Close => new Frame { Close = FrameReader.Parse(Close.Parser, body) },
            _ => throw new ProtocolViolation(ViolationReason.UnexpectedFrame, $"{kind} during the handshake"),
        };
        if (reader.TryRead(out Frame.KindOneofCase next, out _)) throw new ProtocolViolation(ViolationReason.UnexpectedFrame, $"{next} behind {kind}");
        return frame;
    }
}
