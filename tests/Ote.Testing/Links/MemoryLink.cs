using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Testing.Links;

/// <summary>Two packet channels back to back, without a socket, that misbehave on command.</summary>
public sealed class MemoryLink
{
    private readonly MemoryDirection up;
    private readonly MemoryDirection down;

    /// <summary>Makes a link that works.</summary>
    /// <param name="time">For delays.</param>
    /// <param name="random">Uniform in [0, 1), for the shares of <see cref="LinkFaults"/>.</param>
    public MemoryLink(TimeProvider time, Func<double> random)
    {
        up = new MemoryDirection(Up, time, random);
        down = new MemoryDirection(Down, time, random);
        Child = new End(this, up, down);
        Parent = new End(this, down, up);
    }

    /// <summary>The dialling end.</summary>
    public IPacketChannel Child { get; }

    /// <summary>The accepting end.</summary>
    public IPacketChannel Parent { get; }

    /// <summary>Faults from child to parent.</summary>
    public LinkFaults Up { get; } = new();

    /// <summary>Faults from parent to child.</summary>
    public LinkFaults Down { get; } = new();

    /// <summary>Ends the link at once; what was under way is lost and both ends see it.</summary>
    public void Cut(string reason = "cut")
    {
        up.Cut(reason);
        down.Cut(reason);
    }

    /// <summary>Nothing arrives any more at either end, and neither is told.</summary>
    public void GoSilent() => Up.Silent = Down.Silent = true;

    private sealed class End(MemoryLink link, MemoryDirection outward, MemoryDirection inward) : IPacketChannel
    {
        public ValueTask SendAsync(ReadOnlyMemory<byte> packet, CancellationToken ct)
        {
            outward.Send(packet.Span);
            return ValueTask.CompletedTask;
        }

        public async ValueTask<Packet> ReceiveAsync(int maxBytes, CancellationToken ct)
        {
            byte[]? packet = await inward.ReceiveAsync(ct).ConfigureAwait(false);
            if (packet is null) return Packet.Closed(inward.Reason);
            if (packet.Length > maxBytes) throw new ProtocolViolation(ViolationReason.PacketTooLarge, $"a packet above {maxBytes} bytes");
            return Packet.Of(packet);
        }

        public ValueTask CloseAsync(string reason, CancellationToken ct)
        {
            outward.Close(reason);
            return ValueTask.CompletedTask;
        }

        public void Abort()
        {
            // The other end of a silent link learns nothing of it.
            inward.Cut("aborted");
            if (!(link.Up.Silent && link.Down.Silent)) outward.Cut("aborted by the other end");
        }

        public ValueTask DisposeAsync()
        {
            Abort();
            return ValueTask.CompletedTask;
        }
    }
}
