using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Ote.Cluster.Identity;

/// <summary>A cluster's key and the request to certify it.</summary>
internal static class SigningRequest
{
    public static ECDsa NewKey() => ECDsa.Create(ECCurve.NamedCurves.nistP256);

    /// <summary>PKCS#10, DER.</summary>
    public static byte[] Create(string name, IEnumerable<string> hosts, ECDsa key)
    {
        CertificateRequest request = new(new X500DistinguishedName($"CN={name}"), key, HashAlgorithmName.SHA256);
        string[] names = [.. hosts];
        if (names.Length > 0) request.CertificateExtensions.Add(CertificateNames.Build(null, names));
        return request.CreateSigningRequest();
    }
}
