namespace Ote.Shim.Live;

/// <summary>The reading side of a stream, which tells when the end was read, or that it broke.</summary>
/// <param name="inner">The stream; not owned.</param>
/// <param name="ended">Told, maybe more than once.</param>
internal sealed class EndTellingStream(Stream inner, Action ended) : Stream
{
    public override bool CanRead => true;

    public override bool CanWrite => false;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

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

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
