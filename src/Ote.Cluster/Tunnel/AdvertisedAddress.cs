using System.Globalization;
using System.Net;

namespace Ote.Cluster.Tunnel;

/// <summary>What may be passed on as an address others can dial: a host and a port, never a wildcard a child would take for itself.</summary>
public static class AdvertisedAddress
{
    /// <summary>
    /// The address as <c>host:port</c>, or null when it names no reachable place: no host, a wildcard (<c>0.0.0.0</c>, <c>::</c>, <c>*</c>, <c>+</c>), port 0,
    /// or no address at all.
    /// </summary>
    public static string? Normalize(string? address)
    {
        if (string.IsNullOrWhiteSpace(address) || address.Length > 300) return null;
        int colon = address.LastIndexOf(':');
        if (colon <= 0) return null;
        string host = address[..colon];
        if (!ushort.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) || port == 0) return null;
        bool bracketed = host.StartsWith('[') && host.EndsWith(']');
        if (bracketed) host = host[1..^1];
        if (IPAddress.TryParse(host, out IPAddress? ip))
        {
            if (ip.IsIPv4MappedToIPv6) ip = ip.MapToIPv4();
            if (ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any) || ip.Equals(IPAddress.Broadcast) || ip.IsIPv6Multicast) return null;
            bool six = ip.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
            if (six != bracketed) return null;
            return six ? $"[{ip}]:{port}" : $"{ip}:{port}";
        }

        return !bracketed && Uri.CheckHostName(host) == UriHostNameType.Dns ? $"{host.ToLowerInvariant()}:{port}" : null;
    }
}
