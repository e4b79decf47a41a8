using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Identity;

namespace Ote.Cluster.Tunnel;

/// <summary>A Kestrel listener for children: <c>/tunnel</c>, and <c>/join</c> when asked to.</summary>
public sealed class TunnelListener : IListening
{
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(2);
    private readonly WebApplication app;

    private TunnelListener(WebApplication app, IPEndPoint endpoint)
    {
        this.app = app;
        EndPoint = endpoint;
    }

    /// <inheritdoc/>
    public IPEndPoint EndPoint { get; }

    /// <summary>Listens.</summary>
    /// <param name="endpoint">Port 0 lets the kernel choose.</param>
    /// <param name="identity">The certificate shown, and the CA trusted.</param>
    /// <param name="tunnel">Gets the links.</param>
    /// <param name="join">Answers joining; null when this parent does not.</param>
    /// <param name="logs">For the host's warnings.</param>
    /// <param name="ct">Gives up starting.</param>
    /// <param name="more">Maps further endpoints; null for none.</param>
    /// <param name="time">The clock certificates are held against; null for the system's.</param>
    /// <exception cref="IOException">The address is taken or not ours.</exception>
    public static async Task<TunnelListener> StartAsync(
        IPEndPoint endpoint, IdentitySource identity, CloudTunnel tunnel, JoinService? join, ILoggerFactory logs, CancellationToken ct, Action<IEndpointRouteBuilder>? more = null,
        TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentNullException.ThrowIfNull(tunnel);
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(logs);
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton<Microsoft.Extensions.Hosting.IHostLifetime, EmbeddedLifetime>();
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(static options => options.ShutdownTimeout = StopTimeout);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 1024 * 1024;
            kestrel.Listen(endpoint, listener => listener.UseHandshakeGate(tunnel.Handshakes, time ?? TimeProvider.System, tls => tls.UseTunnelTls(identity, time, applicants: true)));
        });
        WebApplication app = builder.Build();
        app.UseApplicants();
        app.UseWebSockets(new WebSocketOptions { KeepAliveInterval = Timeout.InfiniteTimeSpan });
        app.UseRouting();
        tunnel.Map(app);
        join?.Map(app);
        more?.Invoke(app);
        try
        {
            await app.StartAsync(ct).ConfigureAwait(false);
        }
        catch
        {
            await app.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        string address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return new TunnelListener(app, new IPEndPoint(endpoint.Address, new Uri(address).Port));
    }

    /// <summary>Stops listening; dispose the tunnel first, so that its links can say goodbye.</summary>
    public async ValueTask DisposeAsync()
    {
        await app.StopAsync(CancellationToken.None).ConfigureAwait(false);
        await app.DisposeAsync().ConfigureAwait(false);
    }
}
