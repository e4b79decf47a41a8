using System.Net.Sockets;

namespace Ote.EdgeHub.Upstream;

/// <summary>
/// Sends each request to the API server whose turn it is. One that refuses the connection is left and the next is asked, since nothing was sent. When a server is left while a request waits for it, a read is asked of the next; of a
/// write nobody knows whether it was done, and it fails. An answer keeps its place in the count until its body is read, and breaks when its server is left, so that a watch goes on elsewhere.
/// </summary>
/// <exception cref="NoServerException">None is up.</exception>
internal sealed class BalancingHandler(UpstreamServers servers, HttpMessageHandler inner) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var target = request.RequestUri!.PathAndQuery;
        Uri? failed = null;
        while (true)
        {
            var server = servers.TakeUntilLeft(failed, out var left) ?? throw new NoServerException();
            var isHeld = false;
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, left);
            try
            {
                request.RequestUri = new Uri(server, target.TrimStart('/'));
                var answer = await base.SendAsync(request, either.Token).ConfigureAwait(false);
                answer.Content = new HeldContent(answer.Content, () => servers.Release(server), left);
                isHeld = true;
                return answer;
            }
            catch (HttpRequestException refused) when (refused.HttpRequestError == HttpRequestError.ConnectionError || refused.GetBaseException() is SocketException { SocketErrorCode: SocketError.ConnectionRefused })
            {
                servers.Tell(server, _ => ServerHealth.Refused, refused.GetBaseException().Message);
                failed = server;
            }
            catch (HttpRequestException broken)
            {
                servers.Tell(server, health => health.Failed(), broken.GetBaseException().Message);
                if (!IsRead(request) || failed is not null)
                {
                    throw;
                }

                failed = server;
            }
            catch (OperationCanceledException) when (left.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                if (!IsRead(request))
                {
                    throw new HttpRequestException($"the API server {server} was left before it answered a {request.Method}");
                }

                failed = server;
            }
            finally
            {
                if (!isHeld)
                {
                    servers.Release(server);
                }
            }
        }
    }

    private static bool IsRead(HttpRequestMessage request) => request.Method == HttpMethod.Get || request.Method == HttpMethod.Head;
}

/// <summary>No API server is up.</summary>
internal sealed class NoServerException() : HttpRequestException("no API server of the cluster answers");
