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

    /// <summary>
    /// Passes one on, and its answer back. A read whose server goes before it begins to answer is asked of the next; what has begun stays with its server. Of a write that reached a server it is not known whether it was done,
    /// which code 504 says; 503 says that nobody was asked.
    /// </summary>
    public async Task SendAsync(HttpContext context, Caller caller, string target)
    {
        var isRead = HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method);
        var mayAskAgain = isRead && !context.Request.Headers.ContainsKey("Upgrade");
        Uri? failed = null;
        var cause = "no API server of the cluster answers";
        while (servers.TakeUntilLeft(failed, out var left) is { } server)
        {
            try
            {
                if (await TryAsync(context, caller, target, server, left).ConfigureAwait(false) is not { } fault)
                {
                    return;
                }

                cause = $"the API server {server} does not answer: {fault.Cause}";
                if (context.Response.HasStarted)
                {
                    return; // The connection ends without the end of the answer, which says that it is no whole one.
                }

                context.Response.Clear();
                if (!isRead && fault.WasReached)
                {
                    await HubStatus.WriteAsync(context, 504, "Timeout", $"the API server {server} did not answer a {context.Request.Method} to its end ({fault.Cause}); look whether it was done").ConfigureAwait(false);
                    return;
                }

                if (!mayAskAgain || failed is not null)
                {
                    break;
                }

                failed = server;
            }
            finally
            {
                servers.Release(server);
            }
        }

        await HubStatus.WriteAsync(context, 503, "ServiceUnavailable", cause).ConfigureAwait(false);
    }

    /// <returns>Why it failed; null: it did not, or nobody waits for it any more.</returns>
    private async Task<Fault?> TryAsync(HttpContext context, Caller caller, string target, Uri server, CancellationToken left)
    {
        using var waits = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        var onwards = new Onwards(target, caller.Identity is null || caller.IsPod ? caller.Token : null);
        using var _ = left.Register(() =>
        {
            if (!onwards.HasBegun)
            {
                waits.Cancel();
            }
        });
        context.Features.Set<IForwarderErrorFeature>(null);
        var error = await forwarder.SendAsync(context, server.ToString(), caller.Identity?.Live ?? anonymous, Patient, onwards, waits.Token).ConfigureAwait(false);
        if (error is ForwarderError.None || context.RequestAborted.IsCancellationRequested)
        {
            return null;
        }

        var fault = context.Features.Get<IForwarderErrorFeature>()?.Exception;
        var isRefused = fault is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError };
        var cause = left.IsCancellationRequested ? "it was left while it was waited for" : fault?.GetBaseException().Message ?? error.ToString();
        if (!left.IsCancellationRequested)
        {
            servers.Tell(server, isRefused ? _ => ServerHealth.Refused : health => health.Failed(), cause);
        }

        var isUnreached = isRefused || fault is HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError }
            || fault?.InnerException is TimeoutException; // of the dial: an answer is waited for without end
        return new Fault(cause, !isUnreached);
    }

    /// <param name="Cause">What was the matter.</param>
    /// <param name="WasReached">Whether the server may have been told the request.</param>
    private sealed record Fault(string Cause, bool WasReached);

    private sealed class Onwards(string target, string? token) : HttpTransformer
    {
        private volatile bool _hasBegun;

        /// <summary>Whether the server has begun to answer.</summary>
        public bool HasBegun => _hasBegun;

        public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
        {
            await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken).ConfigureAwait(false);
            proxyRequest.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
            proxyRequest.Headers.Host = null;
            if (proxyRequest.Method != HttpMethod.Connect && !HttpMethods.IsConnect(httpContext.Request.Method))
            {
                // YARP asks for every upgrade by GET, and it is the method by which an API server tells what is allowed: create for the POST of exec.
                proxyRequest.Method = new HttpMethod(httpContext.Request.Method);
            }

            proxyRequest.RequestUri = new Uri(destinationPrefix.TrimEnd('/') + target);
        }

        public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
        {
            _hasBegun = proxyResponse is not null;
            var hasBody = await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken).ConfigureAwait(false);
            // A WebSocket that goes on as RFC 8441 has it is answered 200 there, and 101 here only after this.
            if (hasBody && proxyResponse is { StatusCode: not HttpStatusCode.SwitchingProtocols, Content.Headers.ContentLength: null } && proxyResponse.RequestMessage?.Method != HttpMethod.Connect)
            {
                // A watch begins before anything happens.
                await httpContext.Response.Body.FlushAsync(cancellationToken).ConfigureAwait(false);
            }

            return hasBody;
        }
    }
}
