using System.Threading.Tasks.Sources;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Watching;

/// <summary>
/// One watcher's bounded buffer of changes. One reader, which waits without a task, a timer or a queue of its own: the hub collects whom a commit wakes,
/// and the <see cref="FanOut"/> runs them.
/// </summary>
internal sealed class ChangeSubscription : IDisposable, IValueTaskSource<bool>
{
    private readonly ChangeHub _hub;
    private readonly int _most;
    private readonly Lock _gate = new();
    private readonly Queue<Change?> _buffer = new();
    private readonly CancellationTokenSource _ended = new();
    private CancellationTokenRegistration _cancelled;
    private ManualResetValueTaskSourceCore<bool> _wait;
    private bool _waiting;
    private int _end;

    public ChangeSubscription(ChangeHub hub, string resource, long from, int buffer)
    {
        _hub = hub;
        Resource = resource;
        From = from;
        _most = buffer;
    }

    /// <summary>Why a subscription gives nothing more.</summary>
    public enum End
    {
        Open = 0,

        /// <summary>The server or the kind went away.</summary>
        Closed = 1,

        /// <summary>The reader fell a whole buffer behind.</summary>
        Overrun = 2,
    }

    /// <summary>The kind.</summary>
    public string Resource { get; }

    /// <summary>Changes up to here are not in the buffer.</summary>
    public long From { get; }

    /// <summary>How far its hub has come, in all kinds.</summary>
    public long Published => _hub.Published;

    /// <summary>How it ended, if it has.</summary>
    public End Ended => (End)Volatile.Read(ref _end);

    /// <summary>Fires when it ended, so that a write to a stuck client is given up.</summary>
    public CancellationToken EndedToken => _ended.Token;

    /// <summary>Nothing is buffered now.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (_gate)
            {
                return _buffer.Count == 0;
            }
        }
    }

    /// <summary>
    /// Waits for a change or a <see cref="Poke"/> (null). False when ended. What follows the wait runs on the <see cref="FanOut"/> when there is
    /// something to take, so it must not block. Cheapest with the same token each time.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ValueTask<bool> WaitAsync(CancellationToken cancellation)
    {
        if (_cancelled.Token != cancellation)
        {
            _cancelled.Dispose();
            _cancelled = cancellation.UnsafeRegister(static (state, token) => ((ChangeSubscription)state!).Cancelled(token), this);
        }

        lock (_gate)
        {
            // Asked under the lock: a token that is cancelled later finds the reader waiting.
            cancellation.ThrowIfCancellationRequested();
            if (_buffer.Count > 0 || Ended != End.Open)
            {
                return new ValueTask<bool>(_buffer.Count > 0);
            }

            _wait.Reset();
            _waiting = true;
            return new ValueTask<bool>(this, _wait.Version);
        }
    }

    /// <summary>Takes what <see cref="WaitAsync"/> announced.</summary>
    public bool TryTake(out Change? change)
    {
        lock (_gate)
        {
            return _buffer.TryDequeue(out change);
        }
    }

    /// <summary>Wakes the reader with a null. Needless, and so dropped, when there are changes to read.</summary>
    public void Poke()
    {
        if (TryAdd(null, out var wakes) && wakes)
        {
            _hub.Wake(this);
        }
    }

    /// <summary>Called by the hub, never waits. True when the reader waits for it and is to be <see cref="Resume">resumed</see>.</summary>
    public bool Offer(Change change)
    {
        if (TryAdd(change, out var wakes))
        {
            return wakes;
        }

        Close(End.Overrun);
        return false;
    }

    /// <summary>Runs the reader, here, until it waits again. Once for each time it was found waiting.</summary>
    public void Resume()
    {
        _wait.RunContinuationsAsynchronously = false;
        _wait.SetResult(true);
    }

    /// <summary>Ends it; the first reason stands.</summary>
    public void Close(End reason)
    {
        if (Interlocked.CompareExchange(ref _end, (int)reason, (int)End.Open) == (int)End.Open)
        {
            if (StopsWaiting())
            {
                // Not on the committing thread, like the token: the reader may write to a client.
                _wait.RunContinuationsAsynchronously = true;
                _wait.SetResult(false);
            }

            _ = _ended.CancelAsync();
        }
    }

    public void Dispose()
    {
        _hub.Unsubscribe(this);
        _cancelled.Dispose();
        _ended.Dispose();
    }

    bool IValueTaskSource<bool>.GetResult(short token) => _wait.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => _wait.GetStatus(token);

    void IValueTaskSource<bool>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _wait.OnCompleted(continuation, state, token, flags);

    /// <summary>False when there is no room. An ended one takes nothing, and needs none.</summary>
    private bool TryAdd(Change? change, out bool wakes)
    {
        lock (_gate)
        {
            wakes = false;
            if (Ended != End.Open)
            {
                return true;
            }

            if (_buffer.Count >= _most)
            {
                return false;
            }

            _buffer.Enqueue(change);
            (wakes, _waiting) = (_waiting, false);
            return true;
        }
    }

    private void Cancelled(CancellationToken token)
    {
        if (StopsWaiting())
        {
            _wait.RunContinuationsAsynchronously = true;
            _wait.SetException(new OperationCanceledException(token));
        }
    }

    /// <summary>True for the one caller that may complete the wait.</summary>
    private bool StopsWaiting()
    {
        lock (_gate)
        {
            var waited = _waiting;
            _waiting = false;
            return waited;
        }
    }
}
