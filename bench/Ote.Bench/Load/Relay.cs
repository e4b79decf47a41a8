using System.Net;
using System.Net.Sockets;

namespace Ote.Bench.Load;

/// <summary>Passes a sample of the connections on and counts their bytes, both ways, as they are on the wire inside TCP: TLS records and all.</summary>
internal sealed class Relay : IDisposable
{
    private const int BufferBytes = 4096;
    private readonly CancellationTokenSource _stop = new();
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Uri _server;
    private long _bytes;

    private Relay(Uri server) => _server = server;

    public long Bytes => Interlocked.Read(ref _bytes);

    public Uri Address => new($"https://{_listener.LocalEndpoint}");

    public static Relay Start(Uri server)
    {
        var relay = new Relay(server);
        relay._listener.Start();
        _ = Task.Run(relay.AcceptAsync);
        return relay;
    }

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var near = await _listener.AcceptSocketAsync(_stop.Token);
                var far = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                near.NoDelay = true;
                await far.ConnectAsync(_server.Host, _server.Port, _stop.Token);
                _ = CopyAsync(near, far, _stop.Token);
                _ = CopyAsync(far, near, _stop.Token);
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // Stopped, or the server is gone: the clients notice by themselves.
        }
    }

    private async Task CopyAsync(Socket from, Socket to, CancellationToken stop)
    {
        var buffer = new byte[BufferBytes];
        try
        {
            while (await from.ReceiveAsync(buffer.AsMemory(), stop) is var count and > 0)
            {
                Interlocked.Add(ref _bytes, count);
                for (var sent = 0; sent < count;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), stop);
                }
            }
        }
        catch (Exception ended) when (ended is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // One side has left; closing both tells the other.
        }
        finally
        {
            from.Dispose();
            to.Dispose();
        }
    }
}
