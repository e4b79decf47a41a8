using System.Net;
using Ote.EdgeHub;
using Ote.EdgeHub.K3s;
using Ote.Kube.Client;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.EdgeHub;

public sealed class HubCheckTests : IDisposable
{
    private readonly Scratch _folder = new("check");
    private readonly EdgeHubOptions _options;

    public HubCheckTests()
    {
        File.WriteAllText(
            _folder["kubelet.conf"],
            """{"current-context":"x","contexts":[{"name":"x","context":{"cluster":"c","user":"u"}}],"clusters":[{"name":"c","cluster":{"server":"https://10.0.0.1:6443"}}],"users":[{"name":"u","user":{"token":"t"}}]}""");
        _options = new EdgeHubOptions { NodeName = "n1", DataDirectory = _folder["data"], Kubeconfigs = [_folder["kubelet.conf"]], Servers = [new Uri("https://10.0.0.1:6443")] };
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_could_begin_is_left_to_begin_beside_one_that_runs_and_nothing_is_made_for_it()
    {
        using var running = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        running.Start();
        HubCheck.Run(_options with { Listen = (IPEndPoint)running.LocalEndpoint });
        Assert.False(Directory.Exists(_options.DataDirectory));
    }

    [Fact]
    public void A_kubeconfig_that_is_not_there_is_named_also_when_the_servers_are_said() =>
        Assert.Contains("/nope/kubelet.conf", Assert.Throws<KubeconfigException>(() => HubCheck.Run(_options with { Kubeconfigs = ["/nope/kubelet.conf"] })).Message, StringComparison.Ordinal);

    [Fact]
    public void An_address_that_this_machine_has_not_is_named_wherever_it_is_to_be_listened_at()
    {
        var elsewhere = new IPEndPoint(IPAddress.Parse("192.0.2.1"), 10261); // for documentation (RFC 5737)
        var message = Assert.Throws<IOException>(() => HubCheck.Run(_options with { Listen = elsewhere })).Message;
        Assert.StartsWith("the hub cannot listen at 192.0.2.1: ", message, StringComparison.Ordinal);
        Assert.Equal(message, Assert.Throws<IOException>(() => HubCheck.Run(_options, elsewhere)).Message);
    }

    [Fact]
    public void An_agent_that_has_not_joined_is_told_to() => Assert.Contains(
        "Let the agent join its server once",
        Assert.Throws<IOException>(() => HubCheck.Run(_options with { K3s = new K3sOptions { CertificateFile = _folder["none.crt"], KeyFile = _folder["none.key"] } })).Message, StringComparison.Ordinal);
}
