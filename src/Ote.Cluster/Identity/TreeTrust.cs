using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>
/// The CAs that make up the tree's trust: one as a rule, two while it is being exchanged. By the root's word, signed by each CA it has the
/// key of, so that whoever knows any one of them learns of the others, by whatever way the word came. Immutable.
/// </summary>
public sealed class TreeTrust
{
    private const string Purpose = "ote.trust.v1";
    private const int Most = 4;

    private TreeTrust(ulong version, IReadOnlyList<X509Certificate2> authorities, TrustList? signed) => (Version, Authorities, Signed) = (version, authorities, signed);

    /// <summary>Grows with every change; 0 while the tree has had one CA only.</summary>
    public ulong Version { get; }

    /// <summary>The CAs, that which issues first.</summary>
    public IReadOnlyList<X509Certificate2> Authorities { get; }

    /// <summary>As it is kept and passed on; null for none.</summary>
    public TrustList? Signed { get; }

    /// <summary>The trust of who knows one CA and has heard of no other.</summary>
    public static TreeTrust Of(X509Certificate2 authority) => new(0, [authority], null);

    /// <summary>Reads the root's word; null when nobody believed has signed it.</summary>
    /// <param name="list">As it came.</param>
    /// <param name="believes">Whether a CA is believed already.</param>
    public static TreeTrust? Read(TrustList list, Func<X509Certificate2, bool> believes)
    {
        ArgumentNullException.ThrowIfNull(list);
        ArgumentNullException.ThrowIfNull(believes);
        try
        {
            var content = TrustedAuthorities.Parser.ParseFrom(list.Content);
            return content.Authorities.Count is 0 or > Most || list.Signatures.Count > Most || !list.Signatures.Any(s => IsSigned(list, s, believes))
                ? null
                : new TreeTrust(content.Version, [.. content.Authorities.Select(a => X509CertificateLoader.LoadCertificate(a.Span))], list.Clone());
        }
        catch (Exception e) when (e is InvalidProtocolBufferException || Unreadable.IsCause(e))
        {
            return null;
        }
    }

    /// <summary>Whether a CA is one of them.</summary>
    public bool Trusts(X509Certificate2 authority)
    {
        CaPin pin = CaPin.Of(authority);
        return Authorities.Any(a => CaPin.Of(a) == pin);
    }

    /// <summary>Whether the issuing CA is another than that of a certificate, which is to be renewed then.</summary>
    public bool IsStale(ClusterIdentity identity)
    {
        ArgumentNullException.ThrowIfNull(identity);
        return Version > 0 && CaPin.Of(identity.Authority) != CaPin.Of(Authorities[0]);
    }

    /// <summary>Makes the root's word.</summary>
    internal static TreeTrust Make(ulong version, IReadOnlyList<X509Certificate2> authorities, IEnumerable<CertificateAuthority> signers)
    {
        var content = new TrustedAuthorities { Version = version };
        content.Authorities.Add(authorities.Select(a => ByteString.CopyFrom(a.RawData)));
        var bytes = content.ToByteArray();
        var list = new TrustList { Content = ByteString.CopyFrom(bytes) };
        list.Signatures.Add(signers.Select(s => new TrustSignature
        {
            Authority = ByteString.CopyFrom(s.Authority.RawData),
            Signature = ByteString.CopyFrom(s.SignBytes(Purpose, bytes)),
        }));
        return new TreeTrust(version, authorities, list);
    }

    /// <summary>The CA that issued a certificate, by its name; the first when it is none of them.</summary>
    internal X509Certificate2 IssuerOf(X509Certificate2 certificate) =>
        Authorities.FirstOrDefault(a => a.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData)) ?? Authorities[0];

    private static bool IsSigned(TrustList list, TrustSignature signature, Func<X509Certificate2, bool> believes)
    {
        using var authority = X509CertificateLoader.LoadCertificate(signature.Authority.Span);
        return believes(authority) && SignedBytes.IsSigned(authority, Purpose, list.Content.Span, signature.Signature.Span);
    }
}
