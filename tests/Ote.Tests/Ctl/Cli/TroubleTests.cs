using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Ote.Ctl.Cli;

namespace Ote.Tests.Ctl.Cli;

public sealed class TroubleTests
{
    private static readonly Uri Server = new("https://control.test");

    [Theory]
    [InlineData(401, "does not know who you are: no; check the user of the kubeconfig's context")]
    [InlineData(403, "does not allow it: no; ask its administrator for the right")]
    [InlineData(405, "answered 405: no")]
    [InlineData(409, "answered 409: no; someone else changed it at the same time; look at it again, then repeat")]
    [InlineData(422, "answered 422: no; correct what it names; otectl version tells whether the two are of one version")]
    [InlineData(429, "answered 429: no; it has too much to do; repeat it in a while")]
    [InlineData(500, "answered 500: no; the fault is on its side; look at its log, and repeat it")]
    [InlineData(503, "answered 503: no; it is starting, stopping or overloaded; repeat it in a while")]
    public async Task Each_refusal_of_the_api_is_one_line_with_a_next_step(int code, string expected)
    {
        await using var world = await CtlWorld.StartAsync();
        world.Between = _ => new Answers(code, $$"""{"kind":"Status","code":{{code}},"message":"no"}""");
        var result = await world.RunAsync("get", "clusters");
        Assert.Equal((1, $"error: the control API at https://control.test/ {expected}\n"), (result.Code, result.Error));
    }

    [Theory]
    [InlineData("cluster c1 is away: it cannot be asked until it is back. What it has last reported can be read")]
    [InlineData("the way to cluster c1 broke (RequestTimedOut); try again")]
    [InlineData("the API server of cluster c1 does not answer: connection refused")]
    public async Task What_keeps_a_request_from_its_cluster_is_not_taken_for_trouble_of_the_api_that_says_so(string words)
    {
        await using var world = await CtlWorld.StartAsync();
        world.Between = _ => new Answers(503, $$"""{"kind":"Status","code":503,"message":"{{words}}"}""");
        Assert.Equal($"error: the control API at https://control.test/ answered 503: {words}\n", (await world.RunAsync("get", "clusters")).Error);
    }

    [Fact]
    public async Task A_store_that_cannot_write_says_itself_what_to_do()
    {
        await using var world = await CtlWorld.StartAsync();
        world.Between = _ => new Answers(503, """{"kind":"Status","code":503,"message":"The database o.db cannot be written: no room is left for it. Nothing of this was stored; make room on its disk, no restart is needed."}""");
        Assert.EndsWith("Nothing of this was stored; make room on its disk, no restart is needed\n", (await world.RunAsync("get", "clusters")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_that_no_api_server_gives_points_at_the_address()
    {
        await using var world = await CtlWorld.StartAsync();
        world.Between = _ => new Answers(302, "<html>");
        Assert.Contains("answered 302 without a Status; check that the server of the kubeconfig's context is a Kubernetes API", (await world.RunAsync("get", "clusters")).Error, StringComparison.Ordinal);
        world.Between = _ => new Answers(200, "<html>");
        var page = await world.RunAsync("get", "clusters");
        Assert.Equal(6, page.Code);
        Assert.Contains("it answered something else than JSON", page.Error, StringComparison.Ordinal);
        world.Between = _ => new Answers(404, """{"kind":"Status","code":404,"message":"the server could not find the requested resource"}""");
        Assert.Contains("resource; check the names, and that --kubeconfig and --context name the root's API", (await world.RunAsync("version")).Error, StringComparison.Ordinal);
    }

    public static TheoryData<Exception, string> Breaks => new()
    {
        { Http(HttpRequestError.ConnectionError, new SocketException((int)SocketError.ConnectionRefused)), "Connection refused; check that it runs and that --kubeconfig and --context name it" },
        { Http(HttpRequestError.ConnectionError, new SocketException((int)SocketError.TimedOut)), "check the address, and what stands between: the network, a firewall, a VPN" },
        { new TaskCanceledException("late", new TimeoutException("no connection within 10 s")), "no connection within 10 s; check the address, and what stands between" },
        { Http(HttpRequestError.NameResolutionError, new SocketException((int)SocketError.HostNotFound)), "check the host name in the kubeconfig" },
        { Http(HttpRequestError.SecureConnectionError, new AuthenticationException("the certificate is of another")), "no trusted connection to the control API at https://control.test/: the certificate is of another; check that the kubeconfig" },
        { Http(HttpRequestError.ProxyTunnelError, new IOException("the proxy says 407")), "the proxy says 407; check the proxy-url in the kubeconfig" },
        { new TimeoutException("it did not answer within 30s"), "it did not answer within 30s; it may be overloaded or stopped" },
        { new FileNotFoundException("no file token.txt"), "no file token.txt; correct the user of the kubeconfig's context" },
        { new IOException("the connection was reset"), "the connection was reset; check that it runs" },
    };

    [Theory]
    [MemberData(nameof(Breaks))]
    public void Each_way_of_not_reaching_the_api_has_its_own_next_step(Exception broken, string expected)
    {
        Assert.True(Trouble.IsUnreachable(broken));
        Assert.Contains(expected, Trouble.Of(broken, Server), StringComparison.Ordinal);
    }

    private static HttpRequestException Http(HttpRequestError error, Exception inner) => new(error, "look inside", inner);

    private sealed class Answers(int code, string body) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage((HttpStatusCode)code) { Content = new StringContent(body, Encoding.UTF8, "application/json") });
    }
}
