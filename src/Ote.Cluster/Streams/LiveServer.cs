using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Access;
using Ote.Cluster.Audit;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;
using Ote.Shim;
using Yarp.ReverseProxy.Forwarder;

namespace Ote.Cluster.Streams;

/// <summary>
/// Serves streams as HTTP connections: Kestrel, with streams in place of sockets. Begins when the first stream comes. Thread-safe.
/// </summary>
/// <param name="self">The own name.</param>
/// <param name="shim">The managed cluster's shim; null: there is none.</param>
/// <param name="access">The policies in force here.</param>
/// <param name="audit">Where requests are noted; null: nowhere.</param>
/// <param name="time">The clock.</param>
/// <param name="loggers">Where it logs.</param>
internal sealed class LiveServer(string self, IClusterShim? shim, Func<ICommandAccess> access, AuditLog? audit, TimeProvider time, ILoggerFactory loggers) : IAsyncDisposable
{
    private readonly SemaphoreSlim _starting = new(1);
    private readonly StreamListener _listener = new();
    private WebApplication? _app;

    /// <summary>Says why there is no live access here, if there is none.</summary>
    /// <exception cref="StreamRefusedException">There is none.</exception>
    public void Check()
    {
        if (shim is null)
        {
            throw new StreamRefusedException($"cluster {self} has no managed cluster behind it", forGood: true);
        }

        if (shim is not ILiveCluster { LiveAddress: not null })
        {
            throw new StreamRefusedException($"the shim of cluster {self} gives no live access: that needs --managed-kubeconfig at its controller. Commands reach it all the same (otectl apply --to {self})", forGood: true);
        }
    }

    /// <summary>Serves a stream until it has ended.</summary>
    public async Task ServeAsync(Stream stream, OpenStream opened)
    {
        await StartAsync().ConfigureAwait(false);
        var connection = new StreamConnection(stream);
        connection.Features.Set(new LiveCaller(opened));
        await _listener.AddAsync(connection).ConfigureAwait(false);
        await connection.Ended.ConfigureAwait(false);
    }

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
            builder.Services.AddSingleton<ILoggerFactory>(Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance); // what matters of a request is noted by ours
            builder.Services.AddSingleton<Microsoft.Extensions.Hosting.IHostLifetime, EmbeddedLifetime>();
            builder.Services.AddSingleton<IConnectionListenerFactory>(_listener);
            builder.Services.AddHttpForwarder();
            builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(static options => options.ShutdownTimeout = TimeSpan.FromSeconds(1));
            builder.WebHost.UseKestrelCore().ConfigureKestrel(static kestrel =>
            {
                kestrel.AddServerHeader = false;
                kestrel.Limits.MinRequestBodyDataRate = null; // links are as slow as they are
                kestrel.Limits.MinResponseDataRate = null;
                kestrel.Limits.MaxRequestBodySize = 64 * 1024 * 1024;
                kestrel.Listen(new StreamListener.Place(), static listen => listen.Protocols = HttpProtocols.Http1);
            });
            var app = builder.Build();
            var requests = new LiveRequests(
                self, (ILiveCluster)shim!, access(), audit, app.Services.GetRequiredService<IHttpForwarder>(), time, loggers.CreateLogger("Ote.Cluster.Streams"));
            app.Run(requests.AnswerAsync);
            await app.StartAsync().ConfigureAwait(false);
            Volatile.Write(ref _app, app);
        }
        finally
        {
            _starting.Release();
        }
    }
}
