using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Ote.Cluster.Reports;

/// <summary>Where reports are followed, and by what either end knows the other.</summary>
/// <param name="Address"><c>host:port</c> of a <see cref="FollowDoor"/>.</param>
/// <param name="AuthorityPem">The door's authority.</param>
/// <param name="CertificatePem">A client certificate of it.</param>
/// <param name="KeyPem">Its key.</param>
public sealed record FollowPlace(string Address, string AuthorityPem, string CertificatePem, string KeyPem)
{
    private static readonly Oid ServerAuth = new("1.3.6.1.5.5.7.3.1");

    /// <summary>The address: the key is for nobody's log.</summary>
    public override string ToString() => Address;

    /// <summary>A handler for connections there; the door is known by its authority, whatever its address: it may be reached by any.</summary>
    /// <exception cref="CryptographicException">The certificates cannot be read.</exception>
    public SocketsHttpHandler CreateHandler()
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.CustomTrustStore.ImportFromPem(AuthorityPem);
        policy.ApplicationPolicy.Add(ServerAuth);
        return new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = System.Net.DecompressionMethods.None,
            UseCookies = false,
            UseProxy = false,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            SslOptions = new SslClientAuthenticationOptions
            {
                ClientCertificates = [X509Certificate2.CreateFromPem(CertificatePem, KeyPem)],
                CertificateChainPolicy = policy,
                // All but the name: the authority signs for its door alone.
                RemoteCertificateValidationCallback = static (_, _, _, errors) => (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == SslPolicyErrors.None,
            },
        };
    }
}
