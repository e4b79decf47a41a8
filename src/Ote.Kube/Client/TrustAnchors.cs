using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Ote.Kube.Client;

/// <summary>
/// Judges a certificate by the authorities of a file as Kubernetes' own components do (Go's crypto/x509, where each certificate of a pool is a root): by one that signed itself, and by an intermediate one whose issuer is not
/// there. .NET takes only the former for a root. All members are pure, and may be called from any thread.
/// </summary>
public static class TrustAnchors
{
    private const string ForClients = "1.3.6.1.5.5.7.3.2"; // RFC 5280, 4.2.1.12: id-kp-clientAuth
    private static readonly TimeSpan s_atItsEnd = TimeSpan.FromMinutes(1); // an authority may end a little before what it issued, by another clock

    /// <summary>How a chain to one of these is built; what it is worth is said by <see cref="Hold"/>, which has to be asked.</summary>
    /// <param name="authorities">The authorities.</param>
    internal static X509ChainPolicy Policy(X509Certificate2Collection authorities)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true, // Who shows a certificate would say what is downloaded.
            VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority,
        };
        policy.CustomTrustStore.AddRange(authorities);
        return policy;
    }

    /// <summary>Whether a chain, built by <see cref="Policy"/> without a fault, holds one of the authorities: each certificate below it is then signed by the one above.</summary>
    /// <param name="authorities">The authorities.</param>
    /// <param name="chain">The chain.</param>
    /// <param name="from">The first certificate of the chain that may be one of them: 0, the one that is judged itself, as of a server that signed its own; 1, whoever issued it.</param>
    internal static bool Hold(X509Certificate2Collection authorities, X509Chain chain, int from = 0) =>
        chain.ChainElements.Skip(from).Any(element => authorities.Any(authority => authority.RawDataMemory.Span.SequenceEqual(element.Certificate.RawDataMemory.Span)));

    /// <summary>Why a server's certificate is not taken; null: it is.</summary>
    /// <param name="authorities">The authorities.</param>
    /// <param name="name">By which the server was to be known.</param>
    /// <param name="shown">What it shows; null: nothing.</param>
    /// <param name="chain">The chain, built by <see cref="Policy"/>.</param>
    /// <param name="faults">What was found while it was built.</param>
    internal static string? FaultOf(X509Certificate2Collection authorities, string name, X509Certificate2? shown, X509Chain? chain, SslPolicyErrors faults) =>
        shown is null || chain is null ? "the server shows no certificate"
        : faults.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) ? $"the server's certificate is good for {Names(shown)}, and not for {name}"
        : !Hold(authorities, chain) ? "the server's certificate was issued by none of the authorities that the kubeconfig names"
        : faults != SslPolicyErrors.None ? $"the server's certificate is not good: {string.Join(", ", chain.ChainStatus.Select(status => status.StatusInformation.TrimEnd('.')).DefaultIfEmpty($"{faults}"))}"
        : null;

    private static string Names(X509Certificate2 certificate)
    {
        var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().FirstOrDefault();
        string[] all = names is null ? [] : [.. names.EnumerateDnsNames(), .. names.EnumerateIPAddresses().Select(address => $"{address}")];
        return all.Length == 0 ? "no name" : string.Join(", ", all);
    }

    /// <summary>Whether one of the authorities issued a client's certificate, directly or through others among them, and all are good.</summary>
    /// <param name="authorities">The authorities.</param>
    /// <param name="certificate">The client's certificate.</param>
    /// <param name="now">The time.</param>
    /// <param name="asItWas">Judges one that has run out as it was before: who issued it was good then, or is by now, since an authority that was issued anew may be younger than it.</param>
    public static bool IssuedClient(X509Certificate2Collection authorities, X509Certificate2 certificate, DateTimeOffset now, bool asItWas = false)
    {
        ArgumentNullException.ThrowIfNull(authorities);
        using var chain = new X509Chain { ChainPolicy = Policy(authorities) };
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ForClients));
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        var ranOut = asItWas && now > certificate.NotAfter;
        if (ranOut)
        {
            chain.ChainPolicy.VerificationFlags |= X509VerificationFlags.IgnoreNotTimeValid;
        }

        return chain.Build(certificate) && Hold(authorities, chain, from: 1) // One that is named as its own authority would be known until it is renewed.
            && (!ranOut || chain.ChainElements.Skip(1).All(issuer => issuer.Certificate.NotBefore <= now && issuer.Certificate.NotAfter >= certificate.NotAfter - s_atItsEnd));
    }
}
