using Ote.Cluster.Routing;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>A join token as the root keeps it.</summary>
/// <param name="Id">Names it.</param>
/// <param name="SecretHash">SHA-256 of the secret, hex.</param>
/// <param name="Expires">When it ends; null for never.</param>
/// <param name="MaxUses">Clusters it may admit; null for any number.</param>
/// <param name="Used">Clusters it has admitted.</param>
/// <param name="HasAdmitted">Whether the one that asks is among them; asking again is no further use.</param>
/// <param name="Names">Names it may admit; empty for any.</param>
/// <param name="AutoAccept">Whether no operator needs to approve.</param>
/// <param name="Issuer">The cluster that lets in by it, with provisional certificates; empty for the root. One that asks for approval is always the root's.</param>
public sealed record JoinTokenRecord(
    string Id, string SecretHash, DateTimeOffset? Expires, int? MaxUses, int Used, bool HasAdmitted, IReadOnlyCollection<string> Names, bool AutoAccept, string Issuer = "");

/// <summary>What the root knows when a request arrives.</summary>
/// <param name="Token">The record of the request's token id; null when there is none.</param>
/// <param name="NameHolderUid">Who holds the name; null when it is free.</param>
/// <param name="IsRevoked">Whether the uid was shut out.</param>
/// <param name="IsApproved">Whether an operator has approved this uid under this name.</param>
/// <param name="RenewedBy">The identity proven by <see cref="Renewal"/>; null when the request is no valid renewal.</param>
/// <param name="Now">The time.</param>
public sealed record JoinFacts(
    JoinTokenRecord? Token, string? NameHolderUid, bool IsRevoked, bool IsApproved, Tunnel.PeerIdentity? RenewedBy, DateTimeOffset Now);

/// <summary>What to do with a request.</summary>
public enum JoinVerdictKind
{
    /// <summary>Issue a certificate for the name and uid.</summary>
    Issue,

    /// <summary>Wait for an operator.</summary>
    Pending,

    /// <summary>No.</summary>
    Refuse,

    /// <summary>Ask again: somebody else is to decide, who does not know of it yet. Nothing is bound.</summary>
    Later,
}

/// <summary>The decision on a request.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Text">Why, for people; empty when issued. Never holds the token.</param>
/// <param name="UsesToken">Whether this is one more use of the token.</param>
public sealed record JoinVerdict(JoinVerdictKind Kind, string Text, bool UsesToken);

/// <summary>Who may join the tree. Pure.</summary>
public static class JoinDecision
{
    // One answer for an unknown token and a wrong secret: it must not tell which ids exist.
    private const string BadToken = "the join token is not valid; ask the operator for a new one (otectl join-token create)";

    /// <summary>Decides on one request.</summary>
    public static JoinVerdict Decide(JoinRequest request, JoinFacts facts)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(facts);
        bool isRenewal = request.Token.Length == 0;
        if (isRenewal && facts.RenewedBy is null) return Refuse("no join token, and no proof of a certificate of this tree that may still be renewed; to join again, remove identity/cluster.pem and give a token");
        if (!isRenewal && CheckToken(request, facts) is { } tokenError) return Refuse(tokenError);
        if (ClusterName.CheckChild(request.Name) is { } nameError) return Refuse(nameError);
        if (!IdentityRules.IsUid(request.Uid)) return Refuse("the uid is not 1 to 64 letters, digits and '-'");
        if (request.Csr.IsEmpty) return Refuse("the signing request is missing");
        if (facts.IsRevoked) return Refuse(Revocations.Text(new Tunnel.PeerIdentity(request.Name, request.Uid)));
        if (facts.NameHolderUid is { } holder && holder != request.Uid)
        {
            return Refuse($"the name {request.Name} belongs to another cluster of the tree; choose another name, or have the operator remove the old one");
        }

        if (isRenewal)
        {
            return facts.RenewedBy == new Tunnel.PeerIdentity(request.Name, request.Uid)
                ? new JoinVerdict(JoinVerdictKind.Issue, "", false)
                : Refuse($"a certificate of {facts.RenewedBy} cannot renew that of {request.Name} ({request.Uid})");
        }

        JoinTokenRecord token = facts.Token!;
        if (token.Issuer.Length > 0 && token.AutoAccept)
        {
            return request.Via.Contains(token.Issuer)
                ? new JoinVerdict(JoinVerdictKind.Later, $"the join token {token.Id} is for {token.Issuer}, which has no leave to let in, or has not heard of this token yet; otectl describe cluster {token.Issuer} says more", false)
                : Refuse($"the join token {token.Id} lets in below {token.Issuer} only; join there, or ask the operator for a token of the root");
        }

        bool uses = !token.HasAdmitted;
        return token.AutoAccept || facts.IsApproved
            ? new JoinVerdict(JoinVerdictKind.Issue, "", uses)
            : new JoinVerdict(JoinVerdictKind.Pending, $"waiting for an operator: otectl accept {request.Name}", uses);
    }

    private static string? CheckToken(JoinRequest request, JoinFacts facts)
    {
        if (!JoinTokenText.TryParse(request.Token, out JoinTokenText? presented)) return BadToken;
        if (facts.Token is not { } token || token.Id != presented.Id || !presented.Matches(token.SecretHash)) return BadToken;
        if (token.Expires is { } expires && facts.Now >= expires) return $"the join token {token.Id} ended at {expires:u}; ask the operator for a new one";
        if (token.MaxUses is { } most && token.Used >= most && !token.HasAdmitted)
        {
            return $"the join token {token.Id} has admitted {token.Used} of {Plural.Of(most, "cluster")}; ask the operator for a new one";
        }

        return token.Names.Count > 0 && !token.Names.Contains(request.Name) ? $"the join token {token.Id} is not for the name {request.Name}" : null;
    }

    private static JoinVerdict Refuse(string text) => new(JoinVerdictKind.Refuse, text, false);
}
