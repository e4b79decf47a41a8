using System.Diagnostics.Metrics;
using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.EdgeHub;
using Ote.EdgeHub.K3s;
using Ote.EdgeHub.Offline;
using Ote.Kube.Client;
using Ote.Testing.Kubernetes;
using Ote.Testing.Links;
using Ote.Testing.Meters;
using Ote.Tests.Cluster.Tunnel;

namespace Ote.Tests.EdgeHub.K3s;

/// <summary>A k3s agent that is led to the hub in place of its server, against a server that answers as k3s's source has it.</summary>
public sealed class K3sDoorTests : IAsyncLifetime
{
    private const string Password = "0123456789abcdef";
    private readonly Scratch _folder = new("k3s");
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private ScriptedK3sServer _server = null!;
    private IssuedCertificate _kubelet = null!;
    private CuttableRelay _cable = null!;
    private Ote.EdgeHub.EdgeHub _hub = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await ScriptedK3sServer.StartAsync(Ct);
        _cable = new CuttableRelay(_server.Address);
        var serving = _server.IssueServing("n1");
        _kubelet = _server.Issue("system:node:n1", "system:nodes");
        await File.WriteAllTextAsync(_folder["serving.crt"], serving.Certificate, Ct);
        await File.WriteAllTextAsync(_folder["serving.key"], serving.Key, Ct);
        await File.WriteAllTextAsync(_folder["kubelet.kubeconfig"], Kubeconfig.Write(new Uri("https://127.0.0.1:6444"), "k3s", _server.ServerAuthority, _kubelet.Certificate, _kubelet.Key), Ct);
        await StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        await _cable.DisposeAsync();
        await _server.DisposeAsync();
        await _services.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task An_agent_starts_through_a_hub_whose_disk_takes_nothing()
    {
        _hub.Database.Read(session => { session.Execute("PRAGMA query_only=ON"); return 0; });
        using var direct = new AgentExchange(_server.Address, _server.Token, Password);
        using var through = Agent();
        Assert.Equal((await direct.StartAsync()).Keys, (await through.StartAsync()).Keys);
        Assert.NotNull(_hub.Trouble);
    }

    [Fact]
    public async Task An_agent_starts_through_the_hub_as_it_does_at_its_server()
    {
        using var direct = new AgentExchange(_server.Address, _server.Token, Password);
        using var through = Agent();
        var there = await direct.StartAsync();
        var here = await through.StartAsync();
        Assert.Equal(there.Keys, here.Keys);
        foreach (var same in (string[])["config", "client-ca.crt", "server-ca.crt"])
        {
            Assert.Equal(there[same], here[same]);
        }

        using var own = X509Certificate2.CreateFromPem(here["client-kubelet.crt"], here["client-kubelet.crt"]);
        Assert.Equal("system:node:n1", own.GetNameInfo(X509NameType.SimpleName, false));
        using var asNode = through.As(_kubelet);
        Assert.Equal("[\"10.0.0.1:6443\"]", await asNode.GetStringAsync("v1-k3s/apiservers", Ct));
        Assert.Equal("pong", await asNode.GetStringAsync("ping", Ct));
    }

    [Fact]
    public async Task The_tunnel_carries_bytes_both_ways_for_the_node_and_nobody_else()
    {
        using var agent = Agent();
        using var asNode = agent.As(_kubelet);
        using var answer = await asNode.SendAsync(Upgrade(), HttpCompletionOption.ResponseHeadersRead, Ct);
        Assert.Equal(HttpStatusCode.SwitchingProtocols, answer.StatusCode);
        await using var stream = await answer.Content.ReadAsStreamAsync(Ct);
        await stream.WriteAsync("dial"u8.ToArray(), Ct);
        await stream.FlushAsync(Ct);
        var echo = new byte[4];
        await stream.ReadExactlyAsync(echo, Ct);
        Assert.Equal("dial", Encoding.ASCII.GetString(echo));

        using var foreign = new ClusterAuthority("evil", TimeProvider.System);
        using var nobody = agent.As(foreign.IssueClient("system:node:n1"));
        using var counts = new Counts(Meters);
        using var refused = await nobody.SendAsync(Upgrade(), Ct);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Equal(1, counts.Of("ote.edgehub.refused"));
    }

    [Fact]
    [Trait("Defect", "E6")]
    public async Task An_agent_starts_while_the_node_is_cut_off_with_what_it_was_answered_before_and_so_does_the_hub()
    {
        using var before = Agent();
        var known = await before.StartAsync();
        await CutAsync();
        await _hub.DisposeAsync();
        await StartAsync(waits: false);

        using var again = Agent();
        Assert.Equal(known, await again.StartAsync());
    }

    [Fact]
    public async Task While_cut_off_the_tunnel_is_held_open_since_an_agent_waits_for_it_before_it_starts_its_kubelet_and_ended_when_a_server_can_be_reached()
    {
        using var before = Agent();
        await before.StartAsync();
        await CutAsync();
        using var agent = Agent();
        await agent.StartAsync();
        using var tunnel = await agent.TunnelAsync(_kubelet);
        await tunnel.SendAsync(new byte[] { 1, 2, 3 }, WebSocketMessageType.Binary, true, Ct); // which connections it knows, each minute
        var ending = tunnel.ReceiveAsync(new byte[16], Ct);
        using var asNode = agent.As(_kubelet);
        using var ready = await asNode.GetAsync("readyz", Ct);
        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
        Assert.False(ending.IsCompleted);
        _cable.Restore();
        Assert.Equal((WebSocketMessageType.Close, WebSocketCloseStatus.EndpointUnavailable), ((await ending.Soon()).MessageType, tunnel.CloseStatus));
        await tunnel.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, Ct);

