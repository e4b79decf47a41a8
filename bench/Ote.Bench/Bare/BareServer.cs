using System.Collections.Concurrent;
using System.Net;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;

namespace Ote.Bench.Bare;

/// <summary>The baseline: a plain ASP.NET Core WebSocket server over the tunnel's TLS settings, which keeps nothing and checks nothing.</summary>
internal sealed class BareServer : IAsyncDisposable
{
    private const int BufferBytes = 4096;
    private readonly ConcurrentDictionary<WebSocket, bool> _sockets = new();
    private readonly TimeProvider _time;
    private readonly WebApplication _app;
    private TaskCompletionSource _answered = new();
    private int _missing;

    private BareServer(WebApplication app, TimeProvider time) => (_app, _time) = (app, time);

    public IPEndPoint EndPoint { get; private set; } = new(IPAddress.Loopback, 0);

    public static async Task<BareServer> StartAsync(string identityDirectory, TimeProvider time, CancellationToken ct, IPAddress? at = null)
    {
        var authority = CertificateAuthority.LoadOrCreate(identityDirectory, time);
        var identity = new IdentitySource(authority.CreateIdentity(new PeerIdentity("root", "bare-root"), ["127.0.0.1", "localhost", .. at is null ? Array.Empty<string>() : [at.ToString()]]));
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(static o => o.ShutdownTimeout = TimeSpan.FromSeconds(1));
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(
            kestrel => kestrel.Listen(at ?? IPAddress.Loopback, 0, listener => listener.UseTunnelTls(identity)));
        var app = builder.Build();
        var server = new BareServer(app, time);
        app.UseWebSockets(new WebSocketOptions { KeepAliveInterval = Timeout.InfiniteTimeSpan });
        app.Run(server.ServeAsync);
        await app.StartAsync(ct);
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        server.EndPoint = new IPEndPoint(at ?? IPAddress.Loopback, new Uri(address).Port);
        return server;
    }

    /// <summary>Writes the same bytes to every socket; the time until each has answered.</summary>
    public async Task<TimeSpan> RoundAsync(byte[] message, CancellationToken ct)
    {
        var sockets = _sockets.Keys.ToArray();
        Volatile.Write(ref _missing, sockets.Length);
        _answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var start = _time.GetTimestamp();
        foreach (var socket in sockets)
        {
            await socket.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, ct);
        }

        await _answered.Task.WaitAsync(ct);
        return _time.GetElapsedTime(start);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var socket in _sockets.Keys)
        {
            socket.Abort();
        }

        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private async Task ServeAsync(HttpContext context)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync();
        _sockets[socket] = true;
        var buffer = new byte[BufferBytes];
        try
        {
            while (true)
            {
                var part = await socket.ReceiveAsync(buffer.AsMemory(), context.RequestAborted);
                if (part.MessageType == WebSocketMessageType.Close)
                {
                    break;
                }

                if (part.EndOfMessage && Interlocked.Decrement(ref _missing) == 0)
                {
                    _answered.TrySetResult();
                }
            }
        }
        catch (Exception gone) when (gone is WebSocketException or OperationCanceledException)
        {
            // The client has left; a round that still waits for it is ended by its own deadline.
        }
        finally
        {
            _sockets.TryRemove(socket, out _);
        }
    }
}
