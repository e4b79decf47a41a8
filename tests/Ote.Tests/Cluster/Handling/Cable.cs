using System.Collections.Concurrent;
using Ote.Cluster.Failover;
using Ote.Cluster.Tunnel;

namespace Ote.Tests.Cluster.Handling;

/// <summary>The line over which one cluster dials, which can be cut and mended. Thread-safe.</summary>
internal sealed class Cable
{
    private readonly ConcurrentBag<IPacketChannel> _channels = [];
    private volatile bool _isCut;

    /// <summary>A dialer that goes over this line.</summary>
    public IDialer Through(IDialer dialer) => new Line(this, dialer);

    /// <summary>Ends what goes over it and lets nothing more through.</summary>
    public void Cut()
    {
        _isCut = true;
        while (_channels.TryTake(out var channel))
        {
            channel.Abort();
        }
    }

    public void Mend() => _isCut = false;

    private sealed class Line(Cable cable, IDialer dialer) : IDialer
    {
        public async Task<Dialed> DialAsync(Uri parent, Action? reached, CancellationToken ct)
        {
            Check();
            var dialed = await dialer.DialAsync(parent, reached, ct);
            cable._channels.Add(dialed.Channel);
            return dialed;
        }

        public Task<Probe> ProbeAsync(Uri parent, CancellationToken ct)
        {
            Check();
            return dialer.ProbeAsync(parent, ct);
        }

        private void Check()
        {
            if (cable._isCut)
            {
                throw new IOException("the cable is cut");
            }
        }
    }
}
