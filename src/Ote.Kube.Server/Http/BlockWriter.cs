using System.IO.Pipelines;

namespace Ote.Kube.Server.Http;

/// <summary>
/// Fills a long answer in large blocks. Kestrel makes of each block of its writer one chunk (RFC 9112, section 7.1) and, over TLS, a write and a record of its own, and the blocks that it gives who asks for no size hold 4 KiB. One caller.
/// </summary>
/// <param name="inner">The answer's writer.</param>
internal sealed class BlockWriter(PipeWriter inner)
{
    private const int BlockBytes = 32 * 1024;
    private const int MostHeld = 2 * BlockBytes;
    private Memory<byte> _block;
    private int _used;
    private int _held;

    /// <summary>Whether so much is held that it is time to flush it.</summary>
    public bool IsFull => _held >= MostHeld;

    /// <summary>Appends bytes; they are held until the next flush.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        _held += bytes.Length;
        while (!bytes.IsEmpty)
        {
            if (_used == _block.Length)
            {
                Commit();
                _block = inner.GetMemory(BlockBytes);
            }

            var count = Math.Min(bytes.Length, _block.Length - _used);
            bytes[..count].CopyTo(_block.Span[_used..]);
            _used += count;
            bytes = bytes[count..];
        }
    }

    /// <summary>Sends what is held, as fast as the client reads.</summary>
    public async ValueTask FlushAsync(CancellationToken cancellation)
    {
        Commit();
        _held = 0;
        await inner.FlushAsync(cancellation).ConfigureAwait(false);
    }

    private void Commit()
    {
        if (_used > 0)
        {
            inner.Advance(_used);
            (_block, _used) = (default, 0);
        }
    }
}
