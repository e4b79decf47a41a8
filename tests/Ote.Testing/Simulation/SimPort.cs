using System.Net;
using Ote.Cluster.Failover;
using Ote.Cluster.Tunnel;
using Ote.Testing.Links;

namespace Ote.Testing.Simulation;

/// <summary>The network as one simulated process has it: it dies with the process.</summary>
public sealed class SimPort : IListener
{
    private readonly SimNetwork _network;
    private readonly HashSet<SimLink.End> _ends = [];
    private IPEndPoint? _listens;
    private bool _isDead;

    internal SimPort(SimNetwork network, int machine, TimeProvider time) => (_network, Machine, Time) = (network, machine, time);

    internal int Machine { get; }

    internal TimeProvider Time { get; }

    /// <summary>Dials as one cluster.</summary>
    public IDialer DialerOf(PeerIdentity self) => new Dialer(this, self);

    /// <inheritdoc/>
    public Task<IListening> ListenAsync(Door door, CancellationToken ct)
    {
        _network.Listen(this, door);
        _listens = door.EndPoint;
        return Task.FromResult<IListening>(new Listening(this, door.EndPoint));
    }

    /// <summary>The process died. <paramref name="silently"/>: with its machine, so that nobody is told.</summary>
    public void Die(bool silently)
    {
        _isDead = true;
        if (_listens is { } at)
        {
            _network.StopListening(this, at);
        }

        foreach (var end in _ends)
        {
            SimLink.LostEnd(end, silently);
        }

        _ends.Clear();
    }

    /// <summary>From now on something on the way treats the packets of its links badly; null: no more.</summary>
    public void Misbehave(LinkFaults? faults)
    {
        foreach (var end in _ends)
        {
            end.Inward.Faults = end.Outward.Faults = faults;
        }
    }

    internal void Holds(SimLink.End end)
    {
        _ends.RemoveWhere(static known => known.Inward.IsClosed && known.Outward.IsClosed);
        _ends.Add(end);
    }

    private sealed class Dialer(SimPort port, PeerIdentity self) : IDialer
    {
        public async Task<Dialed> DialAsync(Uri parent, Action? reached, CancellationToken ct)
        {
            var door = await port._network.ReachAsync(port, parent, ct, reached).ConfigureAwait(false);
            ObjectDisposedException.ThrowIf(port._isDead, port);
            var link = port._network.Connect(port, door, self);
            return new Dialed(link.ChildEnd, door.Identity.Current.Peer);
        }

        public async Task<Probe> ProbeAsync(Uri parent, CancellationToken ct)
        {
            var began = port.Time.GetTimestamp();
            var door = await port._network.ReachAsync(port, parent, ct).ConfigureAwait(false);
            return new Probe(door.Identity.Current.Peer, door.Tunnel.Probe(self), port.Time.GetElapsedTime(began) / 3);
        }
    }

    private sealed class Listening(SimPort port, IPEndPoint endPoint) : IListening
    {
        public IPEndPoint EndPoint => endPoint;

        public ValueTask DisposeAsync()
        {
            port._network.StopListening(port, endPoint);
            return ValueTask.CompletedTask;
        }
    }
}
