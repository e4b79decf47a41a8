using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>
/// Renewal is joining with the former certificate in place of a token: its key signs the new request, so whoever carries the request
/// up the tree can neither forge nor redirect it.
/// </summary>
public static class Renewal
{
    /// <summary>Adds the proof to a request for the same cluster.</summary>
    public static void Prove(JoinRequest request, ClusterIdentity former)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(former);
        using ECDsa key = former.Certificate.GetECDsaPrivateKey() ?? throw new IdentityException("the certificate's key is not ECDSA");
        request.PreviousCertificate = ByteString.CopyFrom(former.Certificate.RawData);
        request.PreviousSignature = ByteString.CopyFrom(key.SignData(request.Csr.Span, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));
    }

    /// <summary>The identity a request proves; null when it proves none.</summary>
    /// <param name="request">As received.</param>
    /// <param name="authority">The tree's CA.</param>
    /// <param name="now">The time.</param>
    /// <param name="grace">How long after its end a certificate may still be renewed.</param>
    public static PeerIdentity? Verify(JoinRequest request, X509Certificate2 authority, DateTimeOffset now, TimeSpan grace) =>
        Verify(request, [authority], now, grace);

    /// <summary>The provisional certificate whose key has signed a request; null when there is none, or its chain does not hold.</summary>
    /// <param name="request">As received.</param>
    /// <param name="authorities">The tree's CAs.</param>
    /// <param name="now">The time.</param>
    /// <param name="grace">How long after its end it may still ask.</param>
    internal static ProvisionalCertificate? VerifyProvisional(JoinRequest request, IReadOnlyCollection<X509Certificate2> authorities, DateTimeOffset now, TimeSpan grace)
    {
        if (request.PreviousCertificate.IsEmpty || request.PreviousSignature.IsEmpty) return null;
        try
        {
            using X509Certificate2 former = X509CertificateLoader.LoadCertificate(request.PreviousCertificate.Span);
            return now <= (DateTimeOffset)former.NotAfter + grace && ProvisionalCertificate.Read(former, authorities) is { } provisional && IsSigned(request, former) ? provisional : null;
        }
        catch (Exception e) when (Unreadable.IsCause(e))
        {
            return null; // bytes that are no certificate prove nothing
        }
    }

    /// <summary>The identity a request proves; null when it proves none.</summary>
    internal static PeerIdentity? Verify(JoinRequest request, IEnumerable<X509Certificate2> authorities, DateTimeOffset now, TimeSpan grace)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.PreviousCertificate.IsEmpty || request.PreviousSignature.IsEmpty) return null;
        try
        {
            using X509Certificate2 former = X509CertificateLoader.LoadCertificate(request.PreviousCertificate.Span);
            if (now > (DateTimeOffset)former.NotAfter + grace) return null;
            using X509Chain chain = new() { ChainPolicy = TunnelTls.TrustOnly(authorities) };
            return chain.Build(former) && IsSigned(request, former) && CertificateNames.TryReadIdentity(former, out PeerIdentity identity) ? identity : null;
        }
        catch (Exception e) when (Unreadable.IsCause(e))
        {
            return null; // bytes that are no certificate prove nothing
        }
    }

    private static bool IsSigned(JoinRequest request, X509Certificate2 former)
    {
        using ECDsa? key = former.GetECDsaPublicKey();
        return key is not null && key.VerifyData(request.Csr.Span, request.PreviousSignature.Span, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
    }
}
