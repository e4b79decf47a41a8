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
    /// <summary>How long a cluster's certificate is valid unless the operator says otherwise: one year.</summary>
    public static readonly TimeSpan DefaultClusterLife = TimeSpan.FromDays(365);

    /// <summary>The shortest life of a cluster's certificate: less leaves no time to renew it over a bad link.</summary>
    public static readonly TimeSpan ShortestClusterLife = TimeSpan.FromMinutes(10);

    /// <summary>How long the CA is valid: ten years.</summary>
    public static readonly TimeSpan AuthorityLife = TimeSpan.FromDays(3650);

    private const int SerialBytes = 16;
    private static readonly TimeSpan MaxClockSkew = TimeSpan.FromHours(1);
    private readonly X509Certificate2 certificate;
    private readonly ECDsa key;
    private readonly TimeProvider time;
    private readonly byte[] memberKey;

    private CertificateAuthority(X509Certificate2 certificate, ECDsa key, TimeProvider time)
    {
        ClusterLife = DefaultClusterLife;
        this.certificate = certificate;
        this.key = key;
        this.time = time;
        memberKey = Membership.KeyOf(key);
        Authority = X509CertificateLoader.LoadCertificate(certificate.RawData);
    }

    /// <summary>The CA's certificate, without its key.</summary>
    public X509Certificate2 Authority { get; }

    /// <summary>How long the certificates it issues are valid, at least <see cref="ShortestClusterLife"/>; never longer than the CA itself.</summary>
    public TimeSpan ClusterLife { get; init; }

    /// <summary>What joining clusters are given to know it by.</summary>
    public CaPin Pin => CaPin.Of(Authority);

    /// <summary>A new CA in memory.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="clusterLife">How long its certificates are valid; null for <see cref="DefaultClusterLife"/>.</param>
    public static CertificateAuthority Create(TimeProvider time, TimeSpan? clusterLife = null)
    {
        ArgumentNullException.ThrowIfNull(time);
        ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN=ote-ca-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        DateTimeOffset now = time.GetUtcNow();
        return new CertificateAuthority(request.CreateSelfSigned(now - MaxClockSkew, now + AuthorityLife), key, time) { ClusterLife = clusterLife ?? DefaultClusterLife };
    }

    /// <summary>The CA kept in a directory (<c>ca.crt</c>, <c>ca.key</c>, both 0600), created on first use.</summary>
    /// <param name="directory">Where.</param>
    /// <param name="time">The clock.</param>
    /// <param name="clusterLife">How long its certificates are valid; null for <see cref="DefaultClusterLife"/>.</param>
    /// <exception cref="IdentityException">The files are there but of no use.</exception>
    public static CertificateAuthority LoadOrCreate(string directory, TimeProvider time, TimeSpan? clusterLife = null)
    {
        string certificatePath = Path.Combine(directory, "ca.crt");
        string keyPath = Path.Combine(directory, "ca.key");

        // The key is written first and the root's uid last: a key alone in a directory without a uid is a start that was cut off before
        // anybody could know this CA.
        bool cutOff = File.Exists(keyPath) && !File.Exists(certificatePath) && !File.Exists(Path.Combine(directory, "uid"));
        if (!cutOff && File.Exists(certificatePath) != File.Exists(keyPath))
        {
            throw new IdentityException($"{directory} has only one of ca.crt and ca.key; restore both from a backup, or remove both to begin a new tree");
        }

        if (File.Exists(keyPath) && !cutOff) return Load(certificatePath, keyPath, time, clusterLife);
        CertificateAuthority authority = Create(time, clusterLife);
        PrivateFile.CreateDirectory(directory);
        PrivateFile.Write(keyPath, Encoding.ASCII.GetBytes(authority.key.ExportPkcs8PrivateKeyPem()));
        PrivateFile.Write(certificatePath, Encoding.ASCII.GetBytes(authority.certificate.ExportCertificatePem()));
        return authority;
    }

    /// <summary>The CA of a certificate and its key, both in PEM, as <see cref="ExportPem"/> gives them.</summary>
    /// <exception cref="IdentityException">They are of no use.</exception>
    public static CertificateAuthority FromPem(string certificatePem, string keyPem, TimeProvider time, TimeSpan? clusterLife = null)
    {
        try
        {
            X509Certificate2 loaded = X509Certificate2.CreateFromPem(certificatePem, keyPem);
            return new CertificateAuthority(loaded, loaded.GetECDsaPrivateKey() ?? throw new CryptographicException("the key is not ECDSA"), time)
            {
                ClusterLife = clusterLife ?? DefaultClusterLife,
            };
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new IdentityException($"the tree's CA cannot be used: {e.Message}", e);
        }
    }

    /// <summary>Certificate and key in PEM: whoever has them is the CA.</summary>
    public (string Certificate, string Key) ExportPem() => (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());

    /// <summary>Signs a request, binding its key to a name, a uid and hosts. Of the request itself only the key is taken.</summary>
    /// <param name="request">Read and checked.</param>
    /// <param name="identity">Decided by the caller, never read from the request.</param>
    /// <param name="hosts">Of the hosts it asks for, those the caller grants.</param>
    /// <exception cref="IdentityException">Not an identity this CA signs.</exception>
    public X509Certificate2 Issue(SigningRequest request, PeerIdentity identity, IEnumerable<string> hosts)
    {
        ArgumentNullException.ThrowIfNull(request);
        return IdentityRules.IsUid(identity.Uid)
            ? Sign(request.Key, identity, hosts)
            : throw new IdentityException("the uid is not 1 to 64 letters, digits and '-'");
    }

    /// <summary>Signs bytes that are no certificate, for one purpose; see <see cref="SignedBytes"/>.</summary>
    internal byte[] SignBytes(string purpose, ReadOnlySpan<byte> content) => SignedBytes.Sign(key, purpose, content);

    /// <summary>A certificate with a new key for a cluster, as for the root itself.</summary>
    /// <param name="identity">Who.</param>
    /// <param name="hosts">DNS names and addresses it is dialled by.</param>
    public ClusterIdentity CreateIdentity(PeerIdentity identity, IEnumerable<string> hosts)
    {
        return CreateIdentity(identity, hosts, ECDsa.Create(ECCurve.NamedCurves.nistP256));
    }

    /// <summary>As above, for a key that is there.</summary>
    public ClusterIdentity CreateIdentity(PeerIdentity identity, IEnumerable<string> hosts, ECDsa own)
    {
        using X509Certificate2 bare = Sign(new PublicKey(own), identity, hosts);
        return new ClusterIdentity(bare.CopyWithPrivateKey(own), Authority, ProveMember(identity));
    }

    /// <summary>The proof that the root has admitted a cluster; see <see cref="Membership"/>.</summary>
    internal byte[] ProveMember(PeerIdentity member) => Membership.Prove(memberKey, member);

    /// <summary>Whether this CA has made a proof.</summary>
    internal bool IsMember(PeerIdentity member, ReadOnlySpan<byte> proof) => Membership.IsProof(memberKey, member, proof);

    /// <inheritdoc/>
    public void Dispose()
    {
        certificate.Dispose();
        key.Dispose();
    }

    private static CertificateAuthority Load(string certificatePath, string keyPath, TimeProvider time, TimeSpan? clusterLife)
    {
        try
        {
            X509Certificate2 loaded = X509Certificate2.CreateFromPemFile(certificatePath, keyPath);
            return new CertificateAuthority(loaded, loaded.GetECDsaPrivateKey() ?? throw new CryptographicException("the key is not ECDSA"), time)
            {
                ClusterLife = clusterLife ?? DefaultClusterLife,
            };
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
        if (end <= now) throw new IdentityException($"the tree's CA ended at {Authority.NotAfter.ToUniversalTime():u}; it issues nothing any more");
        byte[] serial = RandomNumberGenerator.GetBytes(SerialBytes);
        serial[0] = (byte)((serial[0] & 0x7F) | 0x40); // positive, of full length

        // Begins a little earlier, for clocks that are behind; a tenth of its life at most, so that half of it always lies ahead.
        TimeSpan skew = (end - now) / 10;
        DateTimeOffset begin = now - (skew < MaxClockSkew ? skew : MaxClockSkew);
        if (begin < Authority.NotBefore) begin = Authority.NotBefore;
        return request.Create(certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(key), begin, end, serial);
    }
}
