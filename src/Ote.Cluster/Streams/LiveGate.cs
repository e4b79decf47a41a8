using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Routing;
using Ote.Protocol.Tunnel;
using Ote.Shim.Live;
using Yarp.ReverseProxy.Forwarder;

namespace Ote.Cluster.Streams;

/// <summary>
/// The way from a controller's API into the APIs of the clusters below: requests go over streams, one kept open and used again for each user and cluster while it is needed. Nothing is
/// open while nobody asks. Thread-safe.
/// </summary>
internal sealed class LiveGate : IDisposable
{
    private const int MostHosts = 10_000; // of clusters and users whose requests are under way or were lately
    private static readonly TimeSpan KeptOpen = TimeSpan.FromMinutes(1);
    private static readonly ForwarderRequestConfig Patient = new() { ActivityTimeout = TimeSpan.FromHours(4), Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
    private readonly Func<string, Requester, CancellationToken, Task<Stream>> _open;
    private readonly ConcurrentDictionary<string, (string Cluster, Requester Requester)> _hosts = new(StringComparer.Ordinal);
    private readonly HttpMessageInvoker _invoker;
    private readonly ServiceProvider _services;
    private readonly IHttpForwarder _forwarder;

    /// <summary>Makes a gate; opens nothing.</summary>
    /// <param name="open">Opens a stream for a user.</param>
    public LiveGate(Func<string, Requester, CancellationToken, Task<Stream>> open)
    {
        _open = open;
        _services = new ServiceCollection().AddSingleton(typeof(ILogger<>), typeof(Microsoft.Extensions.Logging.Abstractions.NullLogger<>)).AddHttpForwarder().BuildServiceProvider();
        _forwarder = _services.GetRequiredService<IHttpForwarder>();
        _invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            UseProxy = false,
            PooledConnectionIdleTimeout = KeptOpen,
            ConnectCallback = ConnectAsync,
        });
    }

    /// <summary>Carries one request of a user to a cluster, and its answer back.</summary>
    /// <param name="context">The request, authenticated and allowed.</param>
    /// <param name="cluster">The cluster.</param>
    /// <param name="requester">Who asks.</param>
    /// <param name="target">Path and query at the cluster.</param>
    public async Task ForwardAsync(HttpContext context, string cluster, Requester requester, string target)
    {
        if (ClusterName.Check(cluster) is { } fault)
        {
            await LiveStatus.WriteAsync(context, StatusCodes.Status400BadRequest, "BadRequest", $"/clusters/{cluster}: {fault}").ConfigureAwait(false);
            return;
        }

        var host = Host(cluster, requester);
        if (_hosts.Count >= MostHosts)
        {
            _hosts.Clear(); // who is about to connect asks again
        }

        _hosts[host] = (cluster, requester);
        var error = await _forwarder.SendAsync(context, $"http://{host}", _invoker, Patient, new LiveTransformer(target, static header => header.Equals("Authorization", StringComparison.OrdinalIgnoreCase))).ConfigureAwait(false);
        if (error != ForwarderError.None && !context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            var refused = Refusal(context.Features.Get<IForwarderErrorFeature>()?.Exception);
            await (refused is { IsForGood: true }
                // Not 404: who deletes would take it for done.
                ? LiveStatus.WriteAsync(context, StatusCodes.Status405MethodNotAllowed, "MethodNotAllowed", refused.Message)
                : LiveStatus.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "ServiceUnavailable", refused?.Message ?? $"the way to cluster {cluster} broke ({error}); try again")).ConfigureAwait(false);
        }
    }

    public void Dispose()
    {
        _invoker.Dispose();
        _services.Dispose();
    }

    /// <summary>A host name that stands for a cluster and a user: the pool of connections goes by it.</summary>
    private static string Host(string cluster, Requester requester)
    {
        var user = string.Join('\n', requester.Groups.Order(StringComparer.Ordinal).Prepend(requester.User));
        return $"{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(user)).AsSpan(0, 16))}.{cluster}";
    }

    private static StreamRefusedException? Refusal(Exception? fault)
    {
        for (; fault is not null; fault = fault.InnerException)
        {
            if (fault is StreamRefusedException refused)
            {
                return refused;
            }
        }

        return null;
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        return _hosts.TryGetValue(context.DnsEndPoint.Host, out var to)
            ? await _open(to.Cluster, to.Requester, ct).ConfigureAwait(false)
            : throw new StreamRefusedException("too many users of too many clusters ask at once; try again");
    }
}
