using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Ote.Testing.Kubernetes;

/// <summary>A certificate and its key, both PEM.</summary>
public sealed record IssuedCertificate(string Certificate, string Key);

/// <summary>The certificate authority of one control plane. P-256, certificates valid for a day.</summary>
public sealed class ClusterAuthority : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _certificate;
    private readonly DateTimeOffset _now;
    private readonly TimeProvider _time;

    public ClusterAuthority(string name, TimeProvider time)
    {
        _time = time;
        _now = time.GetUtcNow();
        CertificateRequest request = new($"CN={name}", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _certificate = request.CreateSelfSigned(_now.AddHours(-1), _now.AddDays(1));
    }

    /// <summary>The authority's certificate, PEM.</summary>
    public string Certificate => _certificate.ExportCertificatePem();

    /// <summary>The authority's certificate, to verify a server by; owned by this object.</summary>
    public X509Certificate2 Root => _certificate;

    /// <summary>A client certificate: Kubernetes reads the user from the name and the groups from the organisations.</summary>
    public IssuedCertificate IssueClient(string user, params string[] groups) => IssueClient(user, _now.AddHours(20), groups);

    /// <summary>The same, good from now for so long.</summary>
    public IssuedCertificate IssueClient(string user, TimeSpan life, params string[] groups) => IssueClient(user, _time.GetUtcNow() + life, groups);

    private IssuedCertificate IssueClient(string user, DateTimeOffset until, string[] groups)
    {
        X500DistinguishedNameBuilder subject = new();
        foreach (string group in groups)
            subject.AddOrganizationName(group);
        subject.AddCommonName(user);
        return Issue(subject.Build(), "1.3.6.1.5.5.7.3.2", names: null, until);
    }

    /// <summary>A server certificate for these names and addresses.</summary>
    public IssuedCertificate IssueServer(string name, IEnumerable<string> dnsNames, IEnumerable<IPAddress> addresses)
    {
        SubjectAlternativeNameBuilder names = new();
        foreach (string dns in dnsNames)
            names.AddDnsName(dns);
        foreach (IPAddress address in addresses)
            names.AddIpAddress(address);
        return Issue(new X500DistinguishedName($"CN={name}"), "1.3.6.1.5.5.7.3.1", names, _now.AddHours(20));
    }

    public void Dispose()
    {
        _certificate.Dispose();
        _key.Dispose();
    }

    private IssuedCertificate Issue(X500DistinguishedName subject, string usage, SubjectAlternativeNameBuilder? names, DateTimeOffset until)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_certificate, true, false));
        if (names is not null)
            request.CertificateExtensions.Add(names.Build());
        byte[] serial = RandomNumberGenerator.GetBytes(12);
        using X509Certificate2 issued = request.Create(_certificate, _now.AddMinutes(-30), until, serial);
        return new IssuedCertificate(issued.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }
}
