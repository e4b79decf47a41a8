using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Issuing;

namespace Ote.Tests.Cluster.Identity;

/// <summary>What a certificate of an issuer is worth, and to whom.</summary>
public sealed class ProvisionalCertificateTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly PeerIdentity North = new("north", "u-north");
    private static readonly PeerIdentity Shop = new("shop-1", "u-1");
    private readonly CertificateAuthority _root = CertificateAuthority.Create(new FakeTimeProvider(Now));

    public void Dispose() => _root.Dispose();

    [Fact]
    public void True_one_says_whom_it_names_by_whose_leave_and_how_long_and_serves_nobody()
    {
        var site = Leaves.Provisional(Issuer(), Grant(), Shop, "tokens", Now);
        Assert.True(site.IsProvisional);
        var read = Read(site)!;
        Assert.Equal((Shop, North, "tokens", CaPin.Of(site.Certificate)), (read.Peer, read.Grant.Issuer, read.Token, read.Key));
        Assert.Equal(TimeSpan.FromHours(10), read.End - read.Begin);
        Assert.Null(read.Objection(Now, ["root", "north"], Revocations.None));
        Assert.Null(read.Objection(Now, ["root", "north", "mid"], Revocations.None));

        // Who dials asks for a certificate of the tree's CA, good for serving: this is neither.
        using var chain = new X509Chain { ChainPolicy = TunnelTls.TrustOnly(_root.Authority) };
        Assert.False(chain.Build(site.Certificate));
        var check = new ServerCheck(TreeTrust.Of(_root.Authority), "127.0.0.1", new FakeTimeProvider(Now));
        Assert.False(check.Validate(this, site.Certificate, chain, SslPolicyErrors.RemoteCertificateChainErrors));
        Assert.Contains("takes children when the root has admitted it", check.Problem, StringComparison.Ordinal);
        Assert.Equal("1.3.6.1.5.5.7.3.2", Assert.Single(site.Certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().Single().EnhancedKeyUsages.Cast<Oid>()).Value);
        Assert.Empty(site.Hosts);
    }

    [Fact]
    public void Never_counts_longer_than_its_leave()
    {
        var read = Read(Leaves.Provisional(Issuer(), Grant(until: Now.AddMinutes(5)), Shop, at: Now))!;
        Assert.Equal(Now.AddMinutes(5), read.End);
        Assert.Contains("ended at 2026-03-01 12:05:00Z", read.Objection(Now.AddMinutes(5), ["north"], Revocations.None), StringComparison.Ordinal);
        Assert.Contains("has not reached", read.Objection(Now.AddHours(-2), ["north"], Revocations.None), StringComparison.Ordinal);
    }

    [Fact]
    public void Counts_below_its_issuer_only_and_no_more_when_the_leave_or_the_issuer_is_revoked()
    {
        var read = Read(Leaves.Provisional(Issuer(), Grant(), Shop, at: Now))!;
        Assert.Contains("counts below that cluster only", read.Objection(Now, ["root"], Revocations.None), StringComparison.Ordinal);
        Assert.Contains("counts below that cluster only", read.Objection(Now, ["root", "south"], Revocations.None), StringComparison.Ordinal);
        Assert.Contains("the leave of north to issue it was withdrawn", read.Objection(Now, ["root", "north"], Revoked("issuer-1")), StringComparison.Ordinal);
        Assert.Contains("north, which issued it, was revoked", read.Objection(Now, ["root", "north"], Revoked("u-north")), StringComparison.Ordinal);
    }

    public static TheoryData<string> Frauds =>
    [
        "a leave that nobody of the tree has signed", "a leave that was changed", "another tree's issuer", "a leave for another cluster", "a name outside of the leave", "a site that issues further",
        "a certificate that says another issuer", "a longer life than the leave allows", "an issuer that was provisional itself", "an issuer whose certificate had ended",
    ];

    [Theory]
    [MemberData(nameof(Frauds))]
    public void Fraud_is_worth_nothing(string fraud)
    {
        using var stranger = CertificateAuthority.Create(new FakeTimeProvider(Now));
        var changed = Grant().Signed;
        var content = GrantContent.Parser.ParseFrom(changed.Content);
        content.NamePattern = "*";
        var site = Leaves.Provisional(Issuer(), Grant(), Shop, at: Now);
        var made = fraud switch
        {
            "a leave that nobody of the tree has signed" => Leaves.Provisional(Issuer(), Grant(signer: stranger), Shop, at: Now),
            "a leave that was changed" => Changed(new SignedGrant { Content = content.ToByteString(), Signatures = { changed.Signatures } }),
            "another tree's issuer" => Leaves.Provisional(stranger.CreateIdentity(North, []), Grant(), Shop, at: Now),
            "a leave for another cluster" => Leaves.Provisional(_root.CreateIdentity(new PeerIdentity("south", "u-south"), []), Grant(), Shop, at: Now),
            "a name outside of the leave" => Leaves.Provisional(Issuer(), Grant(), new PeerIdentity("bank-1", "u-1"), at: Now),
            "a site that issues further" => Leaves.Provisional(site, Grant(issuer: Shop), new PeerIdentity("shop-2", "u-2"), at: Now),
            "a certificate that says another issuer" => Leaves.Provisional(Issuer(), Grant(), Shop, at: Now, sign: _root.CreateIdentity(North, [])),
            "a longer life than the leave allows" => Leaves.Provisional(Issuer(), Grant(), Shop, at: Now, life: TimeSpan.FromHours(11)),
            "an issuer that was provisional itself" => Leaves.Provisional(Leaves.Provisional(Issuer(), Grant(), new PeerIdentity("shop-0", "u-north"), at: Now), Grant(), Shop, at: Now),
            _ => Leaves.Provisional(Issuer(), Grant(until: Now.AddDays(900)), Shop, at: Now.AddDays(400)),
        };
        Assert.True(made.IsProvisional);
        Assert.Null(Read(made));
    }

    [Fact]
    public void Bytes_that_are_none_are_worth_nothing_and_do_no_harm()
    {
        using var key = SigningRequest.NewKey();
        foreach (var proof in new byte[][] { [], [1, 2, 3], new ProvisionalProof { Token = "t" }.ToByteArray() })
        {
            var request = new CertificateRequest("CN=shop-1", key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509Extension(ProvisionalCertificate.ProofExtension, proof, false));
            using var made = request.CreateSelfSigned(Now, Now.AddDays(1));
            Assert.True(ProvisionalCertificate.IsOne(made));
            Assert.Null(ProvisionalCertificate.Read(made, [_root.Authority]));
        }
    }

    [Fact]
    public void Request_for_a_true_one_is_proven_by_its_key_alone()
    {
        var site = Leaves.Provisional(Issuer(), Grant(), Shop, at: Now);
        var request = new JoinRequest { Csr = ByteString.CopyFrom(SigningRequest.Create("shop-1", [], SigningRequest.NewKey())) };
        Renewal.Prove(request, site);
        Assert.Equal(Shop, Verify(request)!.Peer);
        Assert.Null(Renewal.Verify(request, _root.Authority, Now, TimeSpan.FromDays(1))); // it is no certificate of the root
        var later = request.Clone();
        Assert.Null(Renewal.VerifyProvisional(later, [_root.Authority], Now.AddDays(3), TimeSpan.FromDays(1)));
        Renewal.Prove(later, Leaves.Provisional(Issuer(), Grant(), Shop, at: Now));
        request.PreviousSignature = later.PreviousSignature;
        Assert.Null(Verify(request));

        ProvisionalCertificate? Verify(JoinRequest asked) => Renewal.VerifyProvisional(asked, [_root.Authority], Now, TimeSpan.Zero);
    }

    private ClusterIdentity Issuer() => _root.CreateIdentity(North, []);

    private IssuerGrant Grant(CertificateAuthority? signer = null, DateTimeOffset? until = null, PeerIdentity? issuer = null) =>
        IssuerGrant.Make("issuer-1", issuer ?? North, "shop-*", until ?? Now.AddDays(30), TimeSpan.FromHours(10), [signer ?? _root]);

    private ProvisionalCertificate? Read(ClusterIdentity identity) => ProvisionalCertificate.Read(identity.Certificate, [_root.Authority]);

    private Revocations Revoked(string uid) => Revocations.None.Next([new RevokedCluster { Name = "north", Uid = uid }], _root, Now);

    /// <summary>Signed rightly by the issuer, with a leave that the root has not signed so.</summary>
    private ClusterIdentity Changed(SignedGrant grant) => Leaves.Provisional(Issuer(), Grant(), Shop, at: Now, proof: grant);
}
