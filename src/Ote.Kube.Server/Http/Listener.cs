using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Ote.Kube.Server.Access;

namespace Ote.Kube.Server.Http;

/// <summary>An HTTPS listener of a server. Client certificates are asked for, not demanded; who they are is decided per request.</summary>
public sealed class Listener : IAsyncDisposable
{
    private readonly WebApplication _application;

    private readonly TimeProvider _time;

    private Listener(WebApplication application, IPEndPoint address, TimeProvider time)
    {
        (_application, _time) = (application, time);
        Address = address;
    }

    /// <summary>Where it listens; the port is the real one.</summary>
    public IPEndPoint Address { get; }

    /// <summary>Begins to listen.</summary>
    /// <exception cref="IOException">The address is taken or cannot be bound; the message says which.</exception>
    public static Task<Listener> StartAsync(
        IPEndPoint endpoint, ServerPki pki, ApiServerOptions options, RequestDelegate server, ILoggerFactory loggers, TimeProvider time, CancellationToken cancellation) =>
        StartAsync(endpoint, https => https.ServerCertificate = pki.Serving, options, server, loggers, time, cancellation);

    /// <summary>The same with a certificate that somebody renews: each connection is shown what it is then.</summary>
    /// <exception cref="IOException">The address is taken or cannot be bound; the message says which.</exception>
    public static Task<Listener> StartAsync(
        IPEndPoint endpoint, Func<X509Certificate2> certificate, ApiServerOptions options, RequestDelegate server, ILoggerFactory loggers, TimeProvider time, CancellationToken cancellation) =>
        StartAsync(endpoint, https => https.ServerCertificateSelector = (_, _) => certificate(), options, server, loggers, time, cancellation);

    private static async Task<Listener> StartAsync(
        IPEndPoint endpoint, Action<HttpsConnectionAdapterOptions> identify, ApiServerOptions options, RequestDelegate server, ILoggerFactory loggers, TimeProvider time, CancellationToken cancellation)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggers);
        builder.Services.AddSingleton<Microsoft.Extensions.Hosting.IHostLifetime, EmbeddedLifetime>();
        // What is written to a connection is sent by the thread that wrote it while the connection takes it: a hop to another costs more than the send.
        builder.Services.Configure<SocketTransportOptions>(sockets => sockets.UnsafePreferInlineScheduling = true);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes + 1;
            kestrel.Limits.MaxRequestHeaderCount = 100;
            kestrel.Limits.MaxRequestHeadersTotalSize = 32 * 1024;
            kestrel.Limits.MaxRequestLineSize = 16 * 1024;
            kestrel.Limits.Http2.MaxStreamsPerConnection = 250;
            kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(30);
            kestrel.Listen(endpoint, listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                var https = new HttpsConnectionAdapterOptions
                {
                    SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                    ClientCertificateMode = ClientCertificateMode.AllowCertificate,
                    // Any certificate may connect: whom it stands for, if anyone, is the authenticator's to say, and its answer is a Status.
                    ClientCertificateValidation = static (_, _, _) => true,
                };
                identify(https);
                listen.UseHttps(https);
            });
        });
        var application = builder.Build();
        application.Run(server);
        try
        {
            await application.StartAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is IOException or AddressInUseException or System.Net.Sockets.SocketException)
        {
            await application.DisposeAsync().ConfigureAwait(false);
            throw new IOException($"Cannot listen on {endpoint}: {fault.Message} Stop what uses it, or choose another port (0 lets the system choose).", fault);
        }

        var bound = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return new Listener(application, new IPEndPoint(endpoint.Address, new Uri(bound).Port), time);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(5), _time);
        await _application.StopAsync(soon.Token).ConfigureAwait(false);
        await _application.DisposeAsync().ConfigureAwait(false);
    }
}
