namespace Ote.Flow;

/// <summary>
/// A queue of keys for level-triggered work. A key that is waiting is not queued twice; a key that is being worked on and
/// changes meanwhile runs once more afterwards; the same key never runs twice at once. Thread-safe. Bounded by the number
/// of distinct keys, which is the number of objects its owner watches.
/// </summary>
/// <typeparam name="TKey">What names a piece of work.</typeparam>
public sealed class WorkQueue<TKey> : IDisposable
    where TKey : notnull
{
    private readonly Lock _gate = new();
    private readonly Queue<TKey> _ready = new();
    private readonly HashSet<TKey> _waiting = [];
    private readonly HashSet<TKey> _working = [];
    private readonly PriorityQueue<TKey, DateTimeOffset> _later = new();
    private readonly Dictionary<TKey, DateTimeOffset> _due = [];
    private readonly Dictionary<TKey, Backoff> _failures = [];
    private readonly SemaphoreSlim _signal = new(0);
    private readonly TimeProvider _time;
    private readonly Func<double> _random;
    private readonly BackoffOptions _retry;
    private readonly ITimer _timer;
    private bool _disposed;

    /// <summary>Makes an empty queue.</summary>
    /// <param name="time">The clock for delayed keys.</param>
    /// <param name="random">Uniform in [0, 1), for retry jitter.</param>
    /// <param name="retry">How waits of <see cref="Retry"/> grow; 100 ms to 15 s when null.</param>
    public WorkQueue(TimeProvider time, Func<double> random, BackoffOptions? retry = null)
    {
        _time = time;
        _random = random;
        _retry = retry ?? BackoffOptions.Default;
        _timer = time.CreateTimer(_ => ReleaseDue(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Keys ready to be taken.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _ready.Count;
            }
        }
    }

    /// <summary>True when nothing waits, runs, or is due later.</summary>
    public bool IsIdle
    {
        get
        {
            lock (_gate)
            {
                return _ready.Count == 0 && _working.Count == 0 && _due.Count == 0;
            }
        }
    }

    /// <summary>True while something can be worked on now, or is.</summary>
    public bool IsBusy
    {
        get
        {
            lock (_gate)
            {
                return _ready.Count > 0 || _working.Count > 0;
            }
        }
    }

    /// <summary>Asks for work on <paramref name="key"/> as soon as possible.</summary>
    public void Add(TKey key)
    {
        lock (_gate)
        {
            AddNeedsLock(key);
        }
    }

    /// <summary>Asks for work on <paramref name="key"/> after <paramref name="delay"/>; the earliest of several wins.</summary>
    public void AddAfter(TKey key, TimeSpan delay)
    {
        if (delay <= TimeSpan.Zero)
        {
            Add(key);
            return;
        }

        lock (_gate)
        {
            var due = _time.GetUtcNow() + delay;
            if (_due.TryGetValue(key, out var known) && known <= due)
            {
                return;
            }

            _due[key] = due;
            _later.Enqueue(key, due);
            ArmNeedsLock();
        }
    }

    /// <summary>Waits for a key. The caller must end with <see cref="Done"/> or <see cref="Retry"/>.</summary>
    public async ValueTask<TKey> TakeAsync(CancellationToken cancellation)
    {
        while (true)
        {
            await _signal.WaitAsync(cancellation).ConfigureAwait(false);
            lock (_gate)
            {
                if (_ready.TryDequeue(out var key))
                {
                    _waiting.Remove(key);
                    _working.Add(key);
                    return key;
                }
            }
        }
    }

    /// <summary>Ends the work on a key that succeeded; its retry delay starts over.</summary>
    public void Done(TKey key)
    {
        lock (_gate)
        {
            _failures.Remove(key);
            FinishNeedsLock(key);
        }
    }

    /// <summary>Ends the work on a key that failed and asks for it again after a growing, jittered delay, which it returns.</summary>
    public TimeSpan Retry(TKey key)
    {
        TimeSpan delay;
        lock (_gate)
        {
            if (!_failures.TryGetValue(key, out var backoff))
            {
                _failures[key] = backoff = new Backoff(_retry, _random);
            }

            delay = backoff.Next();
            FinishNeedsLock(key);
        }

        AddAfter(key, delay);
        return delay;
    }

    /// <summary>Takes no keys from now on: whoever still adds some, as events that are on their way do, need not know.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _timer.Dispose();
            _signal.Dispose();
        }
    }

    private void FinishNeedsLock(TKey key)
    {
        if (_working.Remove(key) && _waiting.Contains(key))
        {
            ReadyNeedsLock(key);
        }
    }

    private void AddNeedsLock(TKey key)
    {
        if (!_waiting.Add(key) || _working.Contains(key))
        {
            return;
        }

        ReadyNeedsLock(key);
    }

    private void ReadyNeedsLock(TKey key)
    {
        if (!_disposed)
        {
            _ready.Enqueue(key);
            _signal.Release();
        }
    }

    private void ReleaseDue()
    {
        lock (_gate)
        {
            var now = _time.GetUtcNow();
            while (_later.TryPeek(out var key, out var due) && due <= now)
            {
                _later.Dequeue();
                if (_due.TryGetValue(key, out var current) && current == due)
                {
                    _due.Remove(key);
                    AddNeedsLock(key);
                }
            }

            ArmNeedsLock();
        }
    }

    private void ArmNeedsLock()
    {
        if (_disposed || !_later.TryPeek(out _, out var due))
        {
            return;
        }

        var wait = due - _time.GetUtcNow();
        _timer.Change(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }
}
