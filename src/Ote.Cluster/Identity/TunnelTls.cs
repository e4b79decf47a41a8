using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Ote.Cluster.Identity;

/// <summary>TLS as the tunnel uses it: our own CA is the only trust.</summary>
public static class TunnelTls
{
    private const string ClockSays = ", and this machine's clock says ";

    internal const SslProtocols Protocols = SslProtocols.Tls12 | SslProtocols.Tls13;

    /// <summary>
    /// Makes a listener serve the tunnel and joining: TLS with the cluster's certificate, a client certificate asked for but not
    /// needed; one that is shown must come from the tree's CA and be in its time. A renewed certificate is shown from the next connection on.
    /// </summary>
    /// <param name="listener">Where.</param>
    /// <param name="identity">The certificate shown, and the CA trusted.</param>
    /// <param name="time">The clock certificates are held against; null for the system's.</param>
    public static void UseTunnelTls(this ListenOptions listener, IdentitySource identity, TimeProvider? time = null) => UseTunnelTls(listener, identity, time, applicants: false);

    /// <summary>As above; who joins may prove the key it wants certified. The listener must use <see cref="ApplicantConnection.UseApplicants"/> then.</summary>
    internal static void UseTunnelTls(this ListenOptions listener, IdentitySource identity, TimeProvider? time, bool applicants)
    {
        ArgumentNullException.ThrowIfNull(listener);
        ArgumentNullException.ThrowIfNull(identity);
        ServerOptionsCache cache = new(identity, time ?? TimeProvider.System, applicants);
        listener.Protocols = HttpProtocols.Http1; // a WebSocket over HTTP/2 would share its connection's flow control
        listener.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = cache.Get });
    }

    /// <summary>Why a certificate, or its CA, does not count now; null when both do.</summary>
    internal static string? OutOfTime(X509Certificate2 certificate, X509Certificate2 authority, DateTimeOffset now)
    {
        foreach ((string what, X509Certificate2 seen) in new[] { ("it", certificate), ("the tree's CA", authority) })
        {
            if (now >= seen.NotAfter) return $"{what} ended at {seen.NotAfter.ToUniversalTime():u}{ClockSays}{now.ToUniversalTime():u}; if that is wrong, set the clock right";
            if (now < seen.NotBefore) return $"{what} begins at {seen.NotBefore.ToUniversalTime():u}, which this machine's clock has not reached";
        }

        return null;
    }

    /// <summary>A cause without the time it was found at: two that differ in that alone are one.</summary>
    internal static string WithoutClock(string cause) => cause.Split(ClockSays, 2)[0];

    /// <summary>
    /// Trust in one CA and no other, without revocation look-ups. Times are left to <see cref="OutOfTime"/>, which knows our clock.
    /// </summary>
    internal static X509ChainPolicy TrustOnly(X509Certificate2 authority) => TrustOnly([authority]);

    /// <summary>Trust in the tree's CAs and no other.</summary>
    internal static X509ChainPolicy TrustOnly(TreeTrust trust) => TrustOnly(trust.Authorities);

    /// <summary>Trust in these CAs and no other.</summary>
    internal static X509ChainPolicy TrustOnly(IEnumerable<X509Certificate2> authorities)
    {
        X509ChainPolicy policy = new()
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
            VerificationFlags = X509VerificationFlags.IgnoreNotTimeValid,
        };
        policy.CustomTrustStore.AddRange(authorities.ToArray());
        return policy;
    }

    // One options object per identity, so that the TLS library's own context is made once and not per connection.
    private sealed class ServerOptionsCache(IdentitySource identity, TimeProvider time, bool applicants)
    {
        private Entry? entry;

        public ValueTask<SslServerAuthenticationOptions> Get(TlsHandshakeCallbackContext context)
        {
            ClusterIdentity current = identity.Current;
            Entry? seen = Volatile.Read(ref entry);
            TreeTrust trust = identity.Trust;
            if (seen?.Identity != current || seen.Trust.Version != trust.Version)
            {
                seen = new Entry(current, trust, Options(current, trust));
                Volatile.Write(ref entry, seen);
            }

            return ValueTask.FromResult(seen.Options);
        }

        // Of the tree, though its CA has not signed it. Whether it counts here, and now, is for admission to say, with words for the child.
        private static bool IsProvisional(X509Certificate2 seen, TreeTrust trust) => ProvisionalCertificate.Read(seen, trust.Authorities) is not null;

        private SslServerAuthenticationOptions Options(ClusterIdentity identity, TreeTrust trust) => new()
        {
            ServerCertificateContext = identity.TlsContext,
            ClientCertificateRequired = true,
            CertificateChainPolicy = TrustOnly(trust),
            RemoteCertificateValidationCallback = (_, certificate, _, errors) => certificate is null
                || (certificate is X509Certificate2 seen
                    && (errors == SslPolicyErrors.None ? OutOfTime(seen, trust.IssuerOf(seen), time.GetUtcNow()) is null : (applicants && Applicant.IsOne(seen)) || IsProvisional(seen, trust))),
            EnabledSslProtocols = Protocols,
            ApplicationProtocols = [SslApplicationProtocol.Http11],
        };

        private sealed record Entry(ClusterIdentity Identity, TreeTrust Trust, SslServerAuthenticationOptions Options);
    }
}
