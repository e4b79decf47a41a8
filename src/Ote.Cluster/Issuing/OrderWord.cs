using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Issuing;

/// <summary>The root's word of what a cluster may issue and to whom, as that cluster holds it. Immutable.</summary>
/// <param name="Version">The newer replaces the older.</param>
/// <param name="Digest">Short name of what it says; never 0.</param>
/// <param name="Grant">The leave; null: it may issue nothing any more.</param>
/// <param name="Tokens">The join tokens it may let in by, by id.</param>
internal sealed record OrderWord(ulong Version, ulong Digest, IssuerGrant? Grant, IReadOnlyDictionary<string, IssuerToken> Tokens)
{
    /// <summary>Tokens that one cluster may be given at a time.</summary>
    public const int MostTokens = 100;

    private const string Purpose = "ote.issuing.v1";
    private const int MaxSignatures = 4;

    /// <summary>Nothing was heard yet.</summary>
    public static OrderWord None { get; } = new(0, 0, null, new Dictionary<string, IssuerToken>());

    /// <summary>Makes the message that tells it.</summary>
    public static SetIssuing Make(IssuingOrder order, IEnumerable<CertificateAuthority> authorities)
    {
        var bytes = order.ToByteString();
        var told = new SetIssuing { Name = order.Issuer, Content = bytes };
        told.Signatures.Add(authorities.Select(a => ByteString.CopyFrom(a.SignBytes(Purpose, bytes.Span))));
        return told;
    }

    /// <summary>Reads what came by way of others; null when it is not the root's word for this cluster.</summary>
    public static OrderWord? Read(SetIssuing told, PeerIdentity self, IReadOnlyList<X509Certificate2> authorities)
    {
        if (told.Signatures.Count > MaxSignatures || !SignedBytes.IsSignedByAny(authorities, Purpose, told.Content.Span, told.Signatures))
        {
            return null;
        }

        try
        {
            var order = IssuingOrder.Parser.ParseFrom(told.Content);
            var grant = IssuerGrant.Read(order.Grant, authorities);
            if (new PeerIdentity(order.Issuer, order.IssuerUid) != self || order.Tokens.Count > MostTokens || (order.Grant is not null && grant?.Issuer != self))
            {
                return null;
            }

            var tokens = new Dictionary<string, IssuerToken>(StringComparer.Ordinal);
            foreach (var token in order.Tokens)
            {
                tokens[token.Id] = token;
            }

            return new OrderWord(order.Version, order.Digest, grant, tokens);
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }
}
