using System.Net.Sockets;

namespace Ote.EdgeHub.Upstream;

/// <summary>
/// Sends each request to the API server whose turn it is; one that refuses the connection is left and the next is asked, since nothing was sent. An answer's body keeps its place in the count until it is read.
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
            var server = servers.Take(failed) ?? throw new NoServerException();
            try
            {
                request.RequestUri = new Uri(server, target.TrimStart('/'));
                return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
            }
            catch (HttpRequestException refused) when (refused.HttpRequestError == HttpRequestError.ConnectionError || refused.GetBaseException() is SocketException)
            {
                servers.Tell(server, _ => ServerHealth.Refused, refused.GetBaseException().Message);
                failed = server;
            }
            catch (HttpRequestException broken)
            {
                servers.Tell(server, health => health.Failed(), broken.GetBaseException().Message);
                throw;
            }
            finally
            {
                servers.Release(server);
            }
        }
    }
}

/// <summary>No API server is up.</summary>
internal sealed class NoServerException() : HttpRequestException("no API server of the cluster answers");
