namespace Ote.Kube.Server.Watching;

/// <summary>
/// Wakes the watches that take bookmarks when one is due and says something new. One timer for all of a server's: hundreds of servers share a process, and a
/// quiet one's watches are left asleep. Thread-safe.
/// </summary>
internal sealed class BookmarkClock(TimeSpan interval, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly HashSet<Entry> _watches = [];
    private ITimer? _timer;

    /// <summary>Has a watch woken until what is returned is disposed.</summary>
    public IDisposable Add(WatchStream stream, ChangeSubscription subscription)
    {
        var entry = new Entry(this, stream, subscription);
        lock (_gate)
        {
            _watches.Add(entry);
            _timer ??= time.CreateTimer(_ => Tick(), null, interval, interval);
        }

        return entry;
    }

    private void Remove(Entry entry)
    {
        lock (_gate)
        {
            _watches.Remove(entry);
            if (_watches.Count == 0)
            {
                _timer?.Dispose();
                _timer = null;
            }
        }
    }

    private void Tick()
    {
        lock (_gate)
        {
            foreach (var watch in _watches.Where(watch => watch.Subscription.Published > watch.Stream.Marked))
            {
                // Never waits: it only leaves a note for the watch.
                watch.Subscription.Poke();
            }
        }
    }

    private sealed class Entry(BookmarkClock clock, WatchStream stream, ChangeSubscription subscription) : IDisposable
    {
        public WatchStream Stream => stream;

        public ChangeSubscription Subscription => subscription;

        public void Dispose() => clock.Remove(this);
    }
}
