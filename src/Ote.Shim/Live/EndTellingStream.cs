using Ote.Flow;

namespace Ote.Shim.Live;

/// <summary>The reading side of a stream, which tells when the end was read, or that it broke.</summary>
/// <param name="inner">The stream; not owned.</param>
/// <param name="ended">Told, maybe more than once.</param>
internal sealed class EndTellingStream(Stream inner, Action ended) : AsyncStream
{
    public override bool CanWrite => false;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = 0;
        try
        {
            count = await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            return count;
        }
        finally
        {
            if (count == 0 && !buffer.IsEmpty && !cancellationToken.IsCancellationRequested)
            {
                ended();
            }
        }
    }
}
