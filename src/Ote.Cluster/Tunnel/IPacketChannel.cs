using System.Buffers;

namespace Ote.Cluster.Tunnel;

/// <summary>
/// Carries whole packets between two ends, in order. One sender and one receiver at a time. A WebSocket in production; in memory
/// in tests and simulations.
/// </summary>
public interface IPacketChannel : IAsyncDisposable
{
    /// <summary>Sends one packet. The memory is free again when this completes.</summary>
    /// <exception cref="IOException">The channel is gone.</exception>
    ValueTask SendAsync(ReadOnlyMemory<byte> packet, CancellationToken ct);

    /// <summary>The next packet; closed when there will be none. Holds no buffer while nothing arrives.</summary>
    /// <param name="maxBytes">A larger packet is a violation, found before more is allocated.</param>
    /// <param name="ct">Gives up waiting; the channel is of no use afterwards.</param>
    /// <exception cref="Ote.Protocol.Tunnel.ProtocolViolation">Not a packet.</exception>
    ValueTask<Packet> ReceiveAsync(int maxBytes, CancellationToken ct);

    /// <summary>Says that nothing more will be sent; the other end then sees the channel closed. Best effort.</summary>
    ValueTask CloseAsync(string reason, CancellationToken ct);

    /// <summary>Ends the channel at once, failing what waits. Any number of times, from any thread.</summary>
    void Abort();
}

/// <summary>One received packet, or the end of the channel. Return it when read.</summary>
public readonly struct Packet
{
    private readonly byte[]? rented;

    private Packet(byte[]? rented, ReadOnlyMemory<byte> bytes, bool isClosed, string? reason)
    {
        this.rented = rented;
        Bytes = bytes;
        IsClosed = isClosed;
        CloseReason = reason;
    }

    /// <summary>The packet's bytes, until returned.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>True when the channel has ended and this is no packet.</summary>
    public bool IsClosed { get; }

    /// <summary>Why the channel ended.</summary>
    public string? CloseReason { get; }

    /// <summary>A packet in memory of its own.</summary>
    public static Packet Of(ReadOnlyMemory<byte> bytes) => new(null, bytes, false, null);

    /// <summary>A packet in an array from <see cref="ArrayPool{T}.Shared"/>.</summary>
    public static Packet Rented(byte[] array, int length) => new(array, array.AsMemory(0, length), false, null);

    /// <summary>The end of the channel.</summary>
    public static Packet Closed(string reason) => new(null, default, true, reason);

    /// <summary>Gives the memory back; once.</summary>
    public void Return()
    {
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
    }
}
