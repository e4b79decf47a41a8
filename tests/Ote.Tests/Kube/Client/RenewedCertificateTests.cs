using Ote.Kube.Client;
using Ote.Kube.Server.Access;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.Kube.Client;

public sealed class RenewedCertificateTests : IDisposable
{
    private readonly Scratch _folder = new("renewed");
    private readonly ServerPki _pki = ServerPki.Open(null, "ca", ["localhost"], TimeProvider.System);

    public void Dispose()
    {
        _pki.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void What_the_files_hold_now_is_shown_and_what_they_held_last_while_they_are_being_written()
    {
        Write("first");
        var renewed = Kubeconfig.Load(Kubeconfigs()).RenewedCertificate!;
        var first = renewed.Current;
        Assert.Equal("CN=first", first.Subject);
        Assert.Same(first, renewed.Current);
        Write("second");
        Assert.Equal("CN=second", renewed.Current.Subject);
        File.WriteAllText(_folder["client.pem"], "half of a certi");
        Assert.Equal("CN=second", renewed.Current.Subject);
        File.WriteAllText(_folder["client.pem"], _pki.IssueClient(new UserInfo("third", []), TimeProvider.System.GetUtcNow()).Certificate + "\n" + _pki.IssueClient(new UserInfo("fourth", []), TimeProvider.System.GetUtcNow()).Key);
        Assert.Equal("CN=second", renewed.Current.Subject);
        File.Delete(_folder["client.pem"]);
        Assert.Equal("CN=second", renewed.Current.Subject);
    }

    [Fact]
    public void What_stands_in_a_kubeconfig_itself_stays_as_it_is()
    {
        var (certificate, key) = _pki.IssueClient(new UserInfo("ann", []), TimeProvider.System.GetUtcNow());
        File.WriteAllText(_folder["inline"], Kubeconfig.Write(new Uri("https://127.0.0.1:1"), "c", _pki.AuthorityPem, certificate, key));
        Assert.Null(Kubeconfig.Load(_folder["inline"]).RenewedCertificate);
    }

    private void Write(string user)
    {
        var (certificate, key) = _pki.IssueClient(new UserInfo(user, []), TimeProvider.System.GetUtcNow());
        File.WriteAllText(_folder["client.pem"], certificate + "\n" + key); // both in one, as a kubelet has it
    }

    private string Kubeconfigs()
    {
        File.WriteAllText(_folder["config"], """
            {"apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
             "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}], "users": [{"name": "u", "user": {"client-certificate": "client.pem", "client-key": "client.pem"}}]}
            """);
        return _folder["config"];
    }
}
