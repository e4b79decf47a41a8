using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Issuing;

/// <summary>What an issuing cluster knows when a request to join arrives.</summary>
/// <param name="Grant">The root's leave; null when it has none.</param>
/// <param name="IsWithdrawn">Whether the leave, or this cluster itself, is on the list of revocations.</param>
/// <param name="Token">The token the request names, with the uses counted here; null when the root has given this cluster none of that id.</param>
/// <param name="HolderUid">Who holds the name as far as is known here; null when it seems free.</param>
/// <param name="IsMember">Whether the root has admitted the cluster of that name.</param>
/// <param name="IsRevoked">Whether the uid was shut out.</param>
/// <param name="Now">The time.</param>
internal sealed record IssuingFacts(IssuerGrant? Grant, bool IsWithdrawn, JoinTokenRecord? Token, string? HolderUid, bool IsMember, bool IsRevoked, DateTimeOffset Now);

/// <summary>What an issuing cluster does with a request.</summary>
internal enum IssuingVerdictKind
{
    /// <summary>It is the root's to decide.</summary>
    PassUp,

    /// <summary>Issue a provisional certificate.</summary>
    Issue,

    /// <summary>No.</summary>
    Refuse,
}

/// <summary>The decision on a request.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Text">Why not, for people. Never holds the token.</param>
/// <param name="UsesToken">Whether this is one more use of the token.</param>
internal sealed record IssuingVerdict(IssuingVerdictKind Kind, string Text = "", bool UsesToken = false);

/// <summary>Whom a cluster may let in by the root's leave. Never weaker than <see cref="JoinDecision"/>, which it asks. Pure.</summary>
internal static class IssuingDecision
{
    /// <summary>Decides on one request to join.</summary>
    public static IssuingVerdict Join(JoinRequest request, IssuingFacts facts)
    {
        if (facts.Grant is not { } grant || facts.IsWithdrawn || facts.Now >= grant.Until || facts.Token is null || request.Token.Length == 0)
        {
            return new IssuingVerdict(IssuingVerdictKind.PassUp);
        }

        var usual = JoinDecision.Decide(request, new JoinFacts(facts.Token with { AutoAccept = true }, facts.HolderUid, facts.IsRevoked, false, null, facts.Now));
        if (usual.Kind != JoinVerdictKind.Issue)
        {
            return Refuse(usual.Text);
        }

        if (facts.IsMember)
        {
            return Refuse($"the root has admitted {request.Name} already, and renews its certificate itself; to join it again, use a token of the root");
        }

        return !request.Provisional ? Refuse($"the join token {facts.Token.Id} lets in by a provisional certificate, which this build does not know; update the controller of {request.Name}, or use a token of the root")
            : !grant.Allows(request.Name) ? Refuse($"{grant.Issuer.Name} may let in clusters named {grant.NamePattern} only; choose such a name, or use a token of the root")
            : new IssuingVerdict(IssuingVerdictKind.Issue, "", usual.UsesToken);
    }

    /// <summary>
    /// Whether a provisional certificate is followed by another while the root does not answer: in the second half of its life, as long as the
    /// leave lasts.
    /// </summary>
    /// <param name="former">The certificate; its key has signed the request.</param>
    /// <param name="self">This cluster.</param>
    /// <param name="facts">What is known; the token does not matter any more.</param>
    public static bool MayFollow(ProvisionalCertificate former, PeerIdentity self, IssuingFacts facts) =>
        former.Grant.Issuer == self
        && facts.Grant is { } grant && !facts.IsWithdrawn && facts.Now < grant.Until && grant.Allows(former.Peer.Name)
        && facts.HolderUid == former.Peer.Uid && !facts.IsRevoked
        && facts.Now < former.End && facts.Now >= former.Begin + ((former.End - former.Begin) / 2);

    private static IssuingVerdict Refuse(string text) => new(IssuingVerdictKind.Refuse, text);
}
