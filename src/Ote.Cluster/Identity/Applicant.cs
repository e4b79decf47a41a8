using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Ote.Cluster.Identity;

/// <summary>
/// Who joins shows a certificate that says nothing but which key it is of; the TLS handshake proves that key. It is nobody's identity: wherever
/// one is asked for, it counts as none. Once the tree has certified that very key, the connection is that cluster's, and its link needs no second handshake.
/// </summary>
internal static class Applicant
{
    private static readonly X500DistinguishedName Name = new("CN=ote-applicant");
    private static readonly DateTimeOffset From = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero); // nobody looks: a clock may be wrong here
    private static readonly DateTimeOffset To = new(2120, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Such a certificate, with its key.</summary>
    public static X509Certificate2 Create(ECDsa key) => new CertificateRequest(Name, key, HashAlgorithmName.SHA256).CreateSelfSigned(From, To);

    /// <summary>Whether a certificate is one, or claims to be: a tree's CA has another name, so it has never issued such a one.</summary>
    public static bool IsOne(X509Certificate2 certificate) => Is(certificate.SubjectName) && Is(certificate.IssuerName);

    private static bool Is(X500DistinguishedName name) => name.RawData.AsSpan().SequenceEqual(Name.RawData);
}
