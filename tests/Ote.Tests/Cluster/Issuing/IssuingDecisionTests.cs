using System.Security.Cryptography;
using Google.Protobuf;
using Ote.Cluster.Identity;
using Ote.Cluster.Issuing;
using Ote.Cluster.Tunnel;
using Ote.Kube.Resources;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Issuing;

public sealed class IssuingDecisionTests
{
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();
    private static readonly PeerIdentity North = new("north", "u-north");

    public static TheoryData<string, string, string, bool> Cases => new()
    {
        { "fine", "Issue", "", true },
        { "again", "Issue", "", false },
        { "no leave", "PassUp", "", false },
        { "leave over", "PassUp", "", false },
        { "leave withdrawn", "PassUp", "", false },
        { "token unknown here", "PassUp", "", false },
        { "wrong secret", "Refuse", "the join token is not valid", false },
        { "token over", "Refuse", "ended at", false },
        { "token used up", "Refuse", "has admitted 1 of 1", false },
        { "token for another name", "Refuse", "is not for the name", false },
        { "name outside of the leave", "Refuse", "may let in clusters named shop-* only", false },
        { "name taken", "Refuse", "belongs to another cluster", false },
        { "admitted by the root", "Refuse", "the root has admitted shop-1 already", false },
        { "revoked", "Refuse", "was revoked", false },
        { "older build", "Refuse", "update the controller of shop-1", false },
        { "the root's name", "Refuse", "root", false },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Request_is_judged_by_the_leave_and_never_more_weakly_than_by_the_root(string what, string kind, string text, bool uses)
    {
        using var root = CertificateAuthority.Create(TimeProvider.System);
        var shown = JoinTokenText.Create(RandomNumberGenerator.Fill);
        var token = new JoinTokenRecord(shown.Id, shown.SecretHash, Now.AddHours(1), 1, 0, false, [], true);
        var request = new JoinRequest { Token = shown.Reveal(), Name = "shop-1", Uid = "u-1", Csr = ByteString.CopyFromUtf8("csr"), Provisional = true };
        var facts = new IssuingFacts(Grant(root), false, token, null, false, false, Now);
        switch (what)
        {
            case "again": facts = facts with { HolderUid = "u-1", Token = token with { Used = 1, HasAdmitted = true } }; break;
            case "no leave": facts = facts with { Grant = null }; break;
            case "leave over": facts = facts with { Now = Now.AddDays(1), Token = token with { Expires = null } }; break;
            case "leave withdrawn": facts = facts with { IsWithdrawn = true }; break;
            case "token unknown here": facts = facts with { Token = null }; break;
            case "wrong secret": facts = facts with { Token = token with { SecretHash = new string('0', 64) } }; break;
            case "token over": facts = facts with { Now = Now.AddHours(1) }; break;
            case "token used up": facts = facts with { Token = token with { Used = 1 } }; break;
            case "token for another name": facts = facts with { Token = token with { Names = ["bank-*"] } }; break;
            case "name outside of the leave": request.Name = "bank-1"; break;
            case "name taken": facts = facts with { HolderUid = "u-9" }; break;
            case "admitted by the root": facts = facts with { HolderUid = "u-1", IsMember = true }; break;
            case "revoked": facts = facts with { IsRevoked = true }; break;
            case "older build": request.Provisional = false; break;
            case "the root's name": request.Name = "root"; break;
        }

        var verdict = IssuingDecision.Join(request, facts);
        Assert.Equal((kind, uses), (verdict.Kind.ToString(), verdict.UsesToken));
        Assert.Contains(text, verdict.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(shown.Secret, verdict.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("fine", 40, true)]
    [InlineData("too early", 20, false)]
    [InlineData("too late", 60, false)]
    [InlineData("leave over", 40, false)]
    [InlineData("leave withdrawn", 40, false)]
    [InlineData("leave for other names now", 40, false)]
    [InlineData("another's certificate", 40, false)]
    [InlineData("refused by the root", 40, false)]
    [InlineData("revoked", 40, false)]
    public void Certificate_is_followed_by_another_in_the_second_half_of_its_life_while_the_leave_lasts(string what, int minutes, bool may)
    {
        using var root = CertificateAuthority.Create(TimeProvider.System);
        var issuer = what == "another's certificate" ? new PeerIdentity("south", "u-south") : North;
        var identity = Leaves.Provisional(root.CreateIdentity(issuer, []), Grant(root, issuer: issuer), new PeerIdentity("shop-1", "u-1"), at: Now);
        var former = ProvisionalCertificate.Read(identity.Certificate, [root.Authority])!;
        var facts = new IssuingFacts(
            what == "leave over" ? null : Grant(root, what == "leave for other names now" ? "bank-*" : "shop-*"), what == "leave withdrawn", null,
            what == "refused by the root" ? null : "u-1", false, what == "revoked", former.Begin.AddMinutes(minutes));
        Assert.Equal(may, IssuingDecision.MayFollow(former, North, facts));
    }

    private static IssuerGrant Grant(CertificateAuthority root, string pattern = "shop-*", PeerIdentity? issuer = null) =>
        IssuerGrant.Make("issuer-1", issuer ?? North, pattern, Now.AddDays(1), TimeSpan.FromHours(1), [root]);
}
