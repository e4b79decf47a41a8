using System.Buffers.Binary;
using System.Net.WebSockets;

namespace Ote.Shim.Live;

/// <summary>
/// What comes of an <c>exec</c> or <c>attach</c> over SPDY (https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1), frame by frame. Where the connection ends before the command's end was told, that is told in its place: clients take a
/// connection that merely ends for a command that ended well, and so a part of what it was to carry for the whole. Where what goes the other way cannot be carried any more, the connection has ended too, and that is told as well. One reads and one
/// writes at a time.
/// </summary>
/// <param name="inner">The connection; owned.</param>
/// <param name="failure">What is told as the command's end, in the form that was agreed on.</param>
internal sealed class ExecStream(Stream inner, ReadOnlyMemory<byte> failure) : Stream
{
    private const int HeaderBytes = 8;
    private const int ErrorStream = 1; // the first that clients open; there the server tells how the command ended
    private const int MostBuffered = 1024 * 1024; // a longer frame goes on piece by piece
    private byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;
    private int _passing; // of a long frame, so much goes on as it comes
    private bool _hasEnded; // the command, as the server has told
    private bool _isOver;
    private readonly CancellationTokenSource _cannotWrite = new();

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

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
                return 0;
            }

            if (!await FillAsync(cancellationToken).ConfigureAwait(false))
            {
                _isOver = true;
                End();
            }
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_cannotWrite.IsCancellationRequested)
        {
            return; // Whoever sends is about to be told, by what is read.
        }

        try
        {
            await inner.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception broken) when (IsBreak(broken))
        {
            await _cannotWrite.CancelAsync().ConfigureAwait(false);
        }
    }

    public override async Task FlushAsync(CancellationToken cancellationToken)
    {
        if (_cannotWrite.IsCancellationRequested)
        {
            return;
        }

        try
        {
            await inner.FlushAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception broken) when (IsBreak(broken))
        {
            await _cannotWrite.CancelAsync().ConfigureAwait(false);
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
            _cannotWrite.Dispose();
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
            using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, _cannotWrite.Token);
            var read = await inner.ReadAsync(_buffer.AsMemory(_end), either.Token).ConfigureAwait(false);
            _end += read;
            return read > 0;
        }
        catch (Exception broken) when (!_hasEnded && _passing == 0 && (IsBreak(broken) || (broken is OperationCanceledException && !ct.IsCancellationRequested)))
        {
            return false; // told below
        }
    }

    /// <summary>Whether a connection has ended; one over a WebSocket breaks with that's own exception.</summary>
    private static bool IsBreak(Exception fault) => fault is IOException or WebSocketException or ObjectDisposedException;

    /// <summary>In place of what did not come; in the middle of a long frame there is no place for it.</summary>
    private void End()
    {
        if (_hasEnded || _passing > 0)
        {
            return;
        }

        _buffer = new byte[HeaderBytes + failure.Length];
        BinaryPrimitives.WriteInt32BigEndian(_buffer, ErrorStream);
        BinaryPrimitives.WriteInt32BigEndian(_buffer.AsSpan(4), (1 << 24) | failure.Length); // the last of its stream
        failure.Span.CopyTo(_buffer.AsSpan(HeaderBytes));
        (_start, _end) = (0, _buffer.Length);
    }
}
