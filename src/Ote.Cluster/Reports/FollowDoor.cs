using System.Net;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Handling;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Reports;
using Ote.Protocol.Tunnel;
using Ote.Shim.Live;

namespace Ote.Cluster.Reports;

/// <summary>
/// Where processes on other machines, which keep the mirror of a tree, follow the reports of a controller's subtree, and ask clusters for their users: over mutual TLS, for who has a certificate of the door's own
/// authority. Thread-safe.
/// </summary>
public sealed class FollowDoor : IAsyncDisposable
{
    internal const string FollowPath = "/follow";
    internal const string ClustersPath = "/clusters/";
    private static readonly TimeSpan Alive = TimeSpan.FromSeconds(15); // between two signs of life, and as long for the answer
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(2);
    private readonly Action<string, string?> _told;
    private readonly WebApplication _app;
    private Leading? _leading;

    private FollowDoor(IPEndPoint endpoint, X509Certificate2 serving, Func<X509Certificate2, bool> believes, ILoggerFactory loggers, Action<string, string?> told)
    {
        _told = told;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggers);
        builder.Services.AddSingleton<Microsoft.Extensions.Hosting.IHostLifetime, EmbeddedLifetime>();
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(static options => options.ShutdownTimeout = StopTimeout);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null; // streams into clusters last and carry any amount
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Listen(endpoint, listen => listen.UseHttps(new HttpsConnectionAdapterOptions
            {
                ServerCertificate = serving,
                SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                ClientCertificateMode = ClientCertificateMode.RequireCertificate,
                ClientCertificateValidation = (certificate, _, _) => believes(certificate),
            }));
        });
        _app = builder.Build();
        _app.UseWebSockets(new WebSocketOptions { KeepAliveInterval = Alive, KeepAliveTimeout = Alive });
        _app.Run(AnswerAsync);
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint { get; private set; } = null!;

    /// <summary>Listens; nobody is let through before <see cref="Lead"/>.</summary>
    /// <param name="endpoint">Port 0 lets the kernel choose.</param>
    /// <param name="serving">The certificate shown, with its key; not owned.</param>
    /// <param name="believes">Whether a client's certificate is one of those that are let in, and in its time. Called from several threads.</param>
    /// <param name="loggers">Where the host logs.</param>
    /// <param name="told">Told from which address somebody follows, and, with the cause, that this has ended. Called from several threads.</param>
    /// <param name="ct">Gives up starting.</param>
    /// <exception cref="IOException">The address is taken or not ours.</exception>
    public static async Task<FollowDoor> StartAsync(IPEndPoint endpoint, X509Certificate2 serving, Func<X509Certificate2, bool> believes, ILoggerFactory loggers, Action<string, string?> told, CancellationToken ct)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        var door = new FollowDoor(endpoint, serving, believes, loggers, told);
        try
        {
            await door._app.StartAsync(ct).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is IOException or AddressInUseException or System.Net.Sockets.SocketException)
        {
            await door._app.DisposeAsync().ConfigureAwait(false);
            throw new IOException($"cannot listen on {endpoint}: {fault.Message} Stop what uses it, or choose another port.", fault);
        }

        var address = door._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        door.EndPoint = new IPEndPoint(endpoint.Address, new Uri(address).Port);
        return door;
    }

    /// <summary>Lets those who come through to a controller.</summary>
    /// <param name="controller">The controller.</param>
    /// <param name="until">Fires when it is no more: who follows it is cut off then, and comes again.</param>
    public void Lead(ClusterController controller, CancellationToken until) => Volatile.Write(ref _leading, new Leading(controller, until));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(CancellationToken.None).ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
    }

    private Task AnswerAsync(HttpContext context)
    {
        if (Volatile.Read(ref _leading) is not { Until.IsCancellationRequested: false } leading)
        {
            return LiveStatus.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "ServiceUnavailable", "this process does not lead the tree at present; ask the one that does");
        }

        var path = context.Request.Path.Value ?? "";
        return path == FollowPath && context.WebSockets.IsWebSocketRequest ? FollowAsync(context, leading)
            : path.StartsWith(ClustersPath, StringComparison.Ordinal) ? ForwardAsync(context, leading.Controller, path)
            : LiveStatus.WriteAsync(context, StatusCodes.Status404NotFound, "NotFound", $"there is no {path} here");
    }

    /// <summary>The user was judged where the request came in, and is judged again where it goes to.</summary>
    private static Task ForwardAsync(HttpContext context, ClusterController controller, string path)
    {
        if (FollowCaller.Take(context.Request.Headers) is not { } caller)
        {
            return LiveStatus.WriteAsync(context, StatusCodes.Status400BadRequest, "BadRequest", "nobody is named for whom this is asked");
        }

        var raw = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget;
        var end = raw.IndexOfAny(['/', '?'], ClustersPath.Length);
        var name = path[ClustersPath.Length..].Split('/')[0];
        var rest = end < 0 ? "/" : raw[end] == '/' ? raw[end..] : "/" + raw[end..];
        return controller.ForwardAsync(context, name, caller.User, caller.Groups, rest);
    }

    private async Task FollowAsync(HttpContext context, Leading leading)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, leading.Until);
        using var socket = await context.WebSockets.AcceptWebSocketAsync().ConfigureAwait(false);
        var from = context.Connection.RemoteIpAddress?.ToString() ?? "";
        _told(from, null);
        var channel = new WebSocketChannel(socket);
        await using (channel.ConfigureAwait(false))
        {
            var cause = "it left";
            try
            {
                await foreach (var told in leading.Controller.FollowReportsAsync(RequestsAsync(channel, ending.Token), ending.Token).ConfigureAwait(false))
                {
                    await channel.SendAsync(told.ToByteArray(), ending.Token).ConfigureAwait(false);
                }
            }
            catch (Exception gone) when (gone is IOException or OperationCanceledException or ProtocolViolation or InvalidProtocolBufferException)
            {
                cause = leading.Until.IsCancellationRequested ? "this process leads the tree no more" : gone.Message;
            }
            finally
            {
                _told(from, cause);
            }
        }
    }

    private static async IAsyncEnumerable<TreeRequest> RequestsAsync(WebSocketChannel channel, [EnumeratorCancellation] CancellationToken ct)
    {
        while (true)
        {
            var packet = await channel.ReceiveAsync(ProtocolLimits.MaxPacketBytes, ct).ConfigureAwait(false);
            if (packet.IsClosed)
            {
                yield break;
            }

            var request = TreeRequest.Parser.ParseFrom(packet.Bytes.Span);
            packet.Return();
            yield return request;
        }
    }

    private sealed record Leading(ClusterController Controller, CancellationToken Until);
}
