using System.Net.WebSockets;

namespace Ote.Cluster.Tunnel;

/// <summary>
/// Bytes over a WebSocket. A read that is given up loses nothing: what comes meanwhile is for the next. It ends in order by the close frames of both sides (RFC 6455, section 7.1.2): a socket that is closed while bytes lie in it unread resets its
/// connection, and what it was still to send is lost.
/// </summary>
/// <param name="socket">The socket; owned.</param>
/// <param name="time">The clock.</param>
/// <param name="owned">Disposed after the socket.</param>
internal sealed class WebSocketByteStream(WebSocket socket, TimeProvider time, IDisposable? owned = null) : ByteStream
{
    /// <summary>So long the other side may take to read what was written before an orderly end, over whatever link.</summary>
    public static readonly TimeSpan Linger = TimeSpan.FromMinutes(2);

    private const int BufferBytes = 64 * 1024;
    private byte[] _buffer = [];
    private int _start;
    private int _end;
    private bool _isOver;
    private Task<int>? _receiving;
    private int _disposed;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_start == _end && !_isOver)
        {
            if (_receiving is null && !buffer.IsEmpty && !cancellationToken.CanBeCanceled)
            {
                // Nobody gives this one up: it comes straight to where it is wanted.
                var read = await ReceiveAsync(buffer).ConfigureAwait(false);
                _isOver = read == 0;
                return read;
            }

            if (_buffer.Length == 0)
            {
                _buffer = new byte[BufferBytes];
            }

            var count = await (_receiving ??= ReceiveAsync(_buffer).AsTask()).WaitAsync(cancellationToken).ConfigureAwait(false);
            _receiving = null;
            (_start, _end, _isOver) = (0, count, count == 0);
        }

        var taken = Math.Min(buffer.Length, _end - _start);
        _buffer.AsMemory(_start, taken).CopyTo(buffer);
        _start += taken;
        return taken;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            await socket.SendAsync(buffer, WebSocketMessageType.Binary, endOfMessage: true, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception broken) when (IsBreak(broken, cancellationToken))
        {
            throw Broken(broken);
        }
    }

    public override async Task FinishAsync(CancellationToken ct)
    {
        try
        {
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, ct).ConfigureAwait(false);
        }
        catch (Exception broken) when (IsBreak(broken, ct))
        {
            throw Broken(broken);
        }
    }

    public override async ValueTask DisposeAsync()
    {
        if (Volatile.Read(ref _disposed) == 0)
        {
            try
            {
                using var late = new CancellationTokenSource(Linger, time);
                await FinishAsync(late.Token).ConfigureAwait(false);
                var unwanted = new byte[1024];
                while (await ReadAsync(unwanted, late.Token).ConfigureAwait(false) > 0)
                {
                    // Nobody reads it any more.
                }
            }
            catch (Exception ended) when (ended is IOException or OperationCanceledException)
            {
                // The other side has gone, or takes too long.
            }
        }

        await base.DisposeAsync().ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            try
            {
                socket.Dispose();
            }
            finally
            {
                owned?.Dispose();
            }
        }

        base.Dispose(disposing);
    }

    private async ValueTask<int> ReceiveAsync(Memory<byte> buffer)
    {
        try
        {
            while (true)
            {
                var received = await socket.ReceiveAsync(buffer, CancellationToken.None).ConfigureAwait(false);
                if (received.Count > 0 || received.MessageType == WebSocketMessageType.Close)
                {
                    return received.Count;
                }
            }
        }
        catch (Exception broken) when (IsBreak(broken, CancellationToken.None))
        {
            throw Broken(broken);
        }
    }

    // A socket that was disposed meanwhile says so in each of these ways.
    private static bool IsBreak(Exception fault, CancellationToken givenUp) =>
        fault is WebSocketException or ObjectDisposedException or InvalidOperationException || (fault is OperationCanceledException && !givenUp.IsCancellationRequested);

    private static IOException Broken(Exception broken) => new($"the stream broke: {broken.Message}", broken);
}
