using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Ote.Kube.Server.Access;

/// <summary>
/// The server's own certificate authority (ECDSA P-256), its serving certificate and the client certificates it issues.
/// Kept in files that only the owner can read, or in memory when there is no folder. Thread-safe once opened.
/// </summary>
public sealed class ServerPki : IDisposable
{
    private static readonly Oid ClientAuth = new("1.3.6.1.5.5.7.3.2");
    private static readonly Oid ServerAuth = new("1.3.6.1.5.5.7.3.1");

    private readonly X509Certificate2 _authority;

    private ServerPki(X509Certificate2 authority, X509Certificate2 serving)
    {
        _authority = authority;
        Serving = serving;
    }

    /// <summary>What listeners present.</summary>
    public X509Certificate2 Serving { get; }

    /// <summary>The CA, for kubeconfigs.</summary>
    public string AuthorityPem => _authority.ExportCertificatePem();

    /// <summary>Loads or makes the files of <paramref name="directory"/>; null keeps everything in memory.</summary>
    /// <param name="directory">The folder, made when it is not there.</param>
    /// <param name="name">Name of the authority, for people.</param>
    /// <param name="hosts">Host names and addresses in the serving certificate.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="InvalidDataException">The files are damaged; the message names them.</exception>
    /// <exception cref="IOException">They cannot be written.</exception>
    public static ServerPki Open(string? directory, string name, IReadOnlyList<string> hosts, TimeProvider time)
    {
        var now = time.GetUtcNow();
        if (directory is not null)
        {
            PrivateFiles.MakeFolder(directory);
        }

        var authority = Load(directory, "ca") ?? Save(directory, "ca", MakeAuthority(name, now));
        var serving = LoadServing(directory);
        if (serving is null || serving.NotAfter.ToUniversalTime() < now.UtcDateTime.AddDays(30) || !Covers(serving, hosts) || !IsOf(authority, serving))
        {
            var issued = Issue(authority, Subject("kube-apiserver", []), ServerAuth, hosts, now);
            try
            {
                serving = Save(directory, "server", issued);
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                serving = issued; // No room, say: who trusts the authority takes it as well from memory, and the next start makes another.
            }
        }

        return new ServerPki(authority, serving);
    }

    /// <summary>Sees whether a certificate could be good for a name or an address.</summary>
    /// <exception cref="ArgumentException">It could not; the message says why.</exception>
    public static void CheckName(string host)
    {
        // What goes into a certificate is more than what is found there again: patterns such as *.x are not.
        if (!IPAddress.TryParse(host, out _) && Uri.CheckHostName(host) != UriHostNameType.Dns)
        {
            throw new ArgumentException("it is neither an address nor a name of DNS");
        }

        Names([host]);
    }

    /// <summary>Issues a client certificate; the answer holds certificate and key in PEM.</summary>
    public (string Certificate, string Key) IssueClient(UserInfo user, DateTimeOffset now)
    {
        using var certificate = Issue(_authority, Subject(user.Name, user.Groups), ClientAuth, [], now);
        using var key = certificate.GetECDsaPrivateKey()!;
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>Whether our CA issued a certificate for client authentication and it is valid now.</summary>
    public bool Issued(X509Certificate2 certificate, DateTimeOffset now)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(_authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        chain.ChainPolicy.ApplicationPolicy.Add(ClientAuth);
        return chain.Build(certificate);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _authority.Dispose();
        Serving.Dispose();
    }

    private static X509Certificate2 MakeAuthority(string name, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(Subject($"{name} Kubernetes CA", []), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request.CreateSelfSigned(now.AddHours(-1), now.AddYears(10));
    }

    private static X509Certificate2 Issue(X509Certificate2 authority, X500DistinguishedName subject, Oid usage, IReadOnlyList<string> hosts, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([usage], false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, true, false));
        if (hosts.Count > 0)
        {
            request.CertificateExtensions.Add(Names(hosts));
        }

        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] &= 0x7f;
        var end = now.AddYears(1) < authority.NotAfter ? now.AddYears(1) : authority.NotAfter;
        using var issued = request.Create(authority, now.AddMinutes(-10) > authority.NotBefore ? now.AddMinutes(-10) : authority.NotBefore, end, serial);
        return issued.CopyWithPrivateKey(key);
    }

    private static X509Extension Names(IReadOnlyList<string> hosts)
    {
        var names = new SubjectAlternativeNameBuilder();
        foreach (var host in hosts)
        {
            if (IPAddress.TryParse(host, out var address))
            {
                names.AddIpAddress(address);
            }
            else
            {
                names.AddDnsName(host);
            }
        }

        return names.Build();
    }

    private static X500DistinguishedName Subject(string name, IReadOnlyList<string> groups)
    {
        var builder = new X500DistinguishedNameBuilder();
        foreach (var group in groups)
        {
            builder.AddOrganizationName(group);
        }

        builder.AddCommonName(name);
        return builder.Build();
    }

    private static bool Covers(X509Certificate2 certificate, IReadOnlyList<string> hosts) =>
        hosts.All(host => certificate.MatchesHostname(host, allowWildcards: false, allowCommonName: false));

    /// <summary>Whether it is the authority's: who removes that one, as the error for a damaged one says, has a certificate left that the next does not vouch for.</summary>
    private static bool IsOf(X509Certificate2 authority, X509Certificate2 issued) =>
        issued.Extensions.OfType<X509AuthorityKeyIdentifierExtension>().FirstOrDefault()?.KeyIdentifier is { } issuer
        && authority.Extensions.OfType<X509SubjectKeyIdentifierExtension>().FirstOrDefault() is { } own && issuer.Span.SequenceEqual(own.SubjectKeyIdentifierBytes.Span);

    /// <summary>One that is damaged is made again, as one that is old: the authority is what others trust.</summary>
    private static X509Certificate2? LoadServing(string? directory)
    {
        try
        {
            return Load(directory, "server");
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    private static X509Certificate2? Load(string? directory, string name)
    {
        if (directory is null || !File.Exists(Path.Combine(directory, name + ".key")))
        {
            return null;
        }

        try
        {
            return X509Certificate2.CreateFromPemFile(Path.Combine(directory, name + ".crt"), Path.Combine(directory, name + ".key"));
        }
        catch (Exception fault) when (fault is CryptographicException or IOException)
        {
            throw new InvalidDataException(
                $"{Path.Combine(directory, name)}.crt and .key cannot be used: {fault.Message.TrimEnd('.')}. Restore them, or remove both to have new ones made.", fault);
        }
    }

    private static X509Certificate2 Save(string? directory, string name, X509Certificate2 certificate)
    {
        if (directory is not null)
        {
            using var key = certificate.GetECDsaPrivateKey()!;
            // A key without certificate counts as damaged, a certificate without key is made again.
            PrivateFiles.WriteBoth(
                Path.Combine(directory, name + ".crt"), certificate.ExportCertificatePem() + "\n", Path.Combine(directory, name + ".key"), key.ExportPkcs8PrivateKeyPem() + "\n");
        }

        return certificate;
    }
}
