using System.Collections.Concurrent;
using System.Net;
using Ote.Cluster.Failover;
using Ote.Cluster.Tunnel;

namespace Ote.Testing.Links;

/// <summary>
/// Addresses and links of any number of controllers in one process, without sockets and without TLS: who dials is believed to be who it
/// says it is. Thread-safe.
/// </summary>
/// <param name="time">For delays of the links.</param>
/// <param name="random">For faults of the links; called from several threads.</param>
public sealed class MemoryNetwork(TimeProvider time, Func<double> random) : IListener
{
    private readonly ConcurrentDictionary<string, Door> doors = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public Task<IListening> ListenAsync(Door door, CancellationToken ct) =>
        doors.TryAdd(door.EndPoint.ToString(), door)
            ? Task.FromResult<IListening>(new Listening(this, door.EndPoint))
            : throw new IOException($"{door.EndPoint} is taken");

    /// <summary>Dials as one cluster.</summary>
    public IDialer DialerOf(PeerIdentity self) => new From(this, self);

    private Door Find(Uri address) => doors.TryGetValue(address.Authority, out Door? door) ? door : throw new IOException($"nobody listens at {address.Authority}");

    private sealed class From(MemoryNetwork network, PeerIdentity self) : IDialer
    {
        public Task<Dialed> DialAsync(Uri parent, Action? reached, CancellationToken ct)
        {
            Door door = network.Find(parent);
            MemoryLink link = new(network.Time, network.Random);
            _ = Task.Run(() => door.Tunnel.ServeAsync(link.Parent, self, null), CancellationToken.None);
            return Task.FromResult(new Dialed(link.Child, door.Identity.Current.Peer));
        }

        public Task<Probe> ProbeAsync(Uri parent, CancellationToken ct)
        {
            Door door = network.Find(parent);
            return Task.FromResult(new Probe(door.Identity.Current.Peer, door.Tunnel.Probe(self), TimeSpan.Zero));
        }
    }

    private sealed class Listening(MemoryNetwork network, IPEndPoint endPoint) : IListening
    {
        public IPEndPoint EndPoint => endPoint;

        public ValueTask DisposeAsync()
        {
            network.doors.TryRemove(endPoint.ToString(), out _);
            return ValueTask.CompletedTask;
        }
    }

    private TimeProvider Time => time;

    private Func<double> Random => random;
}
