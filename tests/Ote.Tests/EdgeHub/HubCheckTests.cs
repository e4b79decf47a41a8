using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.EdgeHub;
using Ote.EdgeHub.Cache;
using Ote.EdgeHub.K3s;
using Ote.Kube.Client;
using Ote.Kube.Server.Access;
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
        HubCheck.Run(_options with { Listen = (IPEndPoint)running.LocalEndpoint }, TimeProvider.System, NullLogger.Instance);
        Assert.False(Directory.Exists(_options.DataDirectory));
    }

    [Fact]
    public void The_folder_of_an_API_server_is_not_taken()
    {
        Directory.CreateDirectory(_options.DataDirectory);
        File.WriteAllText(Path.Combine(_options.DataDirectory, "objects.db"), "");
        Assert.Contains("is the folder of an API server", Assert.Throws<IOException>(() => Check(_options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kubeconfig_that_is_not_there_is_named_also_when_the_servers_are_said() =>
        Assert.Contains("/nope/kubelet.conf", Assert.Throws<KubeconfigException>(() => HubCheck.Run(_options with { Kubeconfigs = ["/nope/kubelet.conf"] }, TimeProvider.System, NullLogger.Instance)).Message, StringComparison.Ordinal);

    [Fact]
    public void An_address_that_this_machine_has_not_is_named_wherever_it_is_to_be_listened_at()
    {
        var elsewhere = new IPEndPoint(IPAddress.Parse("192.0.2.1"), 10261); // for documentation (RFC 5737)
        var message = Assert.Throws<IOException>(() => HubCheck.Run(_options with { Listen = elsewhere }, TimeProvider.System, NullLogger.Instance)).Message;
        Assert.StartsWith("the hub cannot listen at 192.0.2.1: ", message, StringComparison.Ordinal);
        Assert.Equal(message, Assert.Throws<IOException>(() => HubCheck.Run(_options, TimeProvider.System, NullLogger.Instance, elsewhere)).Message);
    }

    [Fact]
    public void An_agent_that_has_not_joined_is_told_to() => Assert.Contains(
        "Let the agent join its server once",
        Assert.Throws<IOException>(() => HubCheck.Run(_options with { K3s = new K3sOptions { CertificateFile = _folder["none.crt"], KeyFile = _folder["none.key"] } }, TimeProvider.System, NullLogger.Instance)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_component_with_a_certificate_needs_an_authority_as_at_the_start()
    {
        using var pki = ServerPki.Open(null, "check", [], TimeProvider.System);
        var (certificate, key) = pki.IssueClient(new UserInfo("system:node:n1", ["system:nodes"]), TimeProvider.System.GetUtcNow());
        Write("node.conf", $$"""{"client-certificate-data":"{{Encoded(certificate)}}","client-key-data":"{{Encoded(key)}}"}""");
        var options = _options with { Kubeconfigs = [_folder["node.conf"]] };
        Assert.EndsWith("Name the cluster's with --client-ca-file.", Assert.Throws<KubeconfigException>(() => Check(options)).Message, StringComparison.Ordinal);
        Check(options with { ClientAuthorities = [X509Certificate2.CreateFromPem(pki.AuthorityPem)] });
    }

    [Fact]
    public void The_same_user_twice_and_one_without_credentials_are_refused_as_at_the_start()
    {
        Assert.Contains("is that of another kubeconfig", Assert.Throws<KubeconfigException>(() => Check(_options with { Kubeconfigs = [_folder["kubelet.conf"], _folder["kubelet.conf"]] })).Message, StringComparison.Ordinal);
        Write("nobody.conf", "{}");
        Assert.Contains("neither a client certificate nor a token", Assert.Throws<KubeconfigException>(() => Check(_options with { Kubeconfigs = [_folder["nobody.conf"]] })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)] // a hub that runs has it, and its owner's name stands in the log beside it
    [InlineData(false)]
    public void A_cache_of_another_node_is_refused_and_nothing_is_changed_there(bool isRunning)
    {
        var running = NodeDatabase.Open(_options.DataDirectory, "n1", NullLogger.Instance);
        try
        {
            if (!isRunning)
            {
                running.Dispose();
            }

            var before = Listed();
            Check(_options);
            Assert.StartsWith($"{_folder["data"]}/node.db is the cache of node n1, not of other.", Assert.Throws<IOException>(() => Check(_options with { NodeName = "other" })).Message, StringComparison.Ordinal);
            Assert.Equal(before, Listed());
        }
        finally
        {
            running.Dispose();
        }
    }

    [Fact]
    public void A_folder_that_is_damaged_is_refused_where_a_start_would_and_taken_where_a_start_puts_it_aside()
    {
        NodeDatabase.Open(_options.DataDirectory, "n1", NullLogger.Instance).Dispose();
        File.WriteAllText(Path.Combine(_options.DataDirectory, "node.db"), "no database");
        Check(_options);
        File.WriteAllText(Path.Combine(_options.DataDirectory, "node.key"), "short");
        Check(_options);
        Assert.Equal("short", File.ReadAllText(Path.Combine(_options.DataDirectory, "node.key"))); // it is the start that puts it aside
        Directory.CreateDirectory(Path.Combine(_options.DataDirectory, "pki"));
        File.WriteAllText(Path.Combine(_options.DataDirectory, "pki", "ca.key"), "no key");
        Check(_options);
        File.SetUnixFileMode(_options.DataDirectory, (UnixFileMode)0b111_111_101);
        Assert.Contains("chmod 700", Assert.Throws<IOException>(() => Check(_options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_is_not_there_yet_is_refused_where_anybody_could_make_it()
    {
        Directory.CreateDirectory(_folder["open"], (UnixFileMode)0b111_111_111);
        File.SetUnixFileMode(_folder["open"], (UnixFileMode)0b111_111_111);
        Assert.Contains("can be written by anybody", Assert.Throws<IOException>(() => Check(_options with { DataDirectory = Path.Combine(_folder["open"], "data") })).Message, StringComparison.Ordinal);
        Check(_options);
    }

    [Theory]
    [InlineData("a..b")]
    [InlineData("*.x")] // would be written into one, and not be found there at the next start
    [InlineData("a b")]
    [InlineData("-x-")]
    [InlineData("10.0.0.0/8")]
    [InlineData("")]
    public void A_name_that_no_certificate_can_hold_is_refused(string host) =>
        Assert.StartsWith($"--host: '{host}' is no name", Assert.Throws<IOException>(() => Check(_options with { Hosts = [host] })).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("shop-1.example.com")]
    [InlineData("shop-1")]
    [InlineData("10.0.0.7")]
    [InlineData("fd00::7")]
    public void A_name_that_one_can_hold_is_found_in_it_at_the_next_start(string host)
    {
        Check(_options with { Hosts = [host] });
        string first;
        using (var pki = ServerPki.Open(_folder["pki"], "check", [host], TimeProvider.System))
        {
            first = pki.Serving.SerialNumber;
        }

        using var again = ServerPki.Open(_folder["pki"], "check", [host], TimeProvider.System);
        Assert.Equal(first, again.Serving.SerialNumber);
    }

    [Fact]
    public void Two_things_at_one_port_are_refused_at_the_start_too()
    {
        var listen = new IPEndPoint(IPAddress.Loopback, 10261);
        Assert.Equal("the hub cannot listen at 127.0.0.1:10261 for two things, of which one is told to listen at 0.0.0.0:10261: give each a port of its own.",
            Assert.Throws<IOException>(() => HubCheck.Begin(_options with { Listen = listen }, new IPEndPoint(IPAddress.Any, 10261))).Message);
        HubCheck.Begin(_options with { Listen = listen }, new IPEndPoint(IPAddress.Loopback, 10269), new IPEndPoint(IPAddress.IPv6Loopback, 10261));
        HubCheck.Begin(_options with { Listen = new IPEndPoint(IPAddress.Loopback, 0) }, new IPEndPoint(IPAddress.Loopback, 0));
    }

    [Fact]
    public void An_authority_that_did_not_issue_a_components_own_certificate_is_refused_and_one_that_did_is_taken_also_when_that_has_run_out()
    {
        using var pki = ServerPki.Open(null, "right", [], TimeProvider.System);
        using var other = ServerPki.Open(null, "wrong", [], TimeProvider.System);
        var (certificate, key) = pki.IssueClient(new UserInfo("system:node:n1", ["system:nodes"]), TimeProvider.System.GetUtcNow());
        Write("node.conf", $$"""{"client-certificate-data":"{{Encoded(certificate)}}","client-key-data":"{{Encoded(key)}}"}""");
        var options = _options with { Kubeconfigs = [_folder["node.conf"]] };
        HubCheck.Run(With(pki), new Later(), NullLogger.Instance);
        Assert.StartsWith("--client-ca-file: none of its authorities issued the certificate of system:node:n1", Assert.Throws<KubeconfigException>(() => Check(With(other))).Message, StringComparison.Ordinal);

        EdgeHubOptions With(ServerPki authority) => options with { ClientAuthorities = [X509Certificate2.CreateFromPem(authority.AuthorityPem)] };
    }

    /// <summary>When a client's certificate has run out, and its authority's has not.</summary>
    private sealed class Later : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddYears(2);
    }

    private static void Check(EdgeHubOptions options) => HubCheck.Run(options, TimeProvider.System, NullLogger.Instance);

    private static string Encoded(string text) => Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(text));

    private string[] Listed() => [.. Directory.EnumerateFileSystemEntries(_options.DataDirectory).Order(StringComparer.Ordinal).Select(file => $"{file} {new FileInfo(file).Length} {File.GetLastWriteTimeUtc(file):O}")];

    private void Write(string name, string user) => File.WriteAllText(
        _folder[name], $$$"""{"current-context":"x","contexts":[{"name":"x","context":{"cluster":"c","user":"u"}}],"clusters":[{"name":"c","cluster":{"server":"https://10.0.0.1:6443"}}],"users":[{"name":"u","user":{{{user}}}}]}""");
}
