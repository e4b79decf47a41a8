using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Ote.Cluster.Identity;

/// <summary>A request to certify a cluster's key, read and checked. What it asks for is a wish; who asks is not in it.</summary>
public sealed class SigningRequest
{
    private const int MaxBytes = 16 * 1024;

    private SigningRequest(PublicKey key, IReadOnlyList<string> hosts)
    {
        Key = key;
        Hosts = hosts;
    }

    /// <summary>The hosts it asks for.</summary>
    public IReadOnlyList<string> Hosts { get; }

    internal PublicKey Key { get; }

    /// <summary>Reads a request.</summary>
    /// <param name="csr">PKCS#10, DER; its signature is checked.</param>
    /// <exception cref="IdentityException">Not a request a tree's CA signs.</exception>
    public static SigningRequest Read(ReadOnlySpan<byte> csr)
    {
        if (csr.Length > MaxBytes) throw new IdentityException($"a signing request of {csr.Length} bytes; {MaxBytes} are allowed");
        CertificateRequest request;
        try
        {
            request = CertificateRequest.LoadSigningRequest(csr.ToArray(), HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        }
        catch (Exception e) when (Unreadable.IsCause(e))
        {
            throw new IdentityException("the signing request is broken or not signed with its own key", e);
        }

        using ECDsa? publicKey = request.PublicKey.GetECDsaPublicKey();
        if (publicKey is not { KeySize: 256 }) throw new IdentityException("the signing request's key is not ECDSA P-256");
        IReadOnlyList<string> hosts = CertificateNames.ReadHosts(request.CertificateExtensions) ?? throw new IdentityException("the signing request's names are broken");
        return new SigningRequest(new PublicKey(publicKey), hosts);
    }

    internal static ECDsa NewKey() => ECDsa.Create(ECCurve.NamedCurves.nistP256);

    /// <summary>PKCS#10, DER.</summary>
    internal static byte[] Create(string name, IEnumerable<string> hosts, ECDsa key)
    {
        CertificateRequest request = new(new X500DistinguishedName($"CN={name}"), key, HashAlgorithmName.SHA256);
        string[] names = [.. hosts];
        if (names.Length > 0) request.CertificateExtensions.Add(CertificateNames.Build(null, names));
        return request.CreateSigningRequest();
    }
}
