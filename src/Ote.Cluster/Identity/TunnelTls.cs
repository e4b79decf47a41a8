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
    internal const SslProtocols Protocols = SslProtocols.Tls12 | SslProtocols.Tls13;

    /// <summary>
    /// Makes a listener serve the tunnel and joining: TLS with the cluster's certificate, a client certificate asked for but not
    /// needed (who joins has none); one that is shown must come from the tree's CA.
    /// </summary>
    public static void UseTunnelTls(this ListenOptions listener, IdentitySource identity)
    {
        ArgumentNullException.ThrowIfNull(listener);
        ArgumentNullException.ThrowIfNull(identity);
        ServerOptionsCache cache = new(identity);
        listener.Protocols = HttpProtocols.Http1; // a WebSocket over HTTP/2 would share its connection's flow control
        listener.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = cache.Get });
    }

    /// <summary>Trust in one CA and no other, without revocation look-ups.</summary>
    internal static X509ChainPolicy TrustOnly(X509Certificate2 authority)
    {
        X509ChainPolicy policy = new()
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.Add(authority);
        return policy;
    }

    // One options object per identity, so that the TLS library's own context is made once and not per connection.
    private sealed class ServerOptionsCache(IdentitySource identity)
    {
        private Entry? entry;

        public ValueTask<SslServerAuthenticationOptions> Get(TlsHandshakeCallbackContext context)
        {
            ClusterIdentity current = identity.Current;
            Entry? seen = Volatile.Read(ref entry);
            if (seen?.Identity != current)
            {
                seen = new Entry(current, Options(current));
                Volatile.Write(ref entry, seen);
            }

            return ValueTask.FromResult(seen.Options);
        }

        private static SslServerAuthenticationOptions Options(ClusterIdentity identity) => new()
        {
            ServerCertificateContext = identity.TlsContext,
            ClientCertificateRequired = true,
            CertificateChainPolicy = TrustOnly(identity.Authority),
            RemoteCertificateValidationCallback = static (_, certificate, _, errors) => certificate is null || errors == SslPolicyErrors.None,
            EnabledSslProtocols = Protocols,
            ApplicationProtocols = [SslApplicationProtocol.Http11],
        };

        private sealed record Entry(ClusterIdentity Identity, SslServerAuthenticationOptions Options);
    }
}
