using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.EdgeHub.Upstream;
using Ote.Kube.Client;

namespace Ote.Tests.EdgeHub.Upstream;

public sealed class NodeIdentityTests
{
    [Fact]
    public async Task Credentials_that_the_API_server_does_not_take_are_told_once_and_once_when_it_takes_them_again()
    {
        var server = new Answering();
        var servers = new UpstreamServers([new Uri("https://up")], NullLogger.Instance);
        servers.Tell(servers.All[0], health => health.Answered());
        servers.Tell(servers.All[0], health => health.Answered());
        using var identity = NodeIdentity.Of(new KubeEndpoint(new Uri("https://up")) { Token = "t" }, "proxy.conf", servers, TimeProvider.System, () => server);
        var told = new List<bool>();
        identity.Judged += one => told.Add(one.IsRefused);
        foreach (var code in (HttpStatusCode[])[HttpStatusCode.OK, HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized, HttpStatusCode.BadGateway, HttpStatusCode.Forbidden, HttpStatusCode.OK])
        {
            server.Code = code;
            using var request = new HttpRequestMessage(HttpMethod.Get, "https://upstream/api");
            using var answer = await identity.Calls.SendAsync(request, TestContext.Current.CancellationToken);
        }

        Assert.Equal([true, false], told);
    }

    private sealed class Answering : HttpMessageHandler
    {
        public HttpStatusCode Code { get; set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => Task.FromResult(new HttpResponseMessage(Code) { Content = new StringContent("{}") });
    }
}
