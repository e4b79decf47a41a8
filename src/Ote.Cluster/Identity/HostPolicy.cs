using System.Net;
using System.Net.Sockets;

namespace Ote.Cluster.Identity;

/// <summary>What a cluster gets of the hosts it asks for.</summary>
/// <param name="Granted">For the certificate.</param>
/// <param name="Held">Of these, the ones that are the cluster's own from now on.</param>
/// <param name="Withheld">Not granted, each with the reason; the certificate goes without them.</param>
/// <param name="Refusal">Why there is no certificate at all; null when there is one.</param>
public sealed record HostVerdict(IReadOnlyList<string> Granted, IReadOnlyList<string> Held, IReadOnlyList<string> Withheld, string? Refusal);

/// <summary>
/// Which hosts a cluster's certificate may name, so that no cluster can pass for another one's address. Loopback is everyone's: it only
/// leads to the own machine. Any other host belongs to the first cluster that asks, or to the one an operator gives it to
/// (<c>spec.hosts</c>). One that another cluster holds refuses the request when it means the same to the whole world; a private
/// address or a bare machine name may honestly exist at two sites, and is only withheld. Pure.
/// </summary>
public static class HostPolicy
{
    private const int MaxNameLength = 253;
    private const int MaxLabelLength = 63;

    /// <summary>A host as it is compared and stored: lower case, addresses in their shortest form.</summary>
    public static string Normalize(string host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return IPAddress.TryParse(host, out IPAddress? address) ? (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString() : host.ToLowerInvariant();
    }

    /// <summary>Whether a host only ever leads to the own machine.</summary>
    public static bool IsLoopback(string host) => IPAddress.TryParse(host, out IPAddress? address) ? IPAddress.IsLoopback(address) : host.Equals("localhost", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether someone has to look up who holds these: false when all are loopback or the cluster's own.</summary>
    public static bool NeedsHolders(IEnumerable<string> asked, IReadOnlyCollection<string> own) =>
        asked.Select(Normalize).Any(host => !IsLoopback(host) && !own.Contains(host));

    /// <summary>Judges a request.</summary>
    /// <param name="cluster">Who asks, for the texts.</param>
    /// <param name="asked">The hosts asked for.</param>
    /// <param name="own">Hosts it holds already, or was given by an operator; normalized.</param>
    /// <param name="holderOf">The cluster that holds a normalized host; null when none does.</param>
    public static HostVerdict Judge(string cluster, IEnumerable<string> asked, IReadOnlyCollection<string> own, Func<string, string?> holderOf)
    {
        ArgumentNullException.ThrowIfNull(asked);
        ArgumentNullException.ThrowIfNull(own);
        ArgumentNullException.ThrowIfNull(holderOf);
        List<string> granted = [], held = [], withheld = [];
        foreach (string host in asked.Select(Normalize).Distinct(StringComparer.Ordinal))
        {
            if (IsLoopback(host))
            {
                granted.Add(host);
            }
            else if (Fault(host) is { } fault)
            {
                return Refuse($"the host '{Short(host)}' cannot be certified: {fault}");
            }
            else if (own.Contains(host) || holderOf(host) is not { } holder || holder == cluster)
            {
                granted.Add(host);
                held.Add(host);
            }
            else if (IsLocal(host))
            {
                withheld.Add($"{host} is held by cluster {holder}");
            }
            else
            {
                return Refuse(
                    $"the host {host} is held by cluster {holder}; start {cluster} with another --advertise, or have the operator move {host} "
                    + $"from spec.hosts of cluster {holder} to that of {cluster}");
            }
        }

        return new HostVerdict(granted, held, withheld, null);
    }

    private static HostVerdict Refuse(string text) => new([], [], [], text);

    private static string? Fault(string host)
    {
        if (IPAddress.TryParse(host, out IPAddress? address))
        {
            bool isNobody = address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) || address.Equals(IPAddress.Broadcast)
                || address.IsIPv6Multicast || (address.AddressFamily == AddressFamily.InterNetwork && address.GetAddressBytes()[0] >= 224);
            return isNobody ? "it is no address of one machine" : null;
        }

        if (host.Length is 0 or > MaxNameLength) return $"a name has 1 to {MaxNameLength} characters";
        bool isName = host.Split('.').All(label => label.Length is > 0 and <= MaxLabelLength
            && label[0] != '-' && label[^1] != '-' && label.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_'));
        return isName ? null : "it is no DNS name of one machine; wildcards are not certified";
    }

    // What two sites may both have without either of them lying.
    private static bool IsLocal(string host)
    {
        if (!IPAddress.TryParse(host, out IPAddress? address)) return !host.Contains('.', StringComparison.Ordinal);
        if (address.IsIPv6LinkLocal || address.IsIPv6UniqueLocal) return true;
        byte[] bytes = address.GetAddressBytes();
        return bytes.Length == 4 && (bytes[0], bytes[1]) switch
        {
            (10, _) or (192, 168) or (169, 254) => true,
            (172, var second) => second is >= 16 and <= 31,
            (100, var second) => second is >= 64 and <= 127,
            _ => false,
        };
    }

    private static string Short(string text) => text.Length <= 64 ? text : text[..64] + "…";
}
