using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Cluster.Issuing;

/// <summary>What a cluster is to hold of what it may issue. Pure.</summary>
/// <param name="Grant">The leave; null: none any more.</param>
/// <param name="Spec">What the operator said; null with no leave.</param>
/// <param name="Order">All of it but version and grant, which are made when it is told.</param>
/// <param name="Error">Why the spec cannot be carried out; null when it can.</param>
/// <param name="IsKnown">Whether the tokens are known; until then nothing is told.</param>
internal sealed record IssuingPlan(GrantRecord? Grant, IssuingSpec? Spec, IssuingOrder Order, string? Error, bool IsKnown)
{
    private const string Condition = "MayIssue";

    /// <summary>Makes the plan.</summary>
    /// <param name="cluster">The issuer's object.</param>
    /// <param name="grant">The leave.</param>
    /// <param name="spec">What the operator said.</param>
    /// <param name="error">Why it makes no sense.</param>
    /// <param name="tokens">The tokens made for this issuer; null while they are not known.</param>
    /// <param name="signers">Pins of the CAs that sign: when they change it is told anew.</param>
    public static IssuingPlan Make(JsonObject cluster, GrantRecord? grant, IssuingSpec? spec, string? error, IEnumerable<JsonObject>? tokens, IEnumerable<CaPin> signers)
    {
        var order = new IssuingOrder { Issuer = cluster.Name(), IssuerUid = cluster.Text("spec", "uid") ?? "" };
        if (grant is not null && tokens is not null)
        {
            order.Tokens.Add(tokens.OrderBy(t => t.Name(), StringComparer.Ordinal).Take(OrderWord.MostTokens).Select(Token));
        }

        var named = new IssuingOrder(order) { Grant = grant is null ? null : new SignedGrant { Content = ByteString.CopyFromUtf8($"{grant.Id} {grant.Of} {string.Join(' ', signers)}") } };
        var digest = BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(named.ToByteArray()));
        order.Digest = digest == 0 ? 1 : digest;
        return new IssuingPlan(grant, spec, order, error, grant is null || tokens is not null);
    }

    /// <summary>Says in a status how it stands.</summary>
    public void Write(JsonObject status, RouteEntry? entry, DateTimeOffset now)
    {
        if (Error is null && Spec is null)
        {
            ClusterStatus.Forget(status, Condition);
            return;
        }

        var (holds, reason, message) = Error is { } error ? (false, "Invalid", $"spec.issuing cannot be carried out: {error}")
            : now >= Spec!.Until ? (false, "Ended", $"the leave ended at {Spec.Until.ToKubeTime()}; set spec.issuing.until anew, or remove spec.issuing")
            : !IsKnown ? (false, "TokensUnknown", "the root could not list the join tokens yet; see that its user may get, list and watch jointokens")
            : entry?.Issuing == Order.Digest ? (true, "InForce", $"may let in clusters named {Spec.NamePattern} until {Spec.Until.ToKubeTime()} by {Order.Tokens.Count} join tokens, also while the root is away")
            : (false, "NotTold", "it has not said that it knows its leave: it is away, or it or a controller between is of a build that does not know this");
        Conditions.SetCondition(status, Condition, holds, reason, message, now);
    }

    private static IssuerToken Token(JsonObject token) => new()
    {
        Id = token.Name(),
        SecretHash = token.Text("spec", "secretHash") ?? "",
        ExpiresUnixSeconds = token.Time("spec", "expiresAt")?.ToUnixTimeSeconds() ?? 0,
        Uses = (ulong)(token.Whole("spec", "uses") ?? 1),
        NamePattern = token.Text("spec", "namePattern") ?? "",
    };
}
