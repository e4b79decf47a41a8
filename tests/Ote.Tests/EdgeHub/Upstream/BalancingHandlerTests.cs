using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.EdgeHub.Upstream;

namespace Ote.Tests.EdgeHub.Upstream;

public sealed class BalancingHandlerTests : IDisposable
{
    private static readonly Uri s_a = new("https://a:6443/"), s_b = new("https://b:6443/");
    private readonly UpstreamServers _servers = new([s_a, s_b], NullLogger.Instance);
    private readonly Servers _network = new();
    private readonly HttpMessageInvoker _client;

    public BalancingHandlerTests()
    {
        _client = new HttpMessageInvoker(new BalancingHandler(_servers, _network));
        _servers.Tell(s_a, health => health.Answered());
        _servers.Tell(s_b, health => health.Answered());
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Read_that_waits_for_a_server_that_is_left_is_answered_by_the_next()
    {
        _network.Silent.Add(s_a.Host);
        var asked = SendAsync(HttpMethod.Get);
        await _network.Waiting.Task;

        _servers.Tell(s_a, _ => ServerHealth.Refused);

        Assert.Equal("from b", await (await asked).Content.ReadAsStringAsync(Token));
    }

    [Fact]
    public async Task Write_that_waits_for_a_server_that_is_left_fails_since_nobody_knows_whether_it_was_done()
    {
        _network.Silent.Add(s_a.Host);
        var asked = SendAsync(HttpMethod.Put);
        await _network.Waiting.Task;

        _servers.Tell(s_a, _ => ServerHealth.Refused);

        Assert.Contains("was left before it answered a PUT", (await Assert.ThrowsAsync<HttpRequestException>(() => asked)).Message, StringComparison.Ordinal);
        Assert.Equal(["a"], _network.Asked);
    }

    [Fact]
    public async Task Write_whose_connection_breaks_is_not_sent_again()
    {
        _network.Broken.Add(s_a.Host);
        await Assert.ThrowsAsync<HttpRequestException>(() => SendAsync(HttpMethod.Put));
        Assert.Equal(["a"], _network.Asked);
    }

    [Fact]
    public async Task Read_whose_connection_breaks_is_asked_of_the_next_and_no_more_than_once_again()
    {
        _network.Broken.Add(s_a.Host);
        Assert.Equal("from b", await (await SendAsync(HttpMethod.Get)).Content.ReadAsStringAsync(Token));
        _network.Broken.Add(s_b.Host);
        await Assert.ThrowsAsync<HttpRequestException>(() => SendAsync(HttpMethod.Get));
        Assert.Equal(4, _network.Asked.Count);
    }

    [Fact]
    public async Task Watch_breaks_when_its_server_is_left_though_the_connection_stays_silent()
    {
        _network.Endless.Add(s_a.Host);
        using var answer = await SendAsync(HttpMethod.Get);
        var read = (await answer.Content.ReadAsStreamAsync(Token)).ReadAsync(new byte[10], Token).AsTask();
        Assert.False(read.IsCompleted);

        _servers.Tell(s_a, _ => ServerHealth.Refused);

        Assert.Contains("does not answer any more", (await Assert.ThrowsAsync<IOException>(() => read)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Answer_counts_as_under_way_until_its_body_is_given_back()
    {
        _network.Endless.Add(s_a.Host);
        using (await SendAsync(HttpMethod.Get))
        {
            Assert.Equal(("b", "b"), (await HostAsync(), await HostAsync()));
        }

        Assert.Equal(["a", "b"], new[] { await HostAsync(), await HostAsync() }.Order());
    }

    [Fact]
    public async Task Server_that_failed_once_is_asked_only_when_all_others_are_left()
    {
        _servers.Tell(s_a, health => health.Failed());
        Assert.Equal(("b", "b"), (await HostAsync(), await HostAsync()));
        _servers.Tell(s_b, _ => ServerHealth.Refused);
        Assert.Equal("a", await HostAsync());
    }

    [Fact]
    public async Task By_priority_a_server_that_comes_back_is_gone_home_to_and_a_watch_that_began_elsewhere_stays_there()
    {
        var servers = new UpstreamServers([s_a, s_b], NullLogger.Instance, Balance.Priority);
        using var network = new Servers();
        using var client = new HttpMessageInvoker(new BalancingHandler(servers, network));
        servers.Tell(s_b, health => health.Answered());
        network.Endless.Add(s_b.Host);
        using var watch = await client.SendAsync(new HttpRequestMessage(HttpMethod.Get, "https://upstream/api/v1/nodes"), Token);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var read = (await watch.Content.ReadAsStreamAsync(Token)).ReadAsync(new byte[10], end.Token).AsTask();

        servers.Tell(s_a, health => health.Answered());
        for (var i = 0; i < 3; i++)
        {
            using var answer = await client.SendAsync(new HttpRequestMessage(HttpMethod.Get, "https://upstream/api/v1/nodes"), Token);
        }

        Assert.Equal(["b", "a", "a", "a"], network.Asked);
        Assert.False(read.IsCompleted);
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
    }

    public void Dispose()
    {
        _client.Dispose();
        _network.Dispose();
    }

    private async Task<string> HostAsync()
    {
        using var answer = await SendAsync(HttpMethod.Get);
        return _network.Asked[^1];
    }

    private Task<HttpResponseMessage> SendAsync(HttpMethod method) => _client.SendAsync(new HttpRequestMessage(method, "https://upstream/api/v1/nodes"), Token);

    /// <summary>API servers that answer, are silent, break, or send a body without end.</summary>
    private sealed class Servers : HttpMessageHandler
    {
        public List<string> Asked { get; } = [];

        public HashSet<string> Silent { get; } = [];

        public HashSet<string> Broken { get; } = [];

        public HashSet<string> Endless { get; } = [];

        public TaskCompletionSource Waiting { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var host = request.RequestUri!.Host;
            Asked.Add(host);
            if (Silent.Contains(host))
            {
                Waiting.TrySetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
            }

            if (Broken.Contains(host))
            {
                throw new HttpRequestException(HttpRequestError.ResponseEnded, "broken", new SocketException((int)SocketError.ConnectionReset));
            }

            return new HttpResponseMessage(HttpStatusCode.OK) { Content = Endless.Contains(host) ? new StreamContent(new SilentStream()) : new StringContent($"from {host}") };
        }
    }

    private sealed class SilentStream : MemoryStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
            return 0;
        }
    }
}
