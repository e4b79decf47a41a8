using System.Net.Security;
using System.Net.Sockets;
using Ote.Cluster.Identity;

namespace Ote.Bench.Load;

/// <summary>A full mutual TLS handshake and nothing after it: the connection is closed, so that ten thousand of them take no memory from what is measured next.</summary>
internal sealed class HandshakeClient(ClusterIdentity identity) : ILoadClient
{
    public long Received => 0;

    public bool IsUp { get; private set; }

    public async Task StartAsync(Uri server, CancellationToken ct)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server.Host, server.Port, ct);
        await using var tls = new SslStream(new NetworkStream(socket));
        var options = BareClient.Tls(identity);
        options.AllowTlsResume = false;
        await tls.AuthenticateAsClientAsync(options, ct);
        IsUp = tls.IsAuthenticated;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
