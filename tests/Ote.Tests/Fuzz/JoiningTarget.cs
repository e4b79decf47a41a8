using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Issuing;

namespace Ote.Tests.Fuzz;

/// <summary>
/// What the root reads of who wants to join or renew, and what a cluster reads of the root's word: certificates, requests and signed lists. The first byte says
/// which. Its CA is new in each run.
/// </summary>
internal sealed class JoiningTarget : IFuzzTarget, IDisposable
{
    private static readonly PeerIdentity member = new("c1", "u1");
    private readonly CertificateAuthority authority = CertificateAuthority.Create(TimeProvider.System);
    private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public IEnumerable<byte[]> Seeds
    {
        get
        {
            ClusterIdentity identity = authority.CreateIdentity(member, ["10.0.0.1"], key);
            JoinRequest request = new() { RequestId = ByteString.CopyFrom(new byte[16]), Token = "id.secret", Name = member.Name, Uid = member.Uid, Csr = ByteString.CopyFrom(SigningRequest.Create(member.Name, ["10.0.0.1"], key)) };
            JoinRequest renewal = request.Clone();
            Renewal.Prove(renewal, identity);
            IssuerGrant grant = IssuerGrant.Make("issuer-1", new PeerIdentity("north", "u2"), "*", TimeProvider.System.GetUtcNow().AddDays(1), TimeSpan.FromHours(1), [authority]);
            JoinRequest provisional = request.Clone();
            provisional.Token = "";
            Renewal.Prove(provisional, Leaves.Provisional(authority.CreateIdentity(grant.Issuer, []), grant, member));
            JoinAnswer answer = new() { Outcome = JoinAnswer.Types.Outcome.Issued, Certificate = ByteString.CopyFrom(identity.Certificate.RawData), Authority = ByteString.CopyFrom(authority.Authority.RawData), Membership = ByteString.CopyFrom(identity.Membership.Span) };
            TreeTrust trust = TreeTrust.Make(2, [authority.Authority], [authority]);
            return [[0, .. request.ToByteArray()], [0, .. renewal.ToByteArray()], [0, .. provisional.ToByteArray()], [1, .. answer.ToByteArray()], [2, .. trust.Signed!.ToByteArray()]];
        }
    }

    public string Try(byte[] input)
    {
        if (input.Length == 0) return "nothing";
        try
        {
            return (input[0] % 3) switch
            {
                0 => Request(JoinRequest.Parser.ParseFrom(input.AsSpan(1))),
                1 => "issued to " + ClusterIdentity.FromAnswer(JoinAnswer.Parser.ParseFrom(input.AsSpan(1)), key, CaPin.Of(authority.Authority), member).Peer,
                _ => "trust " + TreeTrust.Read(TrustList.Parser.ParseFrom(input.AsSpan(1)), IsOurs)?.Authorities.Count,
            };
        }
        catch (Exception refused) when (refused is InvalidProtocolBufferException or IdentityException or JoinRefusedException)
        {
            return $"{input[0] % 3} {refused.GetType().Name} {refused.Message.Split(':')[0]}";
        }
    }

    public void Dispose()
    {
        authority.Dispose();
        key.Dispose();
    }

    private string Request(JoinRequest request)
    {
        PeerIdentity? proven = Renewal.Verify(request, authority.Authority, TimeProvider.System.GetUtcNow(), TimeSpan.FromDays(1));
        Assert.True(proven is null || proven == member, $"proved to be {proven}");
        ProvisionalCertificate? issued = Renewal.VerifyProvisional(request, [authority.Authority], TimeProvider.System.GetUtcNow(), TimeSpan.FromDays(1));
        Assert.True(issued is null || issued.Peer == member, $"proved to be {issued?.Peer}");
        return $"{SigningRequest.Read(request.Csr.Span).Hosts.Count} hosts, proven {proven is not null} {issued is not null}";
    }

    private bool IsOurs(X509Certificate2 seen) => CaPin.Of(seen) == CaPin.Of(authority.Authority);
}
