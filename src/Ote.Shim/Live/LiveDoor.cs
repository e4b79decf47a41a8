using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Forwarder;

namespace Ote.Shim.Live;

/// <summary>
/// The shim's end of live access: requests that come over streams from its controller go to the managed cluster's API with the shim's credentials, as who the controller says asks, within the
/// allow-list. Thread-safe.
/// </summary>
/// <param name="cluster">The managed cluster.</param>
/// <param name="time">The clock.</param>
internal sealed class LiveDoor(ILiveCluster cluster, TimeProvider time) : IAsyncDisposable
{
    private static readonly ForwarderRequestConfig Patient = new() { ActivityTimeout = TimeSpan.FromHours(4), Version = HttpVersion.Version11 };

    private readonly StreamServer _server = new((context, forwarder) => AnswerAsync(cluster, context, forwarder, time));

    /// <summary>Serves a stream until it has ended.</summary>
    public Task ServeAsync(Stream stream) => _server.ServeAsync(stream);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private static async Task AnswerAsync(ILiveCluster cluster, HttpContext context, IHttpForwarder forwarder, TimeProvider time)
    {
        var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        if (cluster.LiveObjection(context.Request.Method, target) is { } objection)
        {
            await LiveStatus.WriteAsync(context, StatusCodes.Status403Forbidden, "Forbidden", objection).ConfigureAwait(false);
            return;
        }

        var error = await forwarder.SendAsync(context, cluster.LiveAddress!.ToString(), cluster.LiveInvoker, Patient, new Onwards(cluster.ActsAsRequester, target, time)).ConfigureAwait(false);
        if (error != ForwarderError.None && !context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            var cause = context.Features.Get<IForwarderErrorFeature>()?.Exception?.GetBaseException().Message ?? error.ToString();
            await LiveStatus.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "ServiceUnavailable", $"the API server behind the shim does not answer: {cause}").ConfigureAwait(false);
        }
    }

    private static bool IsNotForTheCluster(string header) =>
        header.Equals("Authorization", StringComparison.OrdinalIgnoreCase) || header.StartsWith("X-Remote-", StringComparison.OrdinalIgnoreCase)
        || header.StartsWith(CallerHeaders.Prefix, StringComparison.OrdinalIgnoreCase);

    /// <summary>A request as it goes to the cluster: as who asks, if the shim acts so.</summary>
    private sealed class Onwards(bool actsAsRequester, string target, TimeProvider time) : LiveTransformer(target, IsNotForTheCluster, time)
    {
        public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
        {
            await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken).ConfigureAwait(false);
            if (actsAsRequester)
            {
                CallerHeaders.Decode(httpContext.Request.Headers, proxyRequest.Headers);
            }
        }
    }
}
