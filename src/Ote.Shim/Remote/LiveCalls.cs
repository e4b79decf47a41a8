using Grpc.Core;
using Ote.Shim.Contract;
using Ote.Shim.Live;

namespace Ote.Shim.Remote;

/// <summary>Connections to a managed cluster's API through a shim in another process. Thread-safe.</summary>
/// <param name="client">The shim.</param>
/// <param name="address">Where it is, for people.</param>
/// <param name="time">The clock.</param>
internal sealed class LiveCalls(ClusterShim.ClusterShimClient client, ShimAddress address, TimeProvider time)
{
    // What was written last is still taken; a shim that does not end its side by then has gone.
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(5);

    /// <summary>Sends requests through the shim, over connections that are made when needed.</summary>
    public HttpMessageInvoker CreateInvoker() => new(new NamingHandler(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        AutomaticDecompression = System.Net.DecompressionMethods.None,
        UseCookies = false,
        UseProxy = false,
        PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
        ConnectCallback = (_, ct) => ConnectAsync(ct),
    }));

    private async ValueTask<Stream> ConnectAsync(CancellationToken ct)
    {
        var call = client.Live(cancellationToken: CancellationToken.None); // the connection outlives its making
        try
        {
            using (ct.UnsafeRegister(static call => ((AsyncDuplexStreamingCall<LiveBytes, LiveBytes>)call!).Dispose(), call))
            {
                await call.ResponseHeadersAsync.ConfigureAwait(false); // the shim sends them as soon as it has taken the call
            }
        }
        catch (RpcException refused)
        {
            call.Dispose();
            ct.ThrowIfCancellationRequested();
            throw new IOException($"the shim at {address} cannot be reached: {CallFailure.Cause(refused, address)}", refused);
        }

        return new GrpcStream(call.ResponseStream, call.RequestStream, () => _ = EndAsync(call));
    }

    private async Task EndAsync(AsyncDuplexStreamingCall<LiveBytes, LiveBytes> call)
    {
        using (call)
        {
            using var late = new CancellationTokenSource(Farewell, time);
            try
            {
                await call.RequestStream.CompleteAsync().ConfigureAwait(false);
                while (await call.ResponseStream.MoveNext(late.Token).ConfigureAwait(false))
                {
                    // nobody reads it any more
                }
            }
            catch (Exception ended) when (ended is RpcException or OperationCanceledException or InvalidOperationException or ObjectDisposedException)
            {
                // It has ended.
            }
        }
    }

    private sealed class NamingHandler(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            CallerHeaders.Encode(request.Headers);
            return base.SendAsync(request, cancellationToken);
        }
    }
}
