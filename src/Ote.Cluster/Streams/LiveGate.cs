using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Routing;
using Ote.Protocol.Tunnel;
using Ote.Shim.Live;
using Yarp.ReverseProxy.Forwarder;

namespace Ote.Cluster.Streams;

/// <summary>The way from a controller's API into the APIs of the clusters below: requests go over the streams of a <see cref="LivePool"/>. Thread-safe.</summary>
internal sealed class LiveGate : IDisposable
{
    private static readonly TimeSpan Idle = TimeSpan.FromHours(4);
    private static readonly ForwarderRequestConfig Patient = new() { ActivityTimeout = Idle, Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
    private readonly LivePool _pool;
    private readonly TimeProvider _time;
    private readonly HttpMessageInvoker _invoker;
    private readonly ServiceProvider _services;
    private readonly IHttpForwarder _forwarder;

    /// <summary>Makes a gate; opens nothing.</summary>
    /// <param name="pool">Its connections; the caller's to dispose, after this.</param>
    /// <param name="time">The clock.</param>
    public LiveGate(LivePool pool, TimeProvider time)
    {
        (_pool, _time) = (pool, time);
        _services = new ServiceCollection().AddSingleton(typeof(ILogger<>), typeof(Microsoft.Extensions.Logging.Abstractions.NullLogger<>)).AddHttpForwarder().BuildServiceProvider();
        _forwarder = _services.GetRequiredService<IHttpForwarder>();
        _invoker = new HttpMessageInvoker(pool.Handler, disposeHandler: false);
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

        var address = _pool.AddressOf(cluster, requester);
        var error = await _forwarder.SendAsync(
            context, $"http://{address.Host}", _invoker, Patient,
            new CutTransformer(
                target, static header => header.Equals("Authorization", StringComparison.OrdinalIgnoreCase),
                $"the way to cluster {cluster} broke in the middle, and what was under way may be done in part; try again, or watch on from the version seen last, which works as soon as there is a way again", Idle, _time)).ConfigureAwait(false);
        if (error != ForwarderError.None && !context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            var refused = LivePool.Refusal(context.Features.Get<IForwarderErrorFeature>()?.Exception);
            await (refused is { IsUnknown: true } && MayBeMissing(context.Request.Method, target) ? LiveStatus.WriteAsync(context, StatusCodes.Status404NotFound, "NotFound", refused.Message)
                : refused is { IsUndecided: true } ? LiveStatus.WriteAsync(context, StatusCodes.Status504GatewayTimeout, "Timeout", refused.Message)
                : LiveStatus.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "ServiceUnavailable", refused?.Message ?? $"the way to cluster {cluster} broke ({error}); try again")).ConfigureAwait(false);
        }
    }

    /// <summary>Whether 404 says what is meant: who deletes would take it for done, and kubectl takes it for a server that has no such API, and says nothing.</summary>
    private static bool MayBeMissing(string method, string target) => (HttpMethods.IsGet(method) || HttpMethods.IsHead(method)) && target.Split('?')[0].TrimEnd('/') is not ("/api" or "/apis");

    public void Dispose()
    {
        _invoker.Dispose();
        _services.Dispose();
    }
}
