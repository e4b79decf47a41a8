using Ote.Flow;

namespace Ote.EdgeHub.Upstream;

/// <summary>Reads what an API server sends until that server is left; then a read fails, though the connection may stay silent for ever. One reader.</summary>
/// <param name="inner">The stream; disposed with this.</param>
/// <param name="left">Cancelled when the server is left.</param>
internal sealed class HeldStream(Stream inner, CancellationToken left) : AsyncStream
{
    public override bool CanWrite => false;

    /// <summary>Why a read fails.</summary>
    public static IOException Left() => new("the API server that was answering does not answer any more");

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, left);
        try
        {
            return await inner.ReadAsync(buffer, either.Token).ConfigureAwait(false);
        }
        catch (Exception) when (left.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw Left();
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
