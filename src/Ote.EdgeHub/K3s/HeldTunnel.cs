using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebSockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Ote.EdgeHub.Proxy;

namespace Ote.EdgeHub.K3s;

/// <summary>
/// The tunnel of an agent while no server can be reached: it is held open, and carries nothing. An agent that starts waits for its tunnel before it starts the kubelet (k3s: <c>pkg/agent/run.go</c>, <c>setupTunnelAndRunAgent</c>). When the
/// node is connected it is closed, and the agent, which dials anew a second later, comes to a server. Thread-safe.
/// </summary>
/// <param name="whenConnected">Completes when a server can be reached, or can next.</param>
internal sealed class HeldTunnel(Func<Task> whenConnected) : IDisposable
{
    /// <summary>An agent has one to each of its servers.</summary>
    private const int Most = 16;

    private static readonly TimeSpan Alive = TimeSpan.FromSeconds(30);
    private readonly SemaphoreSlim _room = new(Most);

    /// <summary>Holds one until the node is connected or the agent goes.</summary>
    public async Task HoldAsync(HttpContext context)
    {
        if (!await _room.WaitAsync(0, context.RequestAborted).ConfigureAwait(false))
        {
            await RefuseAsync(context).ConfigureAwait(false);
            return;
        }

        try
        {
            var options = new WebSocketOptions { KeepAliveInterval = Alive, KeepAliveTimeout = Alive };
            await new WebSocketMiddleware(AcceptAsync, Options.Create(options), NullLoggerFactory.Instance).Invoke(context).ConfigureAwait(false);
        }
        finally
        {
            _room.Release();
        }
    }

    public void Dispose() => _room.Dispose();

    private static Task RefuseAsync(HttpContext context) => HubStatus.WriteAsync(context, 503, "ServiceUnavailable", "no k3s server can be reached, and no more tunnels are held until one can");

    private async Task AcceptAsync(HttpContext context)
    {
        if (!context.WebSockets.IsWebSocketRequest)
        {
            await HubStatus.WriteAsync(context, 400, "BadRequest", "the tunnel of an agent is a WebSocket").ConfigureAwait(false);
            return;
        }

        using var socket = await context.WebSockets.AcceptWebSocketAsync().ConfigureAwait(false);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        try
        {
            var reading = DropAsync(socket, late.Token);
            if (await Task.WhenAny(whenConnected(), reading).ConfigureAwait(false) != reading)
            {
                late.CancelAfter(Alive);
                await socket.CloseOutputAsync(WebSocketCloseStatus.EndpointUnavailable, "a server can be reached again", late.Token).ConfigureAwait(false);
            }

            await reading.ConfigureAwait(false);
        }
        catch (Exception gone) when (gone is WebSocketException or IOException or OperationCanceledException)
        {
            // The agent has gone, or says nothing more.
        }
    }

    /// <summary>Reads until the agent ends it: it tells each minute which connections it knows, and those are none.</summary>
    private static async Task DropAsync(WebSocket socket, CancellationToken ct)
    {
        var unwanted = new byte[256];
        while ((await socket.ReceiveAsync(unwanted.AsMemory(), ct).ConfigureAwait(false)).MessageType != WebSocketMessageType.Close)
        {
            // Nothing of it goes anywhere.
        }
    }
}
