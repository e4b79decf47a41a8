using Ote.Flow;

namespace Ote.Cluster.Tunnel;

/// <summary>
/// Bytes in both directions between two clusters, whose end is told from a break. Disposed asynchronously it ends in order: what was written arrives, and whoever reads it reads the end; no read or write may be under way then, unless its
/// caller has given it up. Disposed at once it breaks, and so do reads and writes. One reads and one writes at a time.
/// </summary>
public abstract class ByteStream : AsyncStream
{
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the stream was disposed.</summary>
    public Task Closed => _closed.Task;

    /// <summary>Tells the other side that no more is written, after all that was. It can still be read from.</summary>
    /// <exception cref="IOException">It has broken.</exception>
    public abstract Task FinishAsync(CancellationToken ct);

    /// <inheritdoc/>
    public abstract override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _closed.TrySetResult();
        }

        base.Dispose(disposing);
    }
}
