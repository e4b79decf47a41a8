using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Ote.Cluster.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>The subject alternative names of a cluster's certificate: who it is, and the hosts it may be dialled by.</summary>
internal static class CertificateNames
{
    private const string AlternativeNames = "2.5.29.17";
    private const string Prefix = "ote://cluster/";
    private const int MaxHosts = 32;
    private static readonly Asn1Tag Dns = new(TagClass.ContextSpecific, 2);
    private static readonly Asn1Tag Address = new(TagClass.ContextSpecific, 7);
    private static readonly Asn1Tag UriName = new(TagClass.ContextSpecific, 6);

    /// <summary>The identity a certificate carries; false when it carries none, or several.</summary>
    public static bool TryReadIdentity(X509Certificate2 certificate, out PeerIdentity identity)
    {
        identity = default;
        foreach (X509Extension extension in certificate.Extensions)
        {
            if (extension.Oid?.Value == AlternativeNames && TryRead(extension.RawData, out string? uri, out _) && uri is not null)
            {
                return TryParse(uri, out identity);
            }
        }

        return false;
    }

    /// <summary>The DNS names and addresses a signing request asks for; empty when none, null when the extension is broken.</summary>
    public static IReadOnlyList<string>? ReadHosts(IEnumerable<X509Extension> extensions)
    {
        foreach (X509Extension extension in extensions)
        {
            if (extension.Oid?.Value == AlternativeNames) return TryRead(extension.RawData, out _, out List<string> hosts) ? hosts : null;
        }

        return [];
    }

    /// <summary>The extension for a cluster.</summary>
    public static X509Extension Build(PeerIdentity? identity, IEnumerable<string> hosts)
    {
        SubjectAlternativeNameBuilder names = new();
        if (identity is { } who) names.AddUri(new Uri($"{Prefix}{who.Name}/{who.Uid}"));
        foreach (string host in hosts.Distinct(StringComparer.OrdinalIgnoreCase))
        {
            if (IPAddress.TryParse(host, out IPAddress? address)) names.AddIpAddress(address);
            else names.AddDnsName(host);
        }

        return names.Build();
    }

    private static bool TryParse(string uri, out PeerIdentity identity)
    {
        identity = default;
        if (!uri.StartsWith(Prefix, StringComparison.Ordinal)) return false;
        string[] parts = uri[Prefix.Length..].Split('/');
        if (parts.Length != 2 || parts[0].Length == 0 || !IdentityRules.IsUid(parts[1])) return false;
        identity = new PeerIdentity(parts[0], parts[1]);
        return true;
    }

    private static bool TryRead(byte[] raw, out string? uri, out List<string> hosts)
    {
        uri = null;
        hosts = [];
        try
        {
            AsnReader names = new AsnReader(raw, AsnEncodingRules.DER).ReadSequence();
            while (names.HasData)
            {
                Asn1Tag tag = names.PeekTag();
                if (tag.HasSameClassAndValue(UriName))
                {
                    if (uri is not null) return false;
                    uri = names.ReadCharacterString(UniversalTagNumber.IA5String, tag);
                }
                else if (tag.HasSameClassAndValue(Dns))
                {
                    hosts.Add(names.ReadCharacterString(UniversalTagNumber.IA5String, tag));
                }
                else if (tag.HasSameClassAndValue(Address))
                {
                    hosts.Add(new IPAddress(names.ReadOctetString(tag)).ToString());
                }
                else
                {
                    names.ReadEncodedValue();
                }

                if (hosts.Count > MaxHosts) return false;
            }

            return true;
        }
        catch (Exception e) when (e is AsnContentException or ArgumentException)
        {
            return false;
        }
    }
}
