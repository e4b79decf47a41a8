using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.EdgeHub;
using Ote.EdgeHub.Upstream;
using Ote.Testing;

namespace Ote.Tests.EdgeHub.Upstream;

/// <summary>A server that answers over an old connection, and may refuse new ones.</summary>
public sealed class HealthProbeTests
{
    private static readonly Uri s_server = new("https://a:6443/");
    private readonly FakeTimeProvider _time = new();
    private readonly UpstreamServers _servers = new([s_server], NullLogger.Instance);
    private readonly Answering _transport = new();
    private int _dialled;
    private bool _refuses;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task One_that_was_left_does_not_come_back_by_an_old_connection_while_it_refuses_new_ones()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        using var transport = new HttpMessageInvoker(_transport);
        var options = new EdgeHubOptions { NodeName = "n", DataDirectory = "/none", Kubeconfigs = [], Servers = [s_server] };
        var running = new HealthProbe(_servers, transport, DialAsync, options, _time).RunAsync(stop.Token);
        await UntilAsync(() => _servers.AnyUp);
        Assert.Equal(0, _dialled); // one of which nothing is known is asked at once, over one connection

        _refuses = true;
        _servers.Tell(s_server, _ => ServerHealth.Refused); // a request met it
        var answered = _transport.Answers;
        await UntilAsync(() => _dialled >= 5);
        Assert.False(_servers.AnyUp);
        Assert.InRange(_transport.Answers, answered, answered + 1); // at most the one that was under way

        _refuses = false;
        await UntilAsync(() => _servers.AnyUp);
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task A_server_is_dialled_where_it_is()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var server = new Uri($"https://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
        await HealthProbe.DialAsync(server, Token);
        listener.Stop();
        await Assert.ThrowsAsync<SocketException>(() => HealthProbe.DialAsync(server, Token));
    }

    private Task DialAsync(Uri server, CancellationToken ct)
    {
        _dialled++;
        return _refuses ? throw new SocketException((int)SocketError.ConnectionRefused) : Task.CompletedTask;
    }

    private Task UntilAsync(Func<bool> holds) => Eventually.HoldsAsync(
        () =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return Task.FromResult(holds());
        },
        "the probe has come so far", TimeSpan.FromSeconds(20), Token);

    private sealed class Answering : HttpMessageHandler
    {
        public int Answers { get; private set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Answers++;
            return Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK));
        }
    }
}
