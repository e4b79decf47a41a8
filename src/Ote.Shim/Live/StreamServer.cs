using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Shim.Hosting;
using Yarp.ReverseProxy.Forwarder;

namespace Ote.Shim.Live;

/// <summary>
/// Serves streams as HTTP/1.1 connections: Kestrel, with streams in place of sockets. Nothing runs before the first stream comes. Thread-safe.
/// </summary>
/// <param name="answer">Answers a request; given what carries requests on.</param>
internal sealed class StreamServer(Func<HttpContext, IHttpForwarder, Task> answer) : IAsyncDisposable
{
    /// <summary>Larger bodies of requests are refused; what an upgraded connection carries is not counted.</summary>
    public const int MaxRequestBytes = 64 * 1024 * 1024;

    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(1);
    private readonly SemaphoreSlim _starting = new(1);
    private readonly StreamListener _listener = new();
    private WebApplication? _app;

    /// <summary>Serves a stream until it has ended; it is disposed then.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="describe">What requests that come over it are to find among their features.</param>
    public async Task ServeAsync(Stream stream, Action<IFeatureCollection>? describe = null)
    {
        await StartAsync().ConfigureAwait(false);
        var connection = new StreamConnection(stream);
        describe?.Invoke(connection.Features);
        await _listener.AddAsync(connection).ConfigureAwait(false);
        await connection.Ended.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _starting.WaitAsync().ConfigureAwait(false);
        if (_app is not null)
        {
            await _app.StopAsync(CancellationToken.None).ConfigureAwait(false);
            await _app.DisposeAsync().ConfigureAwait(false);
        }

        _starting.Dispose();
    }

    private async Task StartAsync()
    {
        if (Volatile.Read(ref _app) is not null)
        {
            return;
        }

        await _starting.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_app is not null)
            {
                return;
            }

            var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
            builder.Services.AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance); // who answers notes what matters of a request
            builder.Services.AddSingleton<IHostLifetime, EmbeddedLifetime>();
            builder.Services.AddSingleton<IConnectionListenerFactory>(_listener);
            builder.Services.AddHttpForwarder();
            builder.Services.Configure<HostOptions>(static options => options.ShutdownTimeout = StopGrace);
            builder.WebHost.UseKestrelCore().ConfigureKestrel(static kestrel =>
            {
                kestrel.AddServerHeader = false;
                kestrel.Limits.MinRequestBodyDataRate = null; // links are as slow as they are
                kestrel.Limits.MinResponseDataRate = null;
                kestrel.Limits.MaxRequestBodySize = MaxRequestBytes;
                kestrel.Listen(new StreamListener.Place(), static listen => listen.Protocols = HttpProtocols.Http1);
            });
            var app = builder.Build();
            var forwarder = app.Services.GetRequiredService<IHttpForwarder>();
            app.Run(context => answer(context, forwarder));
            await app.StartAsync().ConfigureAwait(false);
            Volatile.Write(ref _app, app);
        }
        finally
        {
            _starting.Release();
        }
    }
}
