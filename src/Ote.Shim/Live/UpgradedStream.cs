using System.Net.WebSockets;
using Ote.Flow;

namespace Ote.Shim.Live;

/// <summary>
/// A connection that both sides use as they like, where the other side may have told all it had to and gone: what cannot be written any more goes nowhere, and what was told before is read to its end, or until nothing more of it comes. One reads and one
/// writes at a time.
/// </summary>
/// <param name="inner">The connection; owned.</param>
/// <param name="time">The clock.</param>
internal sealed class UpgradedStream(Stream inner, TimeProvider time) : AsyncStream
{
    /// <summary>So long something may yet come, to who reads, of a connection into which nothing can be written any more; from then on it has ended. A reader that is slow is no silence.</summary>
    public static readonly TimeSpan Farewell = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _silent = new(Timeout.InfiniteTimeSpan, time);
    private readonly Lock _gate = new();
    private bool _isReading;
    private bool _isOver;
    private volatile bool _cannotWrite;

    /// <summary>Whether a connection has ended.</summary>
    public static bool IsBreak(Exception fault) => fault is IOException or WebSocketException or ObjectDisposedException;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Await(true);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _silent.Token);
        try
        {
            return await inner.ReadAsync(buffer, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_silent.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return 0;
        }
        finally
        {
            Await(false);
        }
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => TryAsync(() => inner.WriteAsync(buffer, cancellationToken));

    public override Task FlushAsync(CancellationToken cancellationToken) => TryAsync(() => new ValueTask(inner.FlushAsync(cancellationToken))).AsTask();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
            lock (_gate)
            {
                _isOver = true;
                _silent.Dispose();
            }
        }

        base.Dispose(disposing);
    }

    private async ValueTask TryAsync(Func<ValueTask> write)
    {
        if (_cannotWrite)
        {
            return; // Whoever sends is about to be told, by what is read.
        }

        try
        {
            await write().ConfigureAwait(false);
        }
        catch (Exception broken) when (IsBreak(broken))
        {
            lock (_gate)
            {
                _cannotWrite = true;
                Await(_isReading);
            }
        }
    }

    /// <summary>A reader waits from now on, or no longer: so long is the silence that counts.</summary>
    private void Await(bool isReading)
    {
        lock (_gate)
        {
            _isReading = isReading;
            if (_cannotWrite && !_isOver && !_silent.IsCancellationRequested)
            {
                _silent.CancelAfter(isReading ? Farewell : Timeout.InfiniteTimeSpan);
            }
        }
    }
}
