using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>
/// A certificate that a cluster has issued by the root's leave, while the root was away, to one that joined below it. It lets its bearer attach
/// below that cluster and ask the root for a certificate; it serves nobody, issues nothing, and counts nowhere else. Immutable.
/// </summary>
/// <param name="Peer">Whom it names.</param>
/// <param name="Grant">The leave it was issued by.</param>
/// <param name="Token">Id of the join token it was issued for.</param>
/// <param name="Begin">When it begins to count.</param>
/// <param name="End">When it ends.</param>
/// <param name="Key">Names the key it is of.</param>
public sealed record ProvisionalCertificate(PeerIdentity Peer, IssuerGrant Grant, string Token, DateTimeOffset Begin, DateTimeOffset End, CaPin Key)
{
    /// <summary>The extension that carries a <see cref="ProvisionalProof"/>.</summary>
    internal const string ProofExtension = "2.25.289675020535036434350779768500630542911";

    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    private const int SerialBytes = 16;
    private static readonly TimeSpan MaxClockSkew = TimeSpan.FromHours(1);

    /// <summary>Whether a certificate claims to be one. Says nothing of whether it counts.</summary>
    public static bool IsOne(X509Certificate2 certificate) => Proof(certificate) is not null;

    /// <summary>Signs a request with the key of the issuer's own certificate.</summary>
    /// <param name="issuer">Who issues: the cluster that the leave names.</param>
    /// <param name="grant">The leave.</param>
    /// <param name="token">Id of the join token it is issued for.</param>
    /// <param name="request">Of it only the key is taken.</param>
    /// <param name="site">Decided by the caller.</param>
    /// <param name="now">The time.</param>
    internal static X509Certificate2 Issue(ClusterIdentity issuer, IssuerGrant grant, string token, SigningRequest request, PeerIdentity site, DateTimeOffset now)
    {
        using ECDsa key = issuer.Certificate.GetECDsaPrivateKey() ?? throw new IdentityException("the certificate's key is not ECDSA");
        ProvisionalProof proof = new() { Grant = grant.Signed, IssuerCertificate = ByteString.CopyFrom(issuer.Certificate.RawData), Token = token };
        CertificateRequest made = new(new X500DistinguishedName($"CN={site.Name}"), request.Key, HashAlgorithmName.SHA256);
        made.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        made.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        made.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ClientAuthentication)], false));
        made.CertificateExtensions.Add(CertificateNames.Build(site, []));
        made.CertificateExtensions.Add(new X509Extension(ProofExtension, proof.ToByteArray(), critical: false));
        TimeSpan skew = grant.Life / 10;
        DateTimeOffset begin = now - (skew < MaxClockSkew ? skew : MaxClockSkew); // for clocks that are behind
        DateTimeOffset end = begin + grant.Life < grant.Until ? begin + grant.Life : grant.Until;
        byte[] serial = RandomNumberGenerator.GetBytes(SerialBytes);
        serial[0] = (byte)((serial[0] & 0x7F) | 0x40); // positive, of full length
        return made.Create(issuer.Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(key), begin, end, serial);
    }

    /// <summary>
    /// Reads a certificate whose whole chain holds: the tree's CA has signed the leave and the issuer's certificate, and that one's key has signed
    /// this, within the leave. Null when it does not. Times and revocations are for <see cref="Objection"/>.
    /// </summary>
    internal static ProvisionalCertificate? Read(X509Certificate2 certificate, IReadOnlyCollection<X509Certificate2> authorities)
    {
        if (Proof(certificate) is not { } raw) return null;
        try
        {
            ProvisionalProof proof = ProvisionalProof.Parser.ParseFrom(raw);
            if (IssuerGrant.Read(proof.Grant, authorities) is not { } grant || !IdentityRules.IsUid(proof.Token)) return null;
            using X509Certificate2 issuer = X509CertificateLoader.LoadCertificate(proof.IssuerCertificate.Span);
            using X509Chain chain = new() { ChainPolicy = TunnelTls.TrustOnly(authorities) };
            if (!chain.Build(issuer) || !CertificateNames.TryReadIdentity(issuer, out PeerIdentity who) || who != grant.Issuer || !IsSigned(certificate, issuer)) return null;
            DateTimeOffset begin = certificate.NotBefore, end = certificate.NotAfter;
            bool isWithin = end - begin <= grant.Life && end <= grant.Until && begin < issuer.NotAfter && !IsAuthority(certificate)
                && CertificateNames.TryReadIdentity(certificate, out PeerIdentity site) && Routing.ClusterName.CheckChild(site.Name) is null && grant.Allows(site.Name);
            return isWithin && CertificateNames.TryReadIdentity(certificate, out PeerIdentity peer)
                ? new ProvisionalCertificate(peer, grant, proof.Token, begin, end, CaPin.Of(certificate))
                : null;
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or AsnContentException || Unreadable.IsCause(e))
        {
            return null; // bytes that are no certificate prove nothing
        }
    }

    /// <summary>Why it does not count at a cluster now; null when it does.</summary>
    /// <param name="now">The time.</param>
    /// <param name="path">From the root down to that cluster.</param>
    /// <param name="revocations">Who is shut out.</param>
    internal string? Objection(DateTimeOffset now, IReadOnlyList<string> path, Revocations revocations) =>
        !path.Contains(Grant.Issuer.Name) ? $"the certificate of {Peer} is provisional, issued by {Grant.Issuer.Name}, and counts below that cluster only; once the root has confirmed it, it counts everywhere"
        : now >= End ? $"the provisional certificate of {Peer} ended at {End.ToUniversalTime():u}; it asks for the next one at its parent's door"
        : now < Begin ? $"the provisional certificate of {Peer} begins at {Begin.ToUniversalTime():u}, which this machine's clock has not reached"
        : Withdrawn(revocations);

    /// <summary>Whether the root has taken the leave, or the issuer's own certificate, back; null when not.</summary>
    internal string? Withdrawn(Revocations revocations) =>
        revocations.Contains(Grant.Issuer.Uid) ? $"the certificate of {Peer} is provisional and {Grant.Issuer.Name}, which issued it, was revoked by an operator; join again with a token of the root"
        : revocations.Contains(Grant.Id) ? $"the certificate of {Peer} is provisional and the leave of {Grant.Issuer.Name} to issue it was withdrawn by an operator; join again with a token of the root"
        : null;

    private static byte[]? Proof(X509Certificate2 certificate)
    {
        foreach (X509Extension extension in certificate.Extensions)
        {
            if (extension.Oid?.Value == ProofExtension) return extension.RawData;
        }

        return null;
    }

    private static bool IsAuthority(X509Certificate2 certificate) =>
        certificate.Extensions.OfType<X509BasicConstraintsExtension>().FirstOrDefault() is not { CertificateAuthority: false };

    // The platform's chain asks that whoever signs is a CA. A cluster's certificate is none, and can so sign nothing that anybody else would believe.
    private static bool IsSigned(X509Certificate2 certificate, X509Certificate2 issuer)
    {
        using ECDsa? key = issuer.GetECDsaPublicKey();
        if (key is null || !certificate.IssuerName.RawData.AsSpan().SequenceEqual(issuer.SubjectName.RawData)) return false;
        AsnReader outer = new AsnReader(certificate.RawData, AsnEncodingRules.DER).ReadSequence();
        ReadOnlyMemory<byte> signed = outer.ReadEncodedValue();
        outer.ReadEncodedValue(); // how it is signed: in one way only here
        return key.VerifyData(signed.Span, outer.ReadBitString(out _), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
    }
}
