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
        byte[] csr = SigningRequest.Create("evil", ["edge.example.org", "10.0.0.1", "root.example.org"], key);
        SigningRequest request = SigningRequest.Read(csr);
        Assert.Equal(["edge.example.org", "10.0.0.1", "root.example.org"], request.Hosts);
        using X509Certificate2 certificate = authority.Issue(request, new PeerIdentity("c1", "u1"), ["edge.example.org", "10.0.0.1"]);
        Assert.True(CertificateNames.TryReadIdentity(certificate, out PeerIdentity identity));
        Assert.Equal(new PeerIdentity("c1", "u1"), identity);
        Assert.Equal("CN=c1", certificate.Subject);
        Assert.True(certificate.MatchesHostname("edge.example.org"));
        Assert.True(certificate.MatchesHostname("10.0.0.1"));
        Assert.False(certificate.MatchesHostname("root.example.org"));
        Assert.Equal(time.GetUtcNow().AddDays(365), certificate.NotAfter);
        Assert.False(certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single().CertificateAuthority);
    }

    [Fact]
    public void Serials_differ_and_broken_requests_are_refused()
    {
        using CertificateAuthority authority = CertificateAuthority.Create(time);
        using ECDsa key = SigningRequest.NewKey();
        byte[] csr = SigningRequest.Create("c1", [], key);
        SigningRequest request = SigningRequest.Read(csr);
        Assert.NotEqual(authority.Issue(request, new PeerIdentity("c1", "u1"), []).SerialNumber, authority.Issue(request, new PeerIdentity("c1", "u1"), []).SerialNumber);
        csr[^5] ^= 1;
        Assert.Throws<IdentityException>(() => SigningRequest.Read(csr));
        Assert.Throws<IdentityException>(() => SigningRequest.Read(new byte[100_000]));
    }

    [Theory]
    [InlineData(10, 1)]
    [InlineData(60 * 24 * 365, 60)]
    public void Certificate_lasts_as_long_as_the_operator_says_and_begins_a_little_earlier(int lifeMinutes, int earlierMinutes)
    {
        using CertificateAuthority authority = CertificateAuthority.Create(time, TimeSpan.FromMinutes(lifeMinutes));
        X509Certificate2 certificate = authority.CreateIdentity(new PeerIdentity("c1", "u1"), []).Certificate;
        Assert.Equal(time.GetUtcNow().AddMinutes(lifeMinutes), certificate.NotAfter);
        Assert.Equal(time.GetUtcNow().AddMinutes(-earlierMinutes), certificate.NotBefore);
    }

    [Fact]
    public void Nothing_is_issued_beyond_the_end_of_the_authority()
    {
        using CertificateAuthority authority = CertificateAuthority.Create(time);
        time.Advance(CertificateAuthority.AuthorityLife - TimeSpan.FromDays(1));
        Assert.Equal(authority.Authority.NotAfter, authority.CreateIdentity(new PeerIdentity("c1", "u1"), []).Certificate.NotAfter);
        time.Advance(TimeSpan.FromDays(1));
        Assert.Contains("CA ended", Assert.Throws<IdentityException>(() => authority.CreateIdentity(new PeerIdentity("c1", "u1"), [])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Start_that_was_cut_off_between_the_files_of_the_authority_begins_anew_and_a_lost_certificate_does_not()
    {
        CertificateAuthority.LoadOrCreate(directory, time).Dispose();
        File.Delete(Path.Combine(directory, "ca.crt"));
        using (CertificateAuthority anew = CertificateAuthority.LoadOrCreate(directory, time))
        using (CertificateAuthority read = CertificateAuthority.LoadOrCreate(directory, time)) Assert.Equal(anew.Pin, read.Pin);
        File.WriteAllText(Path.Combine(directory, "uid"), "u"); // this tree has lived
        File.Delete(Path.Combine(directory, "ca.crt"));
        Assert.Contains("only one of", Assert.Throws<IdentityException>(() => CertificateAuthority.LoadOrCreate(directory, time)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Crash_while_an_identity_is_stored_leaves_the_former_one_usable()
    {
        using CertificateAuthority authority = CertificateAuthority.Create(time);
        ClusterIdentity former = authority.CreateIdentity(new PeerIdentity("c1", "u1"), []);
        former.Save(directory);
        byte[] before = File.ReadAllBytes(Path.Combine(directory, "cluster.pem"));
        authority.CreateIdentity(new PeerIdentity("c1", "u1"), []).Save(directory);
        byte[] after = File.ReadAllBytes(Path.Combine(directory, "cluster.pem"));

        // The one file is written beside and moved over: at each moment it is the former or the next, and half of the next lies beside.
        File.WriteAllBytes(Path.Combine(directory, "cluster.pem"), before);
        for (int cut = 0; cut <= after.Length; cut += 64)
        {
            File.WriteAllBytes(Path.Combine(directory, "cluster.pem.new"), after[..cut]);
            Assert.Equal(former.Certificate.SerialNumber, ClusterIdentity.Load(directory)!.Certificate.SerialNumber);
        }

        ClusterIdentity next = authority.CreateIdentity(new PeerIdentity("c1", "u1"), []);
        next.Save(directory);
        Assert.Equal(next.Certificate.SerialNumber, ClusterIdentity.Load(directory)!.Certificate.SerialNumber);
        Assert.Equal(["cluster.pem", "membership"], Directory.GetFiles(directory).Select(Path.GetFileName).Order());
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
