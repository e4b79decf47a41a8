using System.Threading.Channels;
using Ote.Kube.Server.Store;

namespace Ote.Kube.Server.Watching;

/// <summary>One watcher's bounded buffer of changes. One reader.</summary>
internal sealed class ChangeSubscription : IDisposable
{
    private readonly ChangeHub _hub;
    private readonly Channel<Change?> _buffer;
    private readonly CancellationTokenSource _ended = new();
    private int _end;

    public ChangeSubscription(ChangeHub hub, string resource, long from, int buffer)
    {
        _hub = hub;
        Resource = resource;
        From = from;
        _buffer = Channel.CreateBounded<Change?>(new BoundedChannelOptions(buffer) { SingleReader = true });
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

    /// <summary>How it ended, if it has.</summary>
    public End Ended => (End)Volatile.Read(ref _end);

    /// <summary>Fires when it ended, so that a write to a stuck client is given up.</summary>
    public CancellationToken EndedToken => _ended.Token;

    /// <summary>Nothing is buffered now.</summary>
    public bool IsEmpty => _buffer.Reader.Count == 0;

    /// <summary>Waits for a change or a <see cref="Poke"/> (null). False when ended.</summary>
    public ValueTask<bool> WaitAsync(CancellationToken cancellation) => _buffer.Reader.WaitToReadAsync(cancellation);

    /// <summary>Takes what <see cref="WaitAsync"/> announced.</summary>
    public bool TryTake(out Change? change) => _buffer.Reader.TryRead(out change);

    /// <summary>Wakes the reader with a null. Needless, and so dropped, when there are changes to read.</summary>
    public void Poke() => _buffer.Writer.TryWrite(null);

    /// <summary>Called by the hub, never waits.</summary>
    public void Offer(Change change)
    {
        if (!_buffer.Writer.TryWrite(change))
        {
            Close(End.Overrun);
        }
    }

    /// <summary>Ends it; the first reason stands.</summary>
    public void Close(End reason)
    {
        if (Interlocked.CompareExchange(ref _end, (int)reason, (int)End.Open) == (int)End.Open)
        {
            _buffer.Writer.TryComplete();
            // Not on the committing thread: a continuation may write to a client.
            _ = _ended.CancelAsync();
        }
    }

    public void Dispose()
    {
        _hub.Unsubscribe(this);
        _ended.Dispose();
    }
}
