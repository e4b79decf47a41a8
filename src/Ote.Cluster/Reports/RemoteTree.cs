using System.Net;
using System.Net.WebSockets;
using System.Runtime.CompilerServices;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Reports;
using Ote.Protocol.Tunnel;
using Ote.Shim.Live;
using Yarp.ReverseProxy.Forwarder;

namespace Ote.Cluster.Reports;

/// <summary>The tree of a controller on another machine, by its <see cref="FollowDoor"/>: its reports are followed, and its clusters asked, as if it were here. Thread-safe.</summary>
public sealed class RemoteTree : IDisposable
{
    private static readonly TimeSpan Alive = TimeSpan.FromSeconds(15);
    private static readonly ForwarderRequestConfig Patient = new() { ActivityTimeout = TimeSpan.FromHours(4), Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
    private readonly Func<CancellationToken, Task<FollowPlace>> _where;
    private readonly ServiceProvider _services;
    private readonly IHttpForwarder _forwarder;
    private readonly Lock _gate = new();
    private (FollowPlace Place, HttpMessageInvoker Invoker)? _way;

    /// <summary>Makes it; nothing is dialled yet.</summary>
    /// <param name="where">Where the door is at present; asked for each time that the reports are followed. Throws an <see cref="IOException"/> that says why when it is not known.</param>
    public RemoteTree(Func<CancellationToken, Task<FollowPlace>> where)
    {
        _where = where;
        _services = new ServiceCollection().AddSingleton(typeof(ILogger<>), typeof(Microsoft.Extensions.Logging.Abstractions.NullLogger<>)).AddHttpForwarder().BuildServiceProvider();
        _forwarder = _services.GetRequiredService<IHttpForwarder>();
    }

    /// <summary>Follows the reports until either side stops.</summary>
    /// <param name="requests">What is asked of which cluster.</param>
    /// <param name="ct">Ends it.</param>
    /// <exception cref="IOException">The door cannot be reached, or the connection broke.</exception>
    public async IAsyncEnumerable<TreeReport> FollowAsync(IAsyncEnumerable<TreeRequest> requests, [EnumeratorCancellation] CancellationToken ct)
    {
        var place = await _where(ct).ConfigureAwait(false);
        _ = Way(place); // those who ask clusters go the same way from now on
        var channel = await DialAsync(place, ct).ConfigureAwait(false);
        await using (channel.ConfigureAwait(false))
        {
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(ct);
            var asking = AskAsync(requests, channel, ending.Token);
            try
            {
                while (true)
                {
                    var packet = await channel.ReceiveAsync(ProtocolLimits.MaxMessageBytes, ct).ConfigureAwait(false);
                    if (packet.IsClosed)
                    {
                        throw new IOException($"the door at {place.Address} ended it: {packet.CloseReason}");
                    }

                    var told = TreeReport.Parser.ParseFrom(packet.Bytes.Span);
                    packet.Return();
                    yield return told;
                }
            }
            finally
            {
                await ending.CancelAsync().ConfigureAwait(false);
                channel.Abort();
                await asking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Carries one request of a user to a cluster, and its answer back. What keeps it from that is answered with a Status.</summary>
    /// <param name="context">The request, authenticated and allowed.</param>
    /// <param name="cluster">The cluster.</param>
    /// <param name="user">Who asks.</param>
    /// <param name="groups">The groups of that user.</param>
    /// <param name="target">Path and query at the cluster.</param>
    public async Task ForwardAsync(HttpContext context, string cluster, string user, IReadOnlyList<string> groups, string target)
    {
        ArgumentNullException.ThrowIfNull(context);
        HttpMessageInvoker? invoker;
        FollowPlace? place;
        lock (_gate)
        {
            (place, invoker) = (_way?.Place, _way?.Invoker);
        }

        if (place is null || invoker is null)
        {
            await LiveStatus.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "ServiceUnavailable", "the root was not reached yet; try again").ConfigureAwait(false);
            return;
        }

        var error = await _forwarder.SendAsync(
            context, $"https://{place.Address}", invoker, Patient,
            new Transformer(
                $"{FollowDoor.ClustersPath}{Uri.EscapeDataString(cluster)}{target}", user, groups,
                $"the root at {place.Address}, on the way to cluster {cluster}, was lost in the middle, and what was under way may be done in part; try again, or watch on from the version seen last")).ConfigureAwait(false);
        if (error != ForwarderError.None && !context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            await LiveStatus.WriteAsync(
                context, StatusCodes.Status503ServiceUnavailable, "ServiceUnavailable", $"the root at {place.Address}, on the way to cluster {cluster}, cannot be reached ({error}); try again").ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            _way?.Invoker.Dispose();
            _way = null;
        }

        _services.Dispose();
    }

    private HttpMessageInvoker Way(FollowPlace place)
    {
        lock (_gate)
        {
            if (_way is { } known && known.Place == place)
            {
                return known.Invoker;
            }

            // The former is let go of when its last request has ended.
            var invoker = new HttpMessageInvoker(place.CreateHandler());
            _way = (place, invoker);
            return invoker;
        }
    }

    private static async Task<WebSocketChannel> DialAsync(FollowPlace place, CancellationToken ct)
    {
        var invoker = new HttpMessageInvoker(place.CreateHandler());
        var socket = new ClientWebSocket();
        (socket.Options.KeepAliveInterval, socket.Options.KeepAliveTimeout) = (Alive, Alive);
        try
        {
            await socket.ConnectAsync(new Uri($"wss://{place.Address}{FollowDoor.FollowPath}"), invoker, ct).ConfigureAwait(false);
            return new WebSocketChannel(socket, invoker);
        }
        catch (Exception fault)
        {
            socket.Dispose();
            invoker.Dispose();
            if (fault is WebSocketException or HttpRequestException)
            {
                throw new IOException($"the reports cannot be followed at {place.Address}: {fault.GetBaseException().Message}", fault);
            }

            throw;
        }
    }

    private static async Task AskAsync(IAsyncEnumerable<TreeRequest> requests, WebSocketChannel channel, CancellationToken ct)
    {
        await foreach (var request in requests.WithCancellation(ct).ConfigureAwait(false))
        {
            await channel.SendAsync(request.ToByteArray(), ct).ConfigureAwait(false);
        }
    }

    private sealed class Transformer(string target, string user, IReadOnlyList<string> groups, string broken)
        : CutTransformer(target, static header => header.Equals("Authorization", StringComparison.OrdinalIgnoreCase), broken, Patient.ActivityTimeout!.Value, TimeProvider.System)
    {
        public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
        {
            await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken).ConfigureAwait(false);
            FollowCaller.Write(proxyRequest.Headers, user, groups);
        }
    }
}
