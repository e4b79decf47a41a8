using System.Buffers.Binary;
using Ote.Flow;

namespace Ote.Shim.Live;

/// <summary>
/// What comes of an <c>exec</c> or <c>attach</c> over SPDY (https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1), frame by frame. Where the connection ends before the command's end was told, that is told in its place: clients take a
/// connection that merely ends for a command that ended well, and so a part of what it was to carry for the whole. Where the server told it, the client ends
/// the connection: it is waited for, since of a connection that is closed while it still sends what it has not read yet is lost. One reads and one writes at a time.
/// </summary>
/// <param name="inner">The connection; owned.</param>
/// <param name="failure">What is told as the command's end, in the form that was agreed on.</param>
/// <param name="time">The clock.</param>
/// <param name="clientGone">Fires when the client has ended the connection.</param>
internal sealed class ExecStream(UpgradedStream inner, ReadOnlyMemory<byte> failure, TimeProvider time, CancellationToken clientGone) : AsyncStream
{
    /// <summary>So long a client may take to read how its command ended, and all that came before; one that waits for the connection's end in its turn waits no longer.</summary>
    public static readonly TimeSpan Linger = TimeSpan.FromSeconds(10);

    private const int HeaderBytes = 8;
    private const int ErrorStream = 1; // the first that clients open; there the server tells how the command ended
    private const int MostBuffered = 1024 * 1024; // a longer frame goes on piece by piece
    private byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;
    private int _passing; // of a long frame, so much goes on as it comes
    private bool _hasEnded; // the command, as the server has told
    private bool _isOver;
    private bool _isCut; // and that was told in the command's place: its client waits for the connection's end

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            if (buffer.IsEmpty || Whole() is > 0)
            {
                var count = Math.Min(buffer.Length, Whole());
                _buffer.AsMemory(_start, count).CopyTo(buffer);
                _start += count;
                _passing -= count;
                return count;
            }

            if (_isOver)
            {
                if (_hasEnded && !_isCut)
                {
                    using var gone = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, clientGone);
                    await Task.Delay(Linger, time, gone.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }

                return 0;
            }

            if (!await FillAsync(cancellationToken).ConfigureAwait(false))
            {
                _isOver = true;
                End();
            }
        }
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => inner.WriteAsync(buffer, cancellationToken);

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>So many of the bytes that are here may go on: those of a frame that has come whole, or of a long one that has begun to go.</summary>
    private int Whole()
    {
        if (_passing == 0 && _end - _start >= HeaderBytes)
        {
            var header = _buffer.AsSpan(_start, HeaderBytes);
            var (stream, flags, length) = (BinaryPrimitives.ReadInt32BigEndian(header), header[4], BinaryPrimitives.ReadInt32BigEndian(header[4..]) & 0xFFFFFF);
            if (_end - _start >= HeaderBytes + length || length > MostBuffered)
            {
                _passing = HeaderBytes + length;
                _hasEnded |= stream == ErrorStream && (length > 0 || (flags & 1) != 0); // of control frames the first bit is set: they are of no stream
            }
        }

        return Math.Min(_passing, _end - _start);
    }

    private async ValueTask<bool> FillAsync(CancellationToken ct)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, Math.Min(_buffer.Length * 2, MostBuffered + HeaderBytes));
        }

        try
        {
            var read = await inner.ReadAsync(_buffer.AsMemory(_end), ct).ConfigureAwait(false);
            _end += read;
            return read > 0;
        }
        catch (Exception broken) when (!_hasEnded && _passing == 0 && UpgradedStream.IsBreak(broken))
        {
            return false; // told below
        }
    }

    /// <summary>The end, in place of what did not come; in the middle of a long frame there is no place for it.</summary>
    private void End()
    {
        if (_hasEnded || _passing > 0)
        {
            return;
        }

        _isCut = true;
        _buffer = new byte[HeaderBytes + failure.Length];
        BinaryPrimitives.WriteInt32BigEndian(_buffer, ErrorStream);
        BinaryPrimitives.WriteInt32BigEndian(_buffer.AsSpan(4), (1 << 24) | failure.Length); // the last of its stream
        failure.Span.CopyTo(_buffer.AsSpan(HeaderBytes));
        (_start, _end) = (0, _buffer.Length);
    }
}
