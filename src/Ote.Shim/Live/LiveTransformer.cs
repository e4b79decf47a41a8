using Microsoft.AspNetCore.Http;
using Yarp.ReverseProxy.Forwarder;

namespace Ote.Shim.Live;

/// <summary>
/// A request as it goes on, with its path and query as they came, and its answer as it comes back: an answer of unknown length begins before there is any of it, as a watch does in which nothing happens.
/// </summary>
/// <param name="target">Path and query.</param>
/// <param name="isDropped">Whether a header does not go along.</param>
internal class LiveTransformer(string target, Func<string, bool> isDropped) : HttpTransformer
{
    public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken).ConfigureAwait(false);
        foreach (var name in proxyRequest.Headers.Select(h => h.Key).Where(isDropped).ToArray())
        {
            proxyRequest.Headers.Remove(name);
        }

        proxyRequest.Headers.Host = null;
        proxyRequest.RequestUri = new Uri(destinationPrefix.TrimEnd('/') + target);
    }

    public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        var hasBody = await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken).ConfigureAwait(false);
        if (hasBody && proxyResponse is { StatusCode: not System.Net.HttpStatusCode.SwitchingProtocols, Content.Headers.ContentLength: null })
        {
            await httpContext.Response.Body.FlushAsync(cancellationToken).ConfigureAwait(false);
        }

        return hasBody;
    }
}