        using var foreign = new ClusterAuthority("evil", TimeProvider.System);
        await CutAsync();
        await Assert.ThrowsAsync<WebSocketException>(() => agent.TunnelAsync(foreign.IssueClient("system:node:n1")));
    }

    [Fact]
    public async Task A_server_that_is_not_well_keeps_no_agent_from_starting()
    {
        using var agent = Agent();
        var known = await agent.StartAsync();
        _server.IsUnwell = true;
        using var again = Agent();
        Assert.Equal(known["config"], (await again.StartAsync())["config"]);
    }

    [Theory]
    [InlineData("K10{0}::node:guess", Password, "config")]
    [InlineData("K10{0}::node:" + ScriptedK3sServer.Secret, "fedcba9876543210", "client-kubelet.crt")]
    public async Task While_cut_off_nobody_gets_what_others_were_answered(string token, string password, string file)
    {
        using var before = Agent();
        await before.StartAsync();
        await CutAsync();
        using var other = new AgentExchange(_hub.AgentAddress!, token.Replace("{0}", _server.Token[3..67], StringComparison.Ordinal), password);
        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => other.GetAsync(file));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        using var nobody = other.As(null);
        using var nothing = await nobody.GetAsync($"v1-k3s/{file}", Ct);
        Assert.Equal(HttpStatusCode.Unauthorized, nothing.StatusCode);
    }

    [Fact]
    public async Task What_the_server_refuses_once_is_not_answered_from_before_while_cut_off()
    {
        using var agent = Agent();
        await agent.StartAsync();
        _server.IsWithdrawn = true;
        Assert.Equal(HttpStatusCode.Unauthorized, (await Assert.ThrowsAsync<HttpRequestException>(() => agent.GetAsync("config"))).StatusCode);
        await CutAsync();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await Assert.ThrowsAsync<HttpRequestException>(() => agent.GetAsync("config"))).StatusCode);
    }

    [Fact]
    public async Task A_serving_certificate_that_the_agent_renews_is_shown_from_then_on()
    {
        using var before = Agent();
        await before.StartAsync();
        var renewed = _server.IssueServing("n1");
        await File.WriteAllTextAsync(_folder["serving.crt"], renewed.Certificate, Ct);
        await File.WriteAllTextAsync(_folder["serving.key"], renewed.Key, Ct);
        var shown = "";
        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, certificate, _, _) => (shown = certificate!.GetSerialNumberString()).Length > 0 } });
        await http.GetStringAsync(new Uri($"https://{_hub.AgentAddress}/cacerts"), Ct);
        using var expected = X509Certificate2.CreateFromPem(renewed.Certificate);
        Assert.Equal(expected.SerialNumber, shown);
    }

    [Theory]
    [InlineData("/cacerts", true)]
    [InlineData("/v1-k3s/config", true)]
    [InlineData("/v1-k3s/..", false)]
    [InlineData("/v1-k3s/../api/v1/secrets", false)]
    [InlineData("/v1-k3s/%2e%2e", false)]
    [InlineData("/v1-k3s/", false)]
    [InlineData("/v1-k3s/config?x=1", false)]
    [InlineData("/api/v1/nodes", false)]
    public void Only_what_k3s_knows_goes_past_the_kubernetes_API(string target, bool concerns) => Assert.Equal(concerns, K3sDoor.Concerns(target));

    private IMeterFactory Meters => _services.GetRequiredService<IMeterFactory>();

    private AgentExchange Agent() => new(_hub.AgentAddress!, _server.Token, Password);

    private static HttpRequestMessage Upgrade()
    {
        var request = new HttpRequestMessage(HttpMethod.Get, "v1-k3s/connect") { Version = HttpVersion.Version11 };
        request.Headers.TryAddWithoutValidation("Connection", "Upgrade");
        request.Headers.TryAddWithoutValidation("Upgrade", "websocket");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Version", "13");
        request.Headers.TryAddWithoutValidation("Sec-WebSocket-Key", Convert.ToBase64String(new byte[16]));
        return request;
    }

    private async Task StartAsync(bool waits = true)
    {
        var clients = new X509Certificate2Collection();
        clients.ImportFromPem(_server.ClientAuthority);
        _hub = await Ote.EdgeHub.EdgeHub.StartAsync(
            new EdgeHubOptions
            {
                NodeName = "n1", DataDirectory = _folder["data"], Servers = [new Uri($"https://127.0.0.1:{_cable.Port}/")], Kubeconfigs = [_folder["kubelet.kubeconfig"]], ClientAuthorities = clients,
                ProbeInterval = TimeSpan.FromMilliseconds(50), K3s = new K3sOptions { Listen = new IPEndPoint(IPAddress.Loopback, 0), CertificateFile = _folder["serving.crt"], KeyFile = _folder["serving.key"] },
            },
            NullLoggerFactory.Instance, TimeProvider.System, () => 0.5, Ct, Meters);
        if (waits)
        {
            await UntilAsync(ConnectionState.Connected);
        }
    }

    private Task CutAsync()
    {
        _cable.Cut();
        return UntilAsync(ConnectionState.CutOff);
    }

    private Task UntilAsync(ConnectionState state) => HubWorld.UntilAsync(() => Task.FromResult(_hub.State == state), $"{state}");
}
