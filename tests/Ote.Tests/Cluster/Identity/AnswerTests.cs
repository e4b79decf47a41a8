using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Identity;

/// <summary>What a child keeps of an answer that passed through other clusters' hands.</summary>
public sealed class AnswerTests : IDisposable
{
    private static readonly PeerIdentity Self = new("c1", "u1");
    private readonly string directory = Directory.CreateTempSubdirectory("ote-answer-").FullName;
    private readonly CertificateAuthority authority = CertificateAuthority.Create(TimeProvider.System);
    private readonly CertificateAuthority other = CertificateAuthority.Create(TimeProvider.System);

    public void Dispose()
    {
        authority.Dispose();
        other.Dispose();
        Directory.Delete(directory, recursive: true);
    }

    [Theory]
    [InlineData("signed by another authority", "not signed by the tree's CA")]
    [InlineData("of another tree", "not the pinned one")]
    [InlineData("for another name", "issued instead of")]
    [InlineData("for another uid", "issued instead of")]
    [InlineData("for another key", "of no use")]
    [InlineData("no certificate", "of no use")]
    [InlineData("refused", "not for you")]
    [InlineData("pending", "wait")]
    public async Task Answer_that_was_swapped_on_its_way_is_not_kept_and_the_former_identity_stays(string what, string reason)
    {
        ClusterIdentity former = authority.CreateIdentity(Self, []);
        former.Save(directory);
        RenewalClient client = new(new IdentitySource(former), [], directory, (request, _) => Task.FromResult(Answer(request, what)), NullLogger.Instance);
        JoinRefusedException refused = await Assert.ThrowsAsync<JoinRefusedException>(() => client.RenewAsync(CancellationToken.None));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.Equal(former.Certificate.SerialNumber, ClusterIdentity.Load(directory)!.Certificate.SerialNumber);
    }

    [Fact]
    public async Task True_answer_is_stored_with_a_new_key_before_it_is_used()
    {
        ClusterIdentity former = authority.CreateIdentity(Self, []);
        former.Save(directory);
        byte[]? sent = null;
        RenewalClient client = new(new IdentitySource(former), ["127.0.0.1"], directory, (request, _) => Task.FromResult(Answer(Seen(request), "true")), NullLogger.Instance);
        ClusterIdentity next = await client.RenewAsync(CancellationToken.None);
        ClusterIdentity stored = ClusterIdentity.Load(directory)!;
        Assert.Equal(next.Certificate.SerialNumber, stored.Certificate.SerialNumber);
        Assert.NotEqual(former.Certificate.GetPublicKeyString(), stored.Certificate.GetPublicKeyString());
        using ECDsa key = stored.Certificate.GetECDsaPrivateKey()!;
        Assert.Equal(-1, sent.AsSpan().IndexOf(key.ExportParameters(true).D)); // the private key stayed here

        JoinRequest Seen(JoinRequest request)
        {
            sent = request.ToByteArray();
            return request;
        }
    }

    private JoinAnswer Answer(JoinRequest request, string what)
    {
        SigningRequest signing = SigningRequest.Read(request.Csr.Span);
        using ECDsa stranger = SigningRequest.NewKey();
        using X509Certificate2 certificate = what switch
        {
            "signed by another authority" or "of another tree" => other.Issue(signing, Self, []),
            "for another name" => authority.Issue(signing, new PeerIdentity("c2", "u1"), []),
            "for another uid" => authority.Issue(signing, new PeerIdentity("c1", "u2"), []),
            "for another key" => authority.Issue(SigningRequest.Read(SigningRequest.Create("c1", [], stranger)), Self, []),
            _ => authority.Issue(signing, Self, []),
        };
        return new JoinAnswer
        {
            RequestId = request.RequestId,
            Outcome = what switch { "refused" => JoinAnswer.Types.Outcome.Refused, "pending" => JoinAnswer.Types.Outcome.Pending, _ => JoinAnswer.Types.Outcome.Issued },
            Text = what switch { "refused" => "not for you", "pending" => "wait", _ => "" },
            Certificate = what == "no certificate" ? ByteString.CopyFromUtf8("rubbish") : ByteString.CopyFrom(certificate.RawData),
            Authority = ByteString.CopyFrom((what == "of another tree" ? other : authority).Authority.RawData),
        };
    }
}
