using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Ote.Shim;

/// <summary>
/// Mutual TLS material of one end. The authority vouches for the other end; it should be one made for shims, or
/// <see cref="AllowedPeers"/> should name who may call, since every holder of a certificate of the authority is let in otherwise.
/// </summary>
public sealed class ShimTls
{
    /// <summary>Material already in memory. The certificate carries its private key; the caller keeps owning it.</summary>
    public ShimTls(X509Certificate2 certificate, X509Certificate2Collection authority)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        ArgumentNullException.ThrowIfNull(authority);
        if (!certificate.HasPrivateKey)
            throw new ArgumentException($"certificate '{certificate.Subject}' has no private key: mutual TLS needs it", nameof(certificate));
        if (authority.Count == 0)
            throw new ArgumentException("the authority holds no certificate: mutual TLS needs one to check the other end", nameof(authority));
        (Certificate, Authority) = (certificate, authority);
    }

    /// <summary>This end's certificate.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>Whom the other end's certificate must descend from. The machine's own roots are not consulted.</summary>
    public X509Certificate2Collection Authority { get; }

    /// <summary>Common names or DNS names that may call a host; empty lets in every certificate of the authority.</summary>
    public IReadOnlyCollection<string> AllowedPeers { get; init; } = [];

    /// <summary>Reads PEM files. Throws <see cref="ShimStartException"/> that names the file and the cause.</summary>
    public static ShimTls FromFiles(string certificateFile, string keyFile, string authorityFile, IReadOnlyCollection<string>? allowedPeers = null)
    {
        try
        {
            X509Certificate2Collection authority = [];
            authority.ImportFromPemFile(authorityFile);
            return new ShimTls(X509Certificate2.CreateFromPemFile(certificateFile, keyFile), authority) { AllowedPeers = allowedPeers ?? [] };
        }
        catch (Exception e) when (e is IOException or CryptographicException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ShimStartException(
                $"TLS files of the shim cannot be used (certificate {certificateFile}, key {keyFile}, authority {authorityFile}): {e.Message} Give PEM files that this user may read.", e);
        }
    }

    internal X509ChainPolicy ChainPolicy(Oid peerPurpose)
    {
        X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(Authority);
        policy.ApplicationPolicy.Add(peerPurpose);
        return policy;
    }

    internal bool Allows(X509Certificate2 peer)
    {
        if (AllowedPeers.Count == 0 || AllowedPeers.Contains(peer.GetNameInfo(X509NameType.SimpleName, forIssuer: false)))
            return true;
        foreach (X509Extension extension in peer.Extensions)
        {
            if (extension is X509SubjectAlternativeNameExtension names && names.EnumerateDnsNames().Any(AllowedPeers.Contains))
                return true;
        }
        return false;
    }
}
