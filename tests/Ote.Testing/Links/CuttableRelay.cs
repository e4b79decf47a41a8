using System.Net;
using System.Net.Sockets;

namespace Ote.Testing.Links;

/// <summary>A TCP relay on loopback whose cable can be pulled: what is open breaks, and nobody answers at its port until the cable is back in.</summary>
public sealed class CuttableRelay : IAsyncDisposable
{
    private readonly IPEndPoint _target;
    private readonly Lock _gate = new();
    private readonly List<TcpClient> _open = [];
    private readonly CancellationTokenSource _stop = new();
    private TcpListener? _listener;

    /// <summary>Relays to a port; listens on one of its own.</summary>
    public CuttableRelay(IPEndPoint target)
    {
        _target = target;
        Restore();
    }

    /// <summary>Where to dial; the same after a cut.</summary>
    public int Port { get; private set; }

    /// <summary>Bytes that have come from the target.</summary>
    public long BytesDown => Interlocked.Read(ref _bytesDown);

    /// <summary>Bytes that have gone to the target.</summary>
    public long BytesUp => Interlocked.Read(ref _bytesUp);

    private long _bytesDown;
    private long _bytesUp;

    /// <summary>Pulls the cable.</summary>
    public void Cut()
    {
        TcpClient[] open;
        lock (_gate)
        {
            _listener?.Dispose();
            _listener = null;
            open = [.. _open];
            _open.Clear();
        }

        foreach (TcpClient client in open)
            client.Dispose();
    }

    /// <summary>Puts it back in.</summary>
    public void Restore()
    {
        lock (_gate)
        {
            if (_listener is not null)
                return;
            TcpListener listener = new(IPAddress.Loopback, Port);
            listener.Start();
            Port = ((IPEndPoint)listener.LocalEndpoint).Port;
            _listener = listener;
            _ = AcceptAsync(listener);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        Cut();
        _stop.Dispose();
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                TcpClient outer = await listener.AcceptTcpClientAsync(_stop.Token).ConfigureAwait(false);
                _ = RelayAsync(outer);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Cut, or at the end.
        }
    }

    private async Task RelayAsync(TcpClient outer)
    {
        TcpClient inner = new();
        lock (_gate)
        {
            _open.AddRange([outer, inner]);
        }

        try
        {
            await inner.ConnectAsync(_target, _stop.Token).ConfigureAwait(false);
            await Task.WhenAny(PumpAsync(outer, inner, down: false), PumpAsync(inner, outer, down: true)).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Nobody is at the target, or the cable was pulled meanwhile.
        }
        finally
        {
            outer.Dispose();
            inner.Dispose();
            lock (_gate)
            {
                _open.Remove(outer);
                _open.Remove(inner);
            }
        }
    }

    private async Task PumpAsync(TcpClient from, TcpClient to, bool down)
    {
        byte[] buffer = new byte[32 * 1024];
        try
        {
            while (await from.GetStream().ReadAsync(buffer, _stop.Token).ConfigureAwait(false) is var count and > 0)
            {
                Interlocked.Add(ref down ? ref _bytesDown : ref _bytesUp, count);
                await to.GetStream().WriteAsync(buffer.AsMemory(0, count), _stop.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            // One side is gone.
        }
    }
}
