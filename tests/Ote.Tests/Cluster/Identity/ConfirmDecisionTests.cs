using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Issuing;

namespace Ote.Tests.Cluster.Identity;

public sealed class ConfirmDecisionTests
{
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();

    public static TheoryData<string, string, bool> Cases => new()
    {
        { "fine", "", true },
        { "asked again by itself", "", false },
        { "asked again, the name bound already", "", false },
        { "name taken", "stop it, remove identity/cluster.pem in its data directory and start it with another --name", false },
        { "admitted before, by another certificate", "and not by this certificate of north", false },
        { "token gone", "is not there any more", false },
        { "token of another issuer", "was not made for north", false },
        { "token used up", "has admitted 1 of 1 cluster", false },
        { "token for another name", "is not for the name shop-1", false },
        { "token that has ended since", "", true },
        { "leave withdrawn", "was withdrawn", false },
        { "revoked", "was revoked by an operator", false },
        { "for another name", "cannot ask for one of shop-2", false },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Request_of_a_cluster_that_another_let_in_is_judged(string what, string refusal, bool uses)
    {
        using var root = CertificateAuthority.Create(TimeProvider.System);
        var grant = IssuerGrant.Make("issuer-1", new PeerIdentity("north", "u-north"), "*", Now.AddDays(1), TimeSpan.FromHours(1), [root]);
        var identity = Leaves.Provisional(root.CreateIdentity(grant.Issuer, []), grant, new PeerIdentity("shop-1", "u-1"), "abcdef");
        var certificate = ProvisionalCertificate.Read(identity.Certificate, [root.Authority])!;
        var request = new JoinRequest { Name = "shop-1", Uid = "u-1" };
        var token = new JoinTokenRecord("abcdef", "", Now.AddHours(1), 1, 0, false, [], true, "north");
        var facts = new ConfirmFacts(token, null, null, false, null, false);
        switch (what)
        {
            case "asked again by itself": facts = facts with { Token = token with { Used = 1, HasAdmitted = true } }; break;
            case "asked again, the name bound already": facts = facts with { NameHolderUid = "u-1", HasCertificate = true, AdmittedKey = certificate.Key, Token = token with { Used = 1 } }; break;
            case "name taken": facts = facts with { NameHolderUid = "u-9" }; break;
            case "admitted before, by another certificate": facts = facts with { NameHolderUid = "u-1", HasCertificate = true, AdmittedKey = CaPin.Of(root.Authority) }; break;
            case "token gone": facts = facts with { Token = null }; break;
            case "token of another issuer": facts = facts with { Token = token with { Issuer = "south" } }; break;
            case "token used up": facts = facts with { Token = token with { Used = 1 } }; break;
            case "token for another name": facts = facts with { Token = token with { Names = ["bank-*"] } }; break;
            case "token that has ended since": facts = facts with { Token = token with { Expires = Now.AddHours(-1) } }; break; // the issuer held it against its clock when it let the site in
            case "leave withdrawn": facts = facts with { Withdrawn = "the leave was withdrawn" }; break;
            case "revoked": facts = facts with { IsRevoked = true }; break;
            case "for another name": request.Name = "shop-2"; break;
        }

        var verdict = ConfirmDecision.Decide(request, certificate, facts);
        Assert.Equal((refusal.Length == 0 ? JoinVerdictKind.Issue : JoinVerdictKind.Refuse, uses), (verdict.Kind, verdict.UsesToken));
        Assert.Contains(refusal, verdict.Text, StringComparison.Ordinal);
    }
}
