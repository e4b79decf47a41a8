using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Ote.Cluster.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>
/// The tree's own CA, held by the root. Issues certificates that bind a key to a cluster's name and uid. Thread-safe.
/// </summary>
public sealed class CertificateAuthority : IDisposable
{
    /// <summary>How long a cluster's certificate is valid: one year.</summary>
    public static readonly TimeSpan ClusterLife = TimeSpan.FromDays(365);

    /// <summary>How long the CA is valid: ten years.</summary>
    public static readonly TimeSpan AuthorityLife = TimeSpan.FromDays(3650);

    private const int SerialBytes = 16;
    private const int MaxRequestBytes = 16 * 1024;
    private static readonly TimeSpan ClockSkew = TimeSpan.FromHours(1);
    private readonly X509Certificate2 certificate;
    private readonly ECDsa key;
    private readonly TimeProvider time;

    private CertificateAuthority(X509Certificate2 certificate, ECDsa key, TimeProvider time)
    {
        this.certificate = certificate;
        this.key = key;
        this.time = time;
        Authority = X509CertificateLoader.LoadCertificate(certificate.RawData);
    }

    /// <summary>The CA's certificate, without its key.</summary>
    public X509Certificate2 Authority { get; }

    /// <summary>What joining clusters are given to know it by.</summary>
    public CaPin Pin => CaPin.Of(Authority);

    /// <summary>A new CA in memory.</summary>
    public static CertificateAuthority Create(TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN=ote-ca-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        DateTimeOffset now = time.GetUtcNow();
        return new CertificateAuthority(request.CreateSelfSigned(now - ClockSkew, now + AuthorityLife), key, time);
    }

    /// <summary>The CA kept in a directory (<c>ca.crt</c>, <c>ca.key</c>, both 0600), created on first use.</summary>
    /// <exception cref="IdentityException">The files are there but of no use.</exception>
    public static CertificateAuthority LoadOrCreate(string directory, TimeProvider time)
    {
        string certificatePath = Path.Combine(directory, "ca.crt");
        string keyPath = Path.Combine(directory, "ca.key");
        if (File.Exists(certificatePath) != File.Exists(keyPath))
        {
            throw new IdentityException($"{directory} has only one of ca.crt and ca.key; restore both from a backup, or remove both to begin a new tree");
        }

        if (File.Exists(keyPath)) return Load(certificatePath, keyPath, time);
        CertificateAuthority authority = Create(time);
        PrivateFile.CreateDirectory(directory);
        PrivateFile.Write(certificatePath, Encoding.ASCII.GetBytes(authority.certificate.ExportCertificatePem()));
        PrivateFile.Write(keyPath, Encoding.ASCII.GetBytes(authority.key.ExportPkcs8PrivateKeyPem()));
        return authority;
    }

    /// <summary>Signs a request, binding its key to a name and uid. Of the request itself only the key and the hosts are taken.</summary>
    /// <param name="csr">PKCS#10, DER; its signature is checked.</param>
    /// <param name="identity">Decided by the caller, never read from the request.</param>
    /// <exception cref="IdentityException">Not a request this CA signs.</exception>
    public X509Certificate2 Issue(ReadOnlySpan<byte> csr, PeerIdentity identity)
    {
        if (csr.Length > MaxRequestBytes) throw new IdentityException($"a signing request of {csr.Length} bytes; {MaxRequestBytes} are allowed");
        if (!IdentityRules.IsUid(identity.Uid)) throw new IdentityException("the uid is not 1 to 64 letters, digits and '-'");
        CertificateRequest request;
        try
        {
            request = CertificateRequest.LoadSigningRequest(csr.ToArray(), HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new IdentityException("the signing request is broken or not signed with its own key", e);
        }

        using ECDsa? publicKey = request.PublicKey.GetECDsaPublicKey();
        if (publicKey is not { KeySize: 256 }) throw new IdentityException("the signing request's key is not ECDSA P-256");
        IReadOnlyList<string> hosts = CertificateNames.ReadHosts(request.CertificateExtensions) ?? throw new IdentityException("the signing request's names are broken");
        return Sign(new PublicKey(publicKey), identity, hosts);
    }

    /// <summary>A certificate with a new key for a cluster, as for the root itself.</summary>
    /// <param name="identity">Who.</param>
    /// <param name="hosts">DNS names and addresses it is dialled by.</param>
    public ClusterIdentity CreateIdentity(PeerIdentity identity, IEnumerable<string> hosts)
    {
        ECDsa own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 bare = Sign(new PublicKey(own), identity, hosts);
        return new ClusterIdentity(bare.CopyWithPrivateKey(own), Authority);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        certificate.Dispose();
        key.Dispose();
    }

    private static CertificateAuthority Load(string certificatePath, string keyPath, TimeProvider time)
    {
        try
        {
            X509Certificate2 loaded = X509Certificate2.CreateFromPemFile(certificatePath, keyPath);
            return new CertificateAuthority(loaded, loaded.GetECDsaPrivateKey() ?? throw new CryptographicException("the key is not ECDSA"), time);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new IdentityException($"the CA in {certificatePath} and {keyPath} cannot be used: {e.Message} Restore both from a backup, or remove both to begin a new tree.", e);
        }
    }

    private X509Certificate2 Sign(PublicKey subject, PeerIdentity identity, IEnumerable<string> hosts)
    {
        CertificateRequest request = new(new X500DistinguishedName($"CN={identity.Name}"), subject, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Authority, true, false));
        request.CertificateExtensions.Add(CertificateNames.Build(identity, hosts));
        DateTimeOffset now = time.GetUtcNow();
        DateTimeOffset end = now + ClusterLife;
        if (end > Authority.NotAfter) end = Authority.NotAfter;
        byte[] serial = RandomNumberGenerator.GetBytes(SerialBytes);
        serial[0] = (byte)((serial[0] & 0x7F) | 0x40); // positive, of full length
        DateTimeOffset begin = now - ClockSkew;
        if (begin < Authority.NotBefore) begin = Authority.NotBefore;
        return request.Create(certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(key), begin, end, serial);
    }
}
