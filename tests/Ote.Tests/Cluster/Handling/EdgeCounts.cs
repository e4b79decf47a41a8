using System.Collections.Concurrent;
using Ote.Cluster.Failover;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Handling;

/// <summary>Counts what crosses each edge of a tree in either direction; an edge goes by the name of its child. Thread-safe.</summary>
internal sealed class EdgeCounts
{
    private readonly ConcurrentDictionary<(string Child, Message.PayloadOneofCase Kind), int> _crossed = new();

    public int Of(string child, Message.PayloadOneofCase kind) => _crossed.GetValueOrDefault((child, kind));

    /// <summary>A dialer whose links are counted as one child's edge.</summary>
    public IDialer Watch(string child, IDialer dialer) => new Watched(this, child, dialer);

    private void Count(string child, ReadOnlySpan<byte> packet)
    {
        FrameReader reader = new(packet);
        while (reader.TryRead(out var kind, out var body))
        {
            if (kind == Frame.KindOneofCase.Message)
            {
                _crossed.AddOrUpdate((child, Message.Parser.ParseFrom(body).PayloadCase), 1, static (_, count) => count + 1);
            }
        }
    }

    private sealed class Watched(EdgeCounts counts, string child, IDialer dialer) : IDialer
    {
        public async Task<Dialed> DialAsync(Uri parent, Action? reached, CancellationToken ct)
        {
            var dialed = await dialer.DialAsync(parent, reached, ct);
            return dialed with { Channel = new Tap(counts, child, dialed.Channel) };
        }

        public Task<Probe> ProbeAsync(Uri parent, CancellationToken ct) => dialer.ProbeAsync(parent, ct);
    }

    private sealed class Tap(EdgeCounts counts, string child, IPacketChannel channel) : IPacketChannel
    {
        public ValueTask SendAsync(ReadOnlyMemory<byte> packet, CancellationToken ct)
        {
            counts.Count(child, packet.Span);
            return channel.SendAsync(packet, ct);
        }

        public async ValueTask<Packet> ReceiveAsync(int maxBytes, CancellationToken ct)
        {
            var packet = await channel.ReceiveAsync(maxBytes, ct);
            counts.Count(child, packet.Bytes.Span);
            return packet;
        }

        public ValueTask CloseAsync(string reason, CancellationToken ct) => channel.CloseAsync(reason, ct);

        public void Abort() => channel.Abort();

        public ValueTask DisposeAsync() => channel.DisposeAsync();
    }
}
