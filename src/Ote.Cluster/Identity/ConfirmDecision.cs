using Ote.Cluster.Tunnel;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>What the root knows when a cluster that another has let in asks for its true certificate.</summary>
/// <param name="Token">The record of the token it was let in by; null when there is none any more.</param>
/// <param name="NameHolderUid">Who holds the name; null when it is free.</param>
/// <param name="AdmittedKey">The provisional key that the holder of the name was admitted by; null when it was not admitted so.</param>
/// <param name="HasCertificate">Whether the holder of the name has had a certificate of the root.</param>
/// <param name="Withdrawn">Why what the issuer has issued does not count any more; null when it does.</param>
/// <param name="IsRevoked">Whether the uid was shut out.</param>
internal sealed record ConfirmFacts(JoinTokenRecord? Token, string? NameHolderUid, CaPin? AdmittedKey, bool HasCertificate, string? Withdrawn, bool IsRevoked);

/// <summary>
/// Whether the root admits a cluster that another has let in by its leave. The issuer's word is not enough: the name must be free, and the token, which the
/// root counts once more, must have a use left, so an issuer brings in no more than tokens were made for. Pure.
/// </summary>
internal static class ConfirmDecision
{
    /// <summary>Decides on a request that the key of the provisional certificate has signed.</summary>
    public static JoinVerdict Decide(JoinRequest request, ProvisionalCertificate certificate, ConfirmFacts facts)
    {
        var (peer, issuer) = (certificate.Peer, certificate.Grant.Issuer.Name);
        if (new PeerIdentity(request.Name, request.Uid) != peer) return Refuse($"a certificate of {peer} cannot ask for one of {request.Name} ({request.Uid})");
        if (facts.IsRevoked) return Refuse(Revocations.Text(peer));
        if (facts.Withdrawn is { } withdrawn) return Refuse(withdrawn);
        if (facts.NameHolderUid is { } holder && holder != peer.Uid)
        {
            return Refuse(
                $"the name {peer.Name} belongs to another cluster of the tree (uid {holder}) since before the root heard of this one; stop it, remove identity/cluster.pem in its data directory and "
                + "start it with another --name and a new token, or have the operator delete the other cluster. What is on its disk stays");
        }

        if (facts.AdmittedKey == certificate.Key) return new JoinVerdict(JoinVerdictKind.Issue, "", false);
        if (facts.NameHolderUid is not null && facts.HasCertificate)
        {
            return Refuse($"the root has admitted {peer} already, and not by this certificate of {issuer}; to join it again, remove identity/cluster.pem and give it a token of the root");
        }

        if (facts.Token is not { } token || token.Issuer != issuer)
        {
            return Refuse($"the join token {certificate.Token} by which {issuer} let it in is not there any more, or was not made for {issuer}; join again with a new token");
        }

        if (token.MaxUses is { } most && token.Used >= most && !token.HasAdmitted)
        {
            return Refuse($"the join token {token.Id} by which {issuer} let it in has admitted {token.Used} of {Plural.Of(most, "cluster")}; join again with a new token");
        }

        return token.Names.Count > 0 && !token.Names.Contains(peer.Name)
            ? Refuse($"the join token {token.Id} by which {issuer} let it in is not for the name {peer.Name}")
            : new JoinVerdict(JoinVerdictKind.Issue, "", !token.HasAdmitted);
    }

    private static JoinVerdict Refuse(string text) => new(JoinVerdictKind.Refuse, text, false);
}
