using Microsoft.AspNetCore.Http;
using Yarp.ReverseProxy.Forwarder;

namespace Ote.Shim.Live;

/// <summary>
/// A request as it goes on, with its path and query as they came, and its answer as it comes back: an answer of unknown length begins before there is any of it, as a watch does in which nothing happens.
/// </summary>
/// <param name="target">Path and query.</param>
/// <param name="isDropped">Whether a header does not go along.</param>
/// <param name="time">The clock.</param>
internal class LiveTransformer(string target, Func<string, bool> isDropped, TimeProvider time) : HttpTransformer
{
    /// <summary>The clock.</summary>
    protected TimeProvider Time { get; } = time;

    public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken).ConfigureAwait(false);
        foreach (var name in proxyRequest.Headers.Select(h => h.Key).Where(isDropped).ToArray())
        {
            proxyRequest.Headers.Remove(name);
        }

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
        var hasBody = await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken).ConfigureAwait(false);
        if (proxyResponse is { StatusCode: System.Net.HttpStatusCode.SwitchingProtocols })
        {
            proxyResponse.Content = new Upgraded(Connection(httpContext, proxyResponse, new UpgradedStream(await proxyResponse.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false), Time)));
        }
        else if (hasBody && proxyResponse is { Content.Headers.ContentLength: null })
        {
            await httpContext.Response.Body.FlushAsync(cancellationToken).ConfigureAwait(false);
        }

        return hasBody;
    }

    /// <summary>The connection that both sides use as they like, as the client sees it.</summary>
    /// <param name="context">The request.</param>
    /// <param name="answer">What agrees to it.</param>
    /// <param name="stream">The connection; owned by what is returned.</param>
    protected virtual Stream Connection(HttpContext context, HttpResponseMessage answer, UpgradedStream stream) => stream;

    private sealed class Upgraded(Stream stream) : HttpContent
    {
        protected override Task<Stream> CreateContentReadStreamAsync() => Task.FromResult(stream);

        protected override Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context) => throw new NotSupportedException();

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                stream.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
