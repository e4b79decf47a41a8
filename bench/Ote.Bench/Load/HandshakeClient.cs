using System.Net.Security;
using System.Net.Sockets;
using Ote.Cluster.Identity;

namespace Ote.Bench.Load;

/// <summary>A full mutual TLS handshake and nothing after it.</summary>
internal sealed class HandshakeClient(ClusterIdentity identity) : ILoadClient
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp);
    private SslStream? _tls;

    public long Received => 0;

    public bool IsUp => _tls is { IsAuthenticated: true };

    public async Task StartAsync(Uri server, CancellationToken ct)
    {
        await _socket.ConnectAsync(server.Host, server.Port, ct);
        _tls = new SslStream(new NetworkStream(_socket));
        var options = BareClient.Tls(identity);
        options.AllowTlsResume = false;
        await _tls.AuthenticateAsClientAsync(options, ct);
    }

    public ValueTask DisposeAsync()
    {
        _tls?.Dispose();
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }
}
