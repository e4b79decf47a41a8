using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Http;
using Ote.EdgeHub.Upstream;

namespace Ote.EdgeHub.Proxy;

/// <summary>
/// Tells who calls: a component by the client certificate or the token of its own kubeconfig; anyone else's bearer token goes to the API server to be judged. A certificate that ran out while the node was cut off is still
/// taken as long as it is: a new one cannot be had. Who shows nothing is nobody. Thread-safe.
/// </summary>
/// <param name="identities">The components.</param>
/// <param name="authorities">Whom their certificates chain to.</param>
/// <param name="isConnected">Whether new certificates can be had.</param>
/// <param name="time">The clock.</param>
internal sealed class CallerAuthenticator(IReadOnlyDictionary<string, NodeIdentity> identities, X509Certificate2Collection authorities, Func<bool> isConnected, TimeProvider time)
{
    /// <summary>The caller; null with the reason why there is none.</summary>
    public (Caller? Caller, string Reason) Find(HttpContext context)
    {
        var header = context.Request.Headers.Authorization.ToString();
        const string Bearer = "Bearer ";
        if (header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
        {
            var token = header[Bearer.Length..].Trim();
            foreach (var identity in identities.Values)
            {
                if (identity.Token is { } own && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(own), Encoding.UTF8.GetBytes(token)))
                {
                    return (new Caller(identity.Name, identity, token), "");
                }
            }

            return (new Caller("token", null, token), "");
        }

        if (context.Connection.ClientCertificate is not { } certificate)
        {
            return (null, "no credentials came with the request: show the client certificate or the token of a kubeconfig that the hub was given");
        }

        var name = certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
        if (!IsIssued(certificate))
        {
            return (null, $"the certificate of \"{name}\" was not issued by the cluster's client authority, or is not good now");
        }

        return identities.TryGetValue(name, out var known) ? (new Caller(name, known, null), "")
            : (null, $"the hub has no credentials of \"{name}\" to pass on its requests with: start it with that component's kubeconfig too");
    }

    private bool IsIssued(X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.2"));
        var now = time.GetUtcNow();
        var expired = now > certificate.NotAfter;
        chain.ChainPolicy.VerificationTime = expired && !isConnected() ? certificate.NotAfter.ToUniversalTime().AddMinutes(-1) : now.UtcDateTime;
        return chain.Build(certificate);
    }
}
