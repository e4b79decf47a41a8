using System.Net;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Http;
using Ote.EdgeHub.Upstream;
using Yarp.ReverseProxy.Forwarder;

namespace Ote.EdgeHub.Proxy;

/// <summary>Passes requests of any form on as they are: with a component's own credentials, or with the caller's token. Thread-safe.</summary>
/// <param name="forwarder">YARP's.</param>
/// <param name="servers">The API servers.</param>
/// <param name="anonymous">A transport without credentials of its own.</param>
internal sealed class Forwarding(IHttpForwarder forwarder, UpstreamServers servers, HttpMessageInvoker anonymous)
{
    private static readonly ForwarderRequestConfig Patient = new() { ActivityTimeout = TimeSpan.FromHours(4) };

    /// <summary>Passes one on, and its answer back.</summary>
    public async Task SendAsync(HttpContext context, Caller caller, string target)
    {
        if (servers.Take() is not { } server)
        {
            await HubStatus.WriteAsync(context, 503, "ServiceUnavailable", "no API server of the cluster answers").ConfigureAwait(false);
            return;
        }

        try
        {
            var transport = caller.Identity?.Live ?? anonymous;
            var error = await forwarder.SendAsync(context, server.ToString(), transport, Patient, new Onwards(target, caller.Identity is null || caller.IsPod ? caller.Token : null)).ConfigureAwait(false);
            if (error is ForwarderError.None || context.RequestAborted.IsCancellationRequested)
            {
                return;
            }

            var cause = context.Features.Get<IForwarderErrorFeature>()?.Exception?.GetBaseException().Message ?? error.ToString();
            servers.Tell(server, health => health.Failed(), cause);
            if (!context.Response.HasStarted)
            {
                await HubStatus.WriteAsync(context, 503, "ServiceUnavailable", $"the API server {server} does not answer: {cause}").ConfigureAwait(false);
            }
        }
        finally
        {
            servers.Release(server);
        }
    }

    private sealed class Onwards(string target, string? token) : HttpTransformer
    {
        public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
        {
            await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken).ConfigureAwait(false);
            proxyRequest.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
            proxyRequest.Headers.Host = null;
            proxyRequest.RequestUri = new Uri(destinationPrefix.TrimEnd('/') + target);
        }

        public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
        {
            var hasBody = await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken).ConfigureAwait(false);
            if (hasBody && proxyResponse is { StatusCode: not HttpStatusCode.SwitchingProtocols, Content.Headers.ContentLength: null })
            {
                // A watch begins before anything happens.
                await httpContext.Response.Body.FlushAsync(cancellationToken).ConfigureAwait(false);
            }

            return hasBody;
        }
    }
}
