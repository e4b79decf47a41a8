using System.Security.Cryptography;
using Google.Protobuf;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Kube.Resources;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Identity;

public sealed class JoinDecisionTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static TheoryData<string, JoinVerdictKind, bool> Cases => new()
    {
        { "fine", JoinVerdictKind.Issue, true },
        { "unknown token", JoinVerdictKind.Refuse, false },
        { "wrong secret", JoinVerdictKind.Refuse, false },
        { "expired", JoinVerdictKind.Refuse, false },
        { "used up", JoinVerdictKind.Refuse, false },
        { "used up by itself", JoinVerdictKind.Issue, false },
        { "for another name", JoinVerdictKind.Refuse, false },
        { "name taken", JoinVerdictKind.Refuse, false },
        { "name its own", JoinVerdictKind.Issue, true },
        { "revoked", JoinVerdictKind.Refuse, false },
        { "reserved name", JoinVerdictKind.Refuse, false },
        { "odd uid", JoinVerdictKind.Refuse, false },
        { "no request", JoinVerdictKind.Refuse, false },
        { "not automatic", JoinVerdictKind.Pending, true },
        { "approved", JoinVerdictKind.Issue, true },
        { "another's token", JoinVerdictKind.Refuse, false },
        { "another's token by its way", JoinVerdictKind.Later, false },
        { "another's token that asks for approval", JoinVerdictKind.Pending, true },
        { "no token", JoinVerdictKind.Refuse, false },
        { "renewal", JoinVerdictKind.Issue, false },
        { "renewal of another", JoinVerdictKind.Refuse, false },
        { "renewal though revoked", JoinVerdictKind.Refuse, false },
    };

    [Fact]
    public void Who_was_revoked_is_told_both_ways_back() => Assert.Equal(
        "cluster c1 (u1) was revoked by an operator; otectl accept c1 at the root lets it in again, once its Cluster was deleted there with --uid u1; or it joins as a new one: with a fresh data directory and a new join token",
        Revocations.Text(new PeerIdentity("c1", "u1")));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Request_is_judged(string what, JoinVerdictKind kind, bool uses)
    {
        JoinTokenText token = JoinTokenText.Create(RandomNumberGenerator.Fill);
        JoinRequest request = new() { Token = token.Reveal(), Name = "c1", Uid = "u1", Csr = ByteString.CopyFromUtf8("csr") };
        JoinTokenRecord record = new(token.Id, token.SecretHash, Now.AddHours(1), 1, 0, false, [], true);
        JoinFacts facts = new(record, null, false, false, null, Now);
        PeerIdentity self = new("c1", "u1");
        switch (what)
        {
            case "another's token": facts = facts with { Token = record with { Issuer = "north" } }; request.Via.Add("south"); break;
            case "another's token by its way": facts = facts with { Token = record with { Issuer = "north" } }; request.Via.Add(["mid", "north"]); break;
            case "another's token that asks for approval": facts = facts with { Token = record with { Issuer = "north", AutoAccept = false } }; break;
            case "unknown token": facts = facts with { Token = null }; break;
            case "wrong secret": facts = facts with { Token = record with { SecretHash = new string('0', 64) } }; break;
            case "expired": facts = facts with { Now = Now.AddHours(1) }; break;
            case "used up": facts = facts with { Token = record with { Used = 1 } }; break;
            case "used up by itself": facts = facts with { Token = record with { Used = 1, HasAdmitted = true } }; break;
            case "for another name": facts = facts with { Token = record with { Names = ["c2"] } }; break;
            case "name taken": facts = facts with { NameHolderUid = "u9" }; break;
            case "name its own": facts = facts with { NameHolderUid = "u1" }; break;
            case "revoked": facts = facts with { IsRevoked = true }; break;
            case "reserved name": request.Name = "root"; break;
            case "odd uid": request.Uid = "a/b"; break;
            case "no request": request.Csr = ByteString.Empty; break;
            case "not automatic": facts = facts with { Token = record with { AutoAccept = false } }; break;
            case "approved": facts = facts with { Token = record with { AutoAccept = false }, IsApproved = true }; break;
            case "no token": request.Token = ""; break;
            case "renewal": request.Token = ""; facts = facts with { Token = null, RenewedBy = self, NameHolderUid = "u1" }; break;
            case "renewal of another": request.Token = ""; facts = facts with { RenewedBy = new PeerIdentity("c2", "u2") }; break;
            case "renewal though revoked": request.Token = ""; facts = facts with { RenewedBy = self, IsRevoked = true }; break;
        }

        JoinVerdict verdict = JoinDecision.Decide(request, facts);
        Assert.Equal(kind, verdict.Kind);
        Assert.Equal(uses, verdict.UsesToken);
        Assert.Equal(kind == JoinVerdictKind.Issue, verdict.Text.Length == 0);
        Assert.DoesNotContain(token.Secret, verdict.Text, StringComparison.Ordinal);
    }
}
