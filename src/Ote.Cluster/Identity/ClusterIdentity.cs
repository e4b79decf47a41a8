using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>Who a cluster is, and the key that proves it. Immutable.</summary>
public sealed class ClusterIdentity
{
    private const string FileName = "cluster.pem";
    private const string MembershipFile = "membership";
    private readonly Lazy<SslStreamCertificateContext> tls;

    /// <summary>Wraps a certificate that names a cluster.</summary>
    /// <param name="certificate">With its private key.</param>
    /// <param name="authority">The tree's CA, which issued it.</param>
    /// <param name="membership">The proof that the root has admitted it; empty where it is not known, as of an older build.</param>
    /// <exception cref="IdentityException">No key, or no cluster is named.</exception>
    public ClusterIdentity(X509Certificate2 certificate, X509Certificate2 authority, ReadOnlyMemory<byte> membership = default)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        ArgumentNullException.ThrowIfNull(authority);
        if (!certificate.HasPrivateKey) throw new IdentityException("the certificate has no private key");
        if (!CertificateNames.TryReadIdentity(certificate, out PeerIdentity peer)) throw new IdentityException("the certificate names no cluster");
        Certificate = certificate;
        Authority = authority;
        Peer = peer;
        IsProvisional = ProvisionalCertificate.IsOne(certificate);
        Membership = membership.Length == Identity.Membership.Length ? membership : default;
        tls = new Lazy<SslStreamCertificateContext>(() => SslStreamCertificateContext.Create(certificate, [authority], offline: true));
    }

    /// <summary>The name and uid, from the certificate.</summary>
    public PeerIdentity Peer { get; }

    /// <summary>The certificate with its key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>The tree's CA.</summary>
    public X509Certificate2 Authority { get; }

    /// <summary>What proves to the root, through whoever passes it on, that it has admitted this cluster; empty when there is none yet.</summary>
    public ReadOnlyMemory<byte> Membership { get; }

    /// <summary>Whether a cluster above has issued the certificate while the root was away: it attaches below that one only, until the root has issued one.</summary>
    public bool IsProvisional { get; }

    /// <summary>The certificate made ready for TLS, shared by all connections.</summary>
    internal SslStreamCertificateContext TlsContext => tls.Value;

    /// <summary>The DNS names and addresses the certificate is for.</summary>
    public IReadOnlyList<string> Hosts => CertificateNames.ReadHosts(Certificate.Extensions) ?? [];

    /// <summary>Whether one is kept in a directory, of use or not.</summary>
    public static bool IsIn(string directory) => File.Exists(Path.Combine(directory, FileName));

    /// <summary>The identity kept in a directory, or null when there is none yet.</summary>
    /// <exception cref="IdentityException">The file is there but of no use.</exception>
    public static ClusterIdentity? Load(string directory)
    {
        string path = Path.Combine(directory, FileName);
        if (!File.Exists(path)) return null;
        try
        {
            string pem = File.ReadAllText(path);
            X509Certificate2Collection all = [];
            all.ImportFromPem(pem);
            if (all.Count != 2) throw new CryptographicException($"it holds {all.Count} certificates; the cluster's and the CA's are expected");
            string membership = Path.Combine(directory, MembershipFile);
            return new ClusterIdentity(X509Certificate2.CreateFromPem(pem, pem), all[1], File.Exists(membership) ? File.ReadAllBytes(membership) : default(ReadOnlyMemory<byte>));
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException or IdentityException)
        {
            throw new IdentityException($"the identity in {path} cannot be used: {e.Message} Restore it from a backup, or remove it and join again.", e);
        }
    }

    /// <summary>
    /// The identity in an answer to a request of our own. Whoever carried the answer is not trusted: it must be for our key and name, and
    /// of the CA we know.
    /// </summary>
    /// <exception cref="JoinRefusedException">It is not; nothing of it may be kept.</exception>
    internal static ClusterIdentity FromAnswer(JoinAnswer answer, ECDsa key, CaPin pin, PeerIdentity wanted) =>
        FromAnswer(answer, key, authority => CaPin.Of(authority) == pin, wanted);

    /// <inheritdoc cref="FromAnswer(JoinAnswer, ECDsa, CaPin, PeerIdentity)"/>
    internal static ClusterIdentity FromAnswer(JoinAnswer answer, ECDsa key, Func<X509Certificate2, bool> isTrusted, PeerIdentity wanted)
    {
        try
        {
            X509Certificate2 authority = X509CertificateLoader.LoadCertificate(answer.Authority.Span);
            using X509Certificate2 bare = X509CertificateLoader.LoadCertificate(answer.Certificate.Span);
            if (!isTrusted(authority)) throw new JoinRefusedException("the answer's CA is not the pinned one");
            using X509Chain chain = new() { ChainPolicy = TunnelTls.TrustOnly(authority) };
            if (!chain.Build(bare) && ProvisionalCertificate.Read(bare, [authority]) is null) throw new JoinRefusedException("the issued certificate is not signed by the tree's CA");
            ClusterIdentity identity = new(bare.CopyWithPrivateKey(key), authority, answer.Membership.ToByteArray());
            return identity.Peer == wanted ? identity : throw new JoinRefusedException($"a certificate for {identity.Peer} was issued instead of {wanted}");
        }
        catch (Exception e) when (e is IdentityException || Unreadable.IsCause(e))
        {
            throw new JoinRefusedException($"the issued certificate is of no use: {e.Message}");
        }
    }

    /// <summary>
    /// Keeps the identity in a directory, as one file of mode 0600, replaced whole. The proof of membership is beside it and there first: it
    /// belongs to name and uid, and so to the former certificate as well.
    /// </summary>
    /// <exception cref="IOException">The directory cannot be written.</exception>
    public void Save(string directory)
    {
        using ECDsa key = Certificate.GetECDsaPrivateKey() ?? throw new IdentityException("the certificate's key is not ECDSA");
        PrivateFile.CreateDirectory(directory);
        if (!Membership.IsEmpty) PrivateFile.Write(Path.Combine(directory, MembershipFile), Membership.Span);
        string pem = Certificate.ExportCertificatePem() + "\n" + Authority.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n";
        PrivateFile.Write(Path.Combine(directory, FileName), Encoding.ASCII.GetBytes(pem));
    }
}
