using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using Grpc.Net.Client;

namespace Ote.Shim.Remote;

/// <summary>Opens the HTTP/2 channel to a shim. Each call connects anew when the last connection is gone.</summary>
internal static class ShimChannel
{
    private static readonly Oid s_serverAuthentication = new("1.3.6.1.5.5.7.3.1");

    public static GrpcChannel Open(RemoteShimOptions options)
    {
        SocketsHttpHandler handler = new()
        {
            ConnectTimeout = options.ConnectTimeout,
            UseProxy = false,
            EnableMultipleHttp2Connections = true,
            KeepAlivePingDelay = TimeSpan.FromSeconds(10),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(5),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        };
        if (options.Address.IsUnix)
        {
            string path = options.Address.SocketPath;
            handler.ConnectCallback = (_, ct) => ConnectAsync(path, ct);
        }
        else
        {
            ShimTls tls = options.Tls ?? throw new ArgumentException($"{options.Address} needs a certificate, its key and an authority: a shim over the network is always mutual TLS", nameof(options));
            handler.SslOptions = new SslClientAuthenticationOptions
            {
                ClientCertificateContext = SslStreamCertificateContext.Create(tls.Certificate, additionalCertificates: null, offline: true),
                CertificateChainPolicy = tls.ChainPolicy(s_serverAuthentication),
            };
        }
        return GrpcChannel.ForAddress(options.Address.IsUnix ? new Uri("http://localhost") : options.Address.Uri, new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            MaxReceiveMessageSize = ShimContract.MaxMessageBytes,
            MaxSendMessageSize = ShimContract.MaxMessageBytes,
        });
    }

    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken ct)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
