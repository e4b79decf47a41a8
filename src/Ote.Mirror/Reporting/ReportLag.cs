using Ote.Protocol.Reports;

namespace Ote.Mirror.Reporting;

/// <summary>
/// How long changes take from when they are seen here until a follower says that it keeps them: there and back, by one clock that only runs forward, so that nobody's idea of the time
/// of day comes into it. What is still on its way counts with its age so far. Thread-safe.
/// </summary>
/// <param name="streams">What is followed.</param>
/// <param name="time">The clock.</param>
internal sealed class ReportLag(IReadOnlyList<ReportStream> streams, TimeProvider time)
{
    private const int MostMarks = 256; // of a stream; more are put together, as old as the older of them
    private readonly Lock _gate = new();
    private readonly Dictionary<string, List<(long Revision, long Seen)>> _marks = streams.ToDictionary(s => s.Kind, s => new List<(long, long)> { ((long)s.Head.Revision, 0) }, StringComparer.Ordinal);
    private readonly HashSet<Follower> _followers = [];
    private TimeSpan? _told;

    /// <summary>Another step of <see cref="Now"/> may have come. Raised on the thread that brought it: return quickly.</summary>
    public event Action? Changed;

    /// <summary>The lag of the follower that is farthest behind, up to the next of some round figures; null: nobody follows, or none has caught up yet.</summary>
    public TimeSpan? Now
    {
        get
        {
            lock (_gate)
            {
                return LagSteps.Up(_followers.Max(f => f.Lag()));
            }
        }
    }

    /// <summary>Streams have new revisions as of now.</summary>
    public void Seen()
    {
        var now = time.GetTimestamp();
        foreach (var stream in streams)
        {
            var head = (long)stream.Head.Revision;
            lock (_gate)
            {
                var marks = _marks[stream.Kind];
                if (head <= marks[^1].Revision)
                {
                    continue;
                }

                if (marks.Count == MostMarks)
                {
                    for (var i = 1; i < marks.Count - 1; i++)
                    {
                        marks[i] = (marks[i + 1].Revision, marks[i].Seen);
                        marks.RemoveAt(i + 1);
                    }
                }

                marks.Add((head, now));
            }
        }
    }

    /// <summary>Somebody follows from here on; to be left when it ends.</summary>
    public Follower Enter()
    {
        var follower = new Follower(this);
        lock (_gate)
        {
            _followers.Add(follower);
        }

        return follower;
    }

    /// <summary>Looks whether what is on its way has grown old; to be called now and then.</summary>
    public void Look()
    {
        var now = Now;
        lock (_gate)
        {
            if (now == _told)
            {
                return;
            }

            _told = now;
        }

        Changed?.Invoke();
    }

    /// <summary>One that follows.</summary>
    internal sealed class Follower(ReportLag lag) : IDisposable
    {
        private static readonly TimeSpan Lately = TimeSpan.FromMinutes(1);
        private readonly Dictionary<string, (long Revision, bool CatchesUp)> _kept = new(StringComparer.Ordinal);
        private TimeSpan _most;
        private TimeSpan _mostBefore;
        private long _since = lag.TimeNow();

        /// <summary>It begins, anew perhaps. A stream that it has nothing of has no lag before it has what there is now: that is how long it takes to tell everything.</summary>
        public void Begin(IEnumerable<StreamCursor> cursors)
        {
            var heads = lag.Heads();
            lock (lag._gate)
            {
                _kept.Clear();
                foreach (var head in heads)
                {
                    _kept[head.Kind] = ((long)head.Revision, head.Revision > 0);
                }

                foreach (var cursor in cursors)
                {
                    if (heads.FirstOrDefault(h => h.Kind == cursor.Kind) is { } head && head.Epoch == cursor.Epoch && cursor.Revision <= head.Revision && cursor.Revision > 0)
                    {
                        _kept[cursor.Kind] = ((long)cursor.Revision, false);
                    }
                }
            }
        }

        /// <summary>It keeps a stream up to a revision.</summary>
        public void Kept(string kind, ulong revision)
        {
            lock (lag._gate)
            {
                if (!_kept.TryGetValue(kind, out var known) || (long)revision < known.Revision || (!known.CatchesUp && (long)revision == known.Revision))
                {
                    return;
                }

                if (!known.CatchesUp && lag.SeenAfter(kind, known.Revision) is { } seen)
                {
                    Note(lag.Since(seen));
                }

                _kept[kind] = ((long)revision, false);
            }

            lag.Look();
        }

        /// <summary>Null before it has caught up. For who holds the lock.</summary>
        internal TimeSpan? Lag()
        {
            if (_kept.Count == 0 || _kept.Values.Any(k => k.CatchesUp))
            {
                return null;
            }

            // While nothing changes nothing is late: what was is not told for ever.
            var calm = lag.Since(_since);
            var most = calm >= 2 * Lately ? TimeSpan.Zero : calm >= Lately || _most > _mostBefore ? _most : _mostBefore;
            foreach (var (kind, kept) in _kept)
            {
                if (lag.SeenAfter(kind, kept.Revision) is { } seen && lag.Since(seen) is var age && age > most)
                {
                    most = age;
                }
            }

            return most;
        }

        public void Dispose()
        {
            lock (lag._gate)
            {
                lag._followers.Remove(this);
            }

            lag.Look();
        }

        /// <summary>The longest of this minute and of the one before.</summary>
        private void Note(TimeSpan took)
        {
            if (lag.Since(_since) is var calm && calm >= Lately)
            {
                (_mostBefore, _most, _since) = (calm >= 2 * Lately ? TimeSpan.Zero : _most, TimeSpan.Zero, lag.TimeNow());
            }

            _most = took > _most ? took : _most;
        }
    }

    private long TimeNow() => time.GetTimestamp();

    private TimeSpan Since(long timestamp) => time.GetElapsedTime(timestamp);

    private StreamCursor[] Heads() => [.. streams.Select(s => s.Head)];

    /// <summary>When the first change after a revision was seen; null: there is none, or it was before this process.</summary>
    private long? SeenAfter(string kind, long revision)
    {
        var marks = _marks[kind];
        var (low, high) = (1, marks.Count); // the first is what there was at the start
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = marks[middle].Revision > revision ? (low, middle) : (middle + 1, high);
        }

        return low < marks.Count ? marks[low].Seen : null;
    }
}
