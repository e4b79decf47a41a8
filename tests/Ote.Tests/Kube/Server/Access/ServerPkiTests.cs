using System.Security.Cryptography.X509Certificates;
using Ote.Kube.Server.Access;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.Kube.Server.Access;

public sealed class ServerPkiTests : IDisposable
{
    private readonly Scratch _folder = new("pki");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("server.crt.new")]
    [InlineData("server.key.new")]
    public void Certificate_that_cannot_be_stored_is_served_from_memory_and_the_stored_pair_stays_whole(string blocked)
    {
        using var first = Open("one");
        Directory.CreateDirectory(Path.Combine(_folder[blocked], "x")); // no file can be written there
        using (var unsaved = Open("two"))
        {
            Assert.True(unsaved.Serving.MatchesHostname("two"));
            Assert.True(unsaved.Serving.HasPrivateKey);
            Assert.Equal(first.AuthorityPem, unsaved.AuthorityPem);
        }

        using var stored = Open("one");
        Assert.Equal(first.Serving.Thumbprint, stored.Serving.Thumbprint);
        Directory.Delete(_folder[blocked], recursive: true);
        using var saved = Open("two");
        using var again = Open("two");
        Assert.Equal(saved.Serving.Thumbprint, again.Serving.Thumbprint);
    }

    [Fact]
    public void Authority_that_is_made_anew_is_not_served_with_a_certificate_of_the_former()
    {
        string former;
        using (var first = Open("one"))
        {
            former = first.AuthorityPem;
        }

        File.Delete(_folder["ca.key"]);
        File.Delete(_folder["ca.crt"]);
        using var second = Open("one");
        Assert.NotEqual(former, second.AuthorityPem);
        using var authority = X509Certificate2.CreateFromPem(second.AuthorityPem);
        using X509Chain chain = new() { ChainPolicy = { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { authority }, RevocationMode = X509RevocationMode.NoCheck } };
        Assert.True(chain.Build(second.Serving));
    }

    private ServerPki Open(string host) => ServerPki.Open(_folder.Path, "test", [host], TimeProvider.System);
}
