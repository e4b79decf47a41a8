using Google.Protobuf;
using Ote.Cluster.Routing;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;
using System.Security.Cryptography.X509Certificates;
using Wire = Ote.Protocol.Tunnel.SignedGrant;

namespace Ote.Cluster.Identity;

/// <summary>
/// The root's leave for one cluster to issue provisional certificates below it while the root is away. Signed by the tree's CA, so each
/// certificate can carry it and whoever knows the CA can check it. Immutable.
/// </summary>
public sealed record IssuerGrant
{
    /// <summary>The shortest life of a provisional certificate: less leaves no time to ask again over a bad link.</summary>
    public static readonly TimeSpan ShortestLife = TimeSpan.FromMinutes(10);

    /// <summary>The longest life of a provisional certificate.</summary>
    public static readonly TimeSpan LongestLife = TimeSpan.FromDays(30);

    private const string Purpose = "ote.issuer.v1";
    private const int MaxSignatures = 4;
    private const int MaxText = 256;

    private IssuerGrant(Wire signed, GrantContent content)
    {
        Signed = signed;
        Id = content.Id;
        Issuer = new PeerIdentity(content.Issuer, content.IssuerUid);
        NamePattern = content.NamePattern;
        Until = DateTimeOffset.FromUnixTimeSeconds(content.UntilUnixSeconds);
        Life = TimeSpan.FromSeconds(content.LifeSeconds);
    }

    /// <summary>Names this leave; in the list of revocations it ends all that was issued by it.</summary>
    public string Id { get; }

    /// <summary>Who may issue.</summary>
    public PeerIdentity Issuer { get; }

    /// <summary>Glob of the names it may issue for.</summary>
    public string NamePattern { get; }

    /// <summary>When it ends, and all that was issued by it.</summary>
    public DateTimeOffset Until { get; }

    /// <summary>How long one certificate may count, from <see cref="ShortestLife"/> to <see cref="LongestLife"/>.</summary>
    public TimeSpan Life { get; }

    /// <summary>As it is passed on.</summary>
    public Wire Signed { get; }

    /// <summary>Whether it covers a name.</summary>
    public bool Allows(string name) => Glob.Matches(NamePattern, name);

    /// <summary>Makes one. The caller has checked the bounds.</summary>
    internal static IssuerGrant Make(string id, PeerIdentity issuer, string pattern, DateTimeOffset until, TimeSpan life, IEnumerable<CertificateAuthority> authorities)
    {
        GrantContent content = new()
        {
            Id = id,
            Issuer = issuer.Name,
            IssuerUid = issuer.Uid,
            NamePattern = pattern,
            UntilUnixSeconds = until.ToUnixTimeSeconds(),
            LifeSeconds = (ulong)life.TotalSeconds,
        };
        ByteString bytes = content.ToByteString();
        Wire signed = new() { Content = bytes };
        signed.Signatures.Add(authorities.Select(a => ByteString.CopyFrom(a.SignBytes(Purpose, bytes.Span))));
        return new IssuerGrant(signed, content);
    }

    /// <summary>Reads one that came by way of others; null when none of the tree's CAs has signed it, or it says what the root never would.</summary>
    internal static IssuerGrant? Read(Wire? wire, IEnumerable<X509Certificate2> authorities)
    {
        if (wire is null || wire.Signatures.Count > MaxSignatures || !SignedBytes.IsSignedByAny(authorities, Purpose, wire.Content.Span, wire.Signatures)) return null;
        try
        {
            GrantContent content = GrantContent.Parser.ParseFrom(wire.Content);
            bool isSound = IdentityRules.IsUid(content.Id) && ClusterName.CheckChild(content.Issuer) is null && IdentityRules.IsUid(content.IssuerUid)
                && content.NamePattern.Length is > 0 and <= MaxText
                && content.UntilUnixSeconds > 0 && content.UntilUnixSeconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds()
                && content.LifeSeconds <= (ulong)LongestLife.TotalSeconds;
            return isSound ? new IssuerGrant(wire.Clone(), content) : null;
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }
}
