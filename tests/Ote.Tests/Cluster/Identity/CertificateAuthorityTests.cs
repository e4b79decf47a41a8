using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Identity;

public sealed class CertificateAuthorityTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("ote-ca-").FullName;
    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero));

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void Authority_is_kept_for_its_owner_only_and_read_back()
    {
        CaPin pin;
        using (CertificateAuthority made = CertificateAuthority.LoadOrCreate(directory, time)) pin = made.Pin;
        using CertificateAuthority read = CertificateAuthority.LoadOrCreate(directory, time);
        Assert.Equal(pin, read.Pin);
        Assert.True(CaPin.TryParse(pin.ToString(), out CaPin parsed));
        Assert.Equal(pin, parsed);
        Assert.All(Directory.GetFiles(directory), file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
    }

    [Fact]
    public void Broken_files_are_named_with_what_to_do()
    {
        File.WriteAllText(Path.Combine(directory, "ca.crt"), "rubbish");
        Assert.Contains("only one of", Assert.Throws<IdentityException>(() => CertificateAuthority.LoadOrCreate(directory, time)).Message, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(directory, "ca.key"), "rubbish");
        Assert.Contains("backup", Assert.Throws<IdentityException>(() => CertificateAuthority.LoadOrCreate(directory, time)).Message, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(directory, "cluster.pem"), "rubbish");
        Assert.Contains("join again", Assert.Throws<IdentityException>(() => ClusterIdentity.Load(directory)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Certificate_binds_what_the_caller_decided_not_what_the_request_claims()
    {
        using CertificateAuthority authority = CertificateAuthority.Create(time);
        using ECDsa key = SigningRequest.NewKey();
        byte[] csr = SigningRequest.Create("evil", ["edge.example.org", "10.0.0.1"], key);
        using X509Certificate2 certificate = authority.Issue(csr, new PeerIdentity("c1", "u1"));
        Assert.True(CertificateNames.TryReadIdentity(certificate, out PeerIdentity identity));
        Assert.Equal(new PeerIdentity("c1", "u1"), identity);
        Assert.Equal("CN=c1", certificate.Subject);
        Assert.True(certificate.MatchesHostname("edge.example.org"));
        Assert.True(certificate.MatchesHostname("10.0.0.1"));
        Assert.Equal(time.GetUtcNow().AddDays(365), certificate.NotAfter);
        Assert.False(certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single().CertificateAuthority);
    }

    [Fact]
    public void Serials_differ_and_broken_requests_are_refused()
    {
        using CertificateAuthority authority = CertificateAuthority.Create(time);
        using ECDsa key = SigningRequest.NewKey();
        byte[] csr = SigningRequest.Create("c1", [], key);
        Assert.NotEqual(authority.Issue(csr, new PeerIdentity("c1", "u1")).SerialNumber, authority.Issue(csr, new PeerIdentity("c1", "u1")).SerialNumber);
        csr[^5] ^= 1;
        Assert.Throws<IdentityException>(() => authority.Issue(csr, new PeerIdentity("c1", "u1")));
        Assert.Throws<IdentityException>(() => authority.Issue(new byte[100_000], new PeerIdentity("c1", "u1")));
    }

    [Fact]
    public void Renewal_is_proven_by_the_former_key_and_by_nothing_else()
    {
        using CertificateAuthority authority = CertificateAuthority.Create(time);
        using CertificateAuthority other = CertificateAuthority.Create(time);
        using ECDsa key = SigningRequest.NewKey();
        JoinRequest request = new() { Name = "c1", Uid = "u1", Csr = ByteString.CopyFrom(SigningRequest.Create("c1", [], key)) };
        Assert.Null(Renewal.Verify(request, authority.Authority, time.GetUtcNow(), TimeSpan.Zero));
        Renewal.Prove(request, authority.CreateIdentity(new PeerIdentity("c1", "u1"), []));
        Assert.Equal(new PeerIdentity("c1", "u1"), Renewal.Verify(request, authority.Authority, time.GetUtcNow(), TimeSpan.Zero));
        Assert.Null(Renewal.Verify(request, other.Authority, time.GetUtcNow(), TimeSpan.Zero));
        Assert.Null(Renewal.Verify(request, authority.Authority, time.GetUtcNow().AddDays(366), TimeSpan.Zero));
        Assert.NotNull(Renewal.Verify(request, authority.Authority, time.GetUtcNow().AddDays(366), TimeSpan.FromDays(30)));
        request.Csr = ByteString.CopyFromUtf8("another request");
        Assert.Null(Renewal.Verify(request, authority.Authority, time.GetUtcNow(), TimeSpan.Zero));
    }

    [Fact]
    public void Epochs_grow_over_restarts_and_past_what_a_parent_knows()
    {
        EpochCounter first = EpochCounter.Load(directory);
        ulong a = first.Next(0), b = first.Next(0);
        Assert.True(b > a);
        EpochCounter second = EpochCounter.Load(directory);
        ulong c = second.Next(0);
        Assert.True(c > b);
        Assert.True(second.Next(1_000_000) > 1_000_000);
        Assert.True(EpochCounter.Load(directory).Next(0) > 1_000_000);
    }
}
