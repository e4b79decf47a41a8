using Ote.Cluster.Handling;
using Ote.Cluster.Routing;

namespace Ote.Cluster.Streams;

/// <summary>
/// Tells who waits for a cluster that it has been away for a while. A link that breaks and is made anew at once, or to another parent, is no absence, and what runs beside it goes on. Thread-safe.
/// </summary>
internal sealed class Absences : IDisposable
{
    /// <summary>So long somebody waits for a stream to a cluster that is away.</summary>
    public static readonly TimeSpan WaitsFor = TimeSpan.FromSeconds(5);

    /// <summary>So long somebody waits for the answer to what was sent: a little longer, so that of a request which still waits for its stream it is said that it was never sent.</summary>
    public static readonly TimeSpan AnsweredWithin = TimeSpan.FromSeconds(6);

    /// <summary>So long a stream to a cluster that is away is kept, since what runs over it, such as a session of a user, may yet go on.</summary>
    public static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(30);

    private readonly RouteKeeper _routes;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, HashSet<Absence>> _watched = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _awaySince = new(StringComparer.Ordinal); // timestamps of the clock; of known clusters alone

    /// <summary>Begins to watch.</summary>
    /// <param name="routes">Who is online.</param>
    /// <param name="time">The clock.</param>
    public Absences(RouteKeeper routes, TimeProvider time)
    {
        (_routes, _time) = (routes, time);
        routes.Changed += Changed;
    }

    /// <summary>Watches a cluster until disposed: as many watches as there are requests and streams.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="grace">How long it is to be away, without a break; what it has been away already counts.</param>
    public Absence Watch(string cluster, TimeSpan grace)
    {
        var absence = new Absence(this, cluster, grace, _time);
        lock (_gate)
        {
            (_watched.TryGetValue(cluster, out var known) ? known : _watched[cluster] = []).Add(absence);
            if (!IsOnline(cluster))
            {
                absence.Begins(_awaySince.TryGetValue(cluster, out var since) ? _time.GetElapsedTime(since) : TimeSpan.Zero);
            }
        }

        return absence;
    }

    public void Dispose() => _routes.Changed -= Changed;

    internal void Forget(Absence absence)
    {
        lock (_gate)
        {
            if (_watched.TryGetValue(absence.Cluster, out var known) && known.Remove(absence) && known.Count == 0)
            {
                _watched.Remove(absence.Cluster);
            }
        }
    }

    private void Changed(IReadOnlyList<RouteChange> changes)
    {
        foreach (var change in changes)
        {
            if (change.After is { Online: true } == change.Before is { Online: true })
            {
                continue;
            }

            lock (_gate)
            {
                // What is so now: changes of two threads may be told in either order.
                var known = _routes.Read(t => t.Find(change.Name));
                if (known is not { Online: false })
                {
                    _awaySince.Remove(change.Name);
                }
                else
                {
                    _awaySince.TryAdd(change.Name, _time.GetTimestamp());
                }

                foreach (var absence in _watched.GetValueOrDefault(change.Name, []))
                {
                    if (known is { Online: true })
                    {
                        absence.Ends();
                    }
                    else
                    {
                        absence.Begins(TimeSpan.Zero);
                    }
                }
            }
        }
    }

    private bool IsOnline(string cluster) => _routes.Read(t => t.Find(cluster)) is { Online: true };
}
