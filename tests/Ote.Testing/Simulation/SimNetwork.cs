using System.Net;
using Ote.Cluster.Tunnel;

namespace Ote.Testing.Simulation;

/// <summary>
/// What lies between the simulated machines: distances, cuts in one or both directions, slow uplinks. Who dials is who it says it is, as
/// after TLS.
/// </summary>
/// <param name="timeline">Time.</param>
/// <param name="random">Uniform in [0, 1).</param>
public sealed class SimNetwork(Timeline timeline, Func<double> random)
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(8);
    private readonly Dictionary<string, (SimPort Port, Door Door)> _doors = new(StringComparer.Ordinal);
    private readonly HashSet<(int From, int To)> _cuts = [];
    private readonly List<IReadOnlySet<int>> _partitions = [];
    private readonly HashSet<SimDirection> _stalled = [];
    private readonly List<SimDirection> _resumed = [];
    private readonly Dictionary<int, long> _bytesPerSecond = [];

    /// <summary>Farthest way, one way. The distance of two machines is fixed, by their numbers.</summary>
    public TimeSpan Farthest { get; set; } = TimeSpan.FromMilliseconds(60);

    /// <summary>Packets that arrived.</summary>
    public long Packets { get; private set; }

    internal long Now => timeline.Now;

    internal double Random() => random();

    internal void Arrived(int bytes)
    {
        Packets++;
        timeline.Note((ulong)bytes);
    }

    internal void Plan(TimeSpan after, int who, Action what) => timeline.Plan(after, who, what);

    /// <summary>The network card of one process.</summary>
    public SimPort Open(int machine, TimeProvider time) => new(this, machine, time);

    /// <summary>Nothing gets from one machine to another any more, and neither is told.</summary>
    public void Cut(int from, int to) => _cuts.Add((from, to));

    /// <summary>Mends a cut.</summary>
    public void Mend(int from, int to)
    {
        if (_cuts.Remove((from, to)))
        {
            Resume();
        }
    }

    /// <summary>Nothing gets from these machines to the others or back, and nobody is told, until <see cref="Join"/>.</summary>
    public void Part(IReadOnlySet<int> machines) => _partitions.Add(machines);

    /// <summary>Mends a partition; the same set as parted.</summary>
    public void Join(IReadOnlySet<int> machines)
    {
        if (_partitions.Remove(machines))
        {
            Resume();
        }
    }

    /// <summary>Mends all cuts and partitions and makes all uplinks fast.</summary>
    public void MendAll()
    {
        _cuts.Clear();
        _partitions.Clear();
        _bytesPerSecond.Clear();
        Resume();
    }

    /// <summary>Limits what leaves a machine; null: no limit.</summary>
    public void Limit(int machine, long? bytesPerSecond)
    {
        if (bytesPerSecond is { } limit)
        {
            _bytesPerSecond[machine] = limit;
        }
        else
        {
            _bytesPerSecond.Remove(machine);
        }
    }

    internal bool Passes(int from, int to)
    {
        foreach (var apart in _partitions)
        {
            if (apart.Contains(from) != apart.Contains(to))
            {
                return false;
            }
        }

        return _cuts.Count == 0 || !_cuts.Contains((from, to));
    }

    internal TimeSpan Latency(int from, int to)
    {
        if (Farthest == TimeSpan.Zero)
        {
            return TimeSpan.FromMilliseconds(1);
        }

        var (a, b) = (Math.Min(from, to), Math.Max(from, to));
        var share = (uint)HashOf(a, b) / (double)uint.MaxValue;
        return (Farthest * share) + TimeSpan.FromMilliseconds(0.5 + (2 * random()));
    }

    internal TimeSpan Transfer(int from, int bytes) =>
        _bytesPerSecond.TryGetValue(from, out var limit) ? TimeSpan.FromSeconds((double)bytes / limit) : TimeSpan.Zero;

    internal void Stalled(SimDirection direction) => _stalled.Add(direction);

    internal void Listen(SimPort port, Door door)
    {
        if (!_doors.TryAdd(door.EndPoint.ToString(), (port, door)))
        {
            throw new IOException($"{door.EndPoint} is taken");
        }
    }

    internal void StopListening(SimPort port, IPEndPoint at)
    {
        if (_doors.TryGetValue(at.ToString(), out var open) && open.Port == port)
        {
            _doors.Remove(at.ToString());
        }
    }

    /// <summary>Goes there and back as a handshake does.</summary>
    internal async Task<Door> ReachAsync(SimPort from, Uri address, CancellationToken ct, Action? reached = null)
    {
        for (var trip = 0; ; trip++)
        {
            if (!_doors.TryGetValue(address.Authority, out var open))
            {
                await Task.Delay(Latency(from.Machine, 0) * 2, from.Time, ct).ConfigureAwait(false);
                throw new IOException($"nobody listens at {address.Authority}");
            }

            if (!Passes(from.Machine, open.Port.Machine) || !Passes(open.Port.Machine, from.Machine))
            {
                await Task.Delay(ConnectTimeout, from.Time, ct).ConfigureAwait(false);
                throw new IOException($"{address.Authority} does not answer");
            }

            if (trip == 1)
            {
                reached?.Invoke();
            }

            if (trip == 2)
            {
                return open.Door; // TCP and TLS
            }

            await Task.Delay(Latency(from.Machine, open.Port.Machine) * 2, from.Time, ct).ConfigureAwait(false);
        }
    }

    internal SimLink Connect(SimPort from, Door to, PeerIdentity self)
    {
        var open = _doors[to.EndPoint.ToString()];
        var link = new SimLink(this, from.Machine, open.Port.Machine);
        from.Holds(link.ChildEnd);
        open.Port.Holds(link.ParentEnd);
        ThreadPool.UnsafeQueueUserWorkItem(static at => _ = at.to.Tunnel.ServeAsync(at.link.ParentEnd, at.self, null), (to, link, self), preferLocal: false);
        return link;
    }

    private void Resume()
    {
        _resumed.AddRange(_stalled);
        _stalled.Clear();
        foreach (var direction in _resumed)
        {
            direction.Resume();
        }

        _resumed.Clear();
    }

    // Of the two numbers alone, so that a pair keeps its distance.
    private static int HashOf(int a, int b)
    {
        var mixed = (uint)((a * 73856093) ^ (b * 19349663));
        mixed ^= mixed >> 16;
        mixed *= 0x45d9f3b;
        return (int)(mixed ^ (mixed >> 16));
    }
}
