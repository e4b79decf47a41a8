using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Ote.Shim.Hosting;

/// <summary>Serves an <see cref="IClusterShim"/> by gRPC over a unix socket (mode 0600) or mutual TLS, until disposed.</summary>
public sealed class ShimHost : IAsyncDisposable
{
    private static readonly Oid s_clientAuthentication = new("1.3.6.1.5.5.7.3.2");

    private readonly WebApplication _app;
    private readonly UnixSocketFile? _socket;

    private ShimHost(WebApplication app, UnixSocketFile? socket, ShimAddress address) => (_app, _socket, Address) = (app, socket, address);

    /// <summary>Where it listens, with the port the kernel chose.</summary>
    public ShimAddress Address { get; }

    /// <summary>
    /// Listens; on return callers are served. The host does not own the shim: dispose it after the host.
    /// Throws <see cref="ShimStartException"/> when the address cannot be had.
    /// </summary>
    public static async Task<ShimHost> StartAsync(IClusterShim shim, ShimHostOptions options, ILoggerFactory loggers, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(shim);
        ArgumentNullException.ThrowIfNull(options);
        if (!options.Listen.IsUnix && options.Tls is null)
            throw new ShimStartException($"{options.Listen} needs a certificate, its key and an authority: a shim over the network is always mutual TLS");

        UnixSocketFile? socket = options.Listen.IsUnix ? UnixSocketFile.Claim(options.Listen.SocketPath) : null;
        try
        {
            WebApplication app = Build(shim, options, socket, loggers);
            try
            {
                await app.StartAsync(ct);
                ShimHost host = new(app, socket, Bound(app, options.Listen));
                loggers.CreateLogger<ShimHost>().Listening(host.Address.ToString());
                return host;
            }
            catch
            {
                await app.DisposeAsync();
                throw;
            }
        }
        catch (Exception e)
        {
            socket?.Dispose();
            if (e is IOException or SocketException)
                throw new ShimStartException($"the shim cannot listen at {options.Listen}: {e.Message} Choose another address.", e);
            throw;
        }
    }

    /// <summary>Takes no new requests, lets running ones finish for at most <see cref="ShimHostOptions.StopGrace"/>, then ends. Idempotent.</summary>
    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(CancellationToken.None); // bounded by the host's shutdown timeout
        await _app.DisposeAsync();
        _socket?.Dispose();
    }

    private static WebApplication Build(IClusterShim shim, ShimHostOptions options, UnixSocketFile? socket, ILoggerFactory loggers)
    {
        // Empty: nothing of the environment or of files may move where this listens.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggers);
        builder.Services.AddSingleton<IHostLifetime, EmbeddedLifetime>();
        builder.Services.AddSingleton(shim);
        builder.Services.AddSingleton<ClusterShimService>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = options.StopGrace);
        builder.Services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = ShimContract.MaxMessageBytes;
            grpc.MaxSendMessageSize = ShimContract.MaxMessageBytes;
            grpc.EnableDetailedErrors = false;
        });
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        if (socket is not null)
        {
            builder.Services.Configure<SocketTransportOptions>(transport => transport.CreateBoundListenSocket = endpoint =>
                endpoint is UnixDomainSocketEndPoint ? socket.Bind() : SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint));
        }
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
            kestrel.Limits.MaxRequestBodySize = ShimContract.MaxMessageBytes;
            if (options.Listen.IsUnix)
                kestrel.ListenUnixSocket(options.Listen.SocketPath, listen => listen.Protocols = HttpProtocols.Http2);
            else
                Listen(kestrel, options.Listen.Uri, listen => listen.UseHttps(https => Secure(https, options.Tls!)));
        });
        WebApplication app = builder.Build();
        app.MapGrpcService<ClusterShimService>();
        return app;
    }

    private static void Listen(KestrelServerOptions kestrel, Uri uri, Action<ListenOptions> secure)
    {
        void Configure(ListenOptions listen)
        {
            listen.Protocols = HttpProtocols.Http2;
            secure(listen);
        }
        if (IPAddress.TryParse(uri.Host.Trim('[', ']'), out IPAddress? ip))
            kestrel.Listen(ip, uri.Port, Configure);
        else if (uri.IsLoopback)
            kestrel.Listen(IPAddress.Loopback, uri.Port, Configure);
        else
            throw new ShimStartException($"{uri.Host} is a name: a shim listens at an IP address, such as https://0.0.0.0:{uri.Port}");
    }

    private static void Secure(HttpsConnectionAdapterOptions https, ShimTls tls)
    {
        https.ServerCertificate = tls.Certificate;
        https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
        https.OnAuthenticate = (_, tlsOptions) => tlsOptions.CertificateChainPolicy = tls.ChainPolicy(s_clientAuthentication);
        https.ClientCertificateValidation = (peer, _, errors) => errors == System.Net.Security.SslPolicyErrors.None && tls.Allows(peer);
    }

    private static ShimAddress Bound(WebApplication app, ShimAddress asked)
    {
        if (asked.IsUnix)
            return asked;
        string bound = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return ShimAddress.Parse(new UriBuilder(asked.Uri) { Port = new Uri(bound).Port }.Uri.GetLeftPart(UriPartial.Authority));
    }
}
