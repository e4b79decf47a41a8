using System.Net;
using System.Net.Security;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using Ote.Cluster.Identity;

namespace Ote.Bench.Load;

/// <summary>The baseline's client: a plain WebSocket over mutual TLS that answers every message with the same bytes.</summary>
internal sealed class BareClient(ClusterIdentity identity, byte[] answer) : ILoadClient
{
    private const int BufferBytes = 4096;
    private readonly ClientWebSocket _socket = new();
    private HttpMessageInvoker? _invoker;

    public bool IsUp => _socket.State == WebSocketState.Open;

    public long Received => 0;

    public async Task StartAsync(Uri server, CancellationToken ct)
    {
        _invoker = new HttpMessageInvoker(new SocketsHttpHandler { UseProxy = false, SslOptions = Tls(identity) });
        _socket.Options.KeepAliveInterval = TimeSpan.Zero;
        await _socket.ConnectAsync(new UriBuilder(server) { Scheme = "wss" }.Uri, _invoker, ct);
        _ = Task.Run(AnswerAsync, ct);
    }

    /// <summary>What the tunnel's own dialer uses, without its check of the peer's name.</summary>
    public static SslClientAuthenticationOptions Tls(ClusterIdentity identity)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.CustomTrustStore.Add(identity.Authority);
        return new SslClientAuthenticationOptions
        {
            TargetHost = IPAddress.Loopback.ToString(),
            ClientCertificateContext = SslStreamCertificateContext.Create(identity.Certificate, [identity.Authority], offline: true),
            CertificateChainPolicy = policy,
        };
    }

    public ValueTask DisposeAsync()
    {
        _socket.Abort();
        _socket.Dispose();
        _invoker?.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task AnswerAsync()
    {
        var buffer = new byte[BufferBytes];
        try
        {
            while (true)
            {
                var part = await _socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
                if (part.MessageType == WebSocketMessageType.Close)
                {
                    return;
                }

                if (part.EndOfMessage)
                {
                    await _socket.SendAsync(answer.AsMemory(), WebSocketMessageType.Binary, true, CancellationToken.None);
                }
            }
        }
        catch (Exception gone) when (gone is WebSocketException or ObjectDisposedException)
        {
            // The server has left, or this client was disposed.
        }
    }
}
