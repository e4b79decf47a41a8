using System.Net;
using System.Net.NetworkInformation;

namespace Ote.Cluster.Handling;

/// <summary>The names and addresses that children may dial a controller by, which its certificate is to name.</summary>
internal static class OwnHosts
{
    private static readonly string[] Loopback = ["localhost", "127.0.0.1", "::1"];

    /// <summary>
    /// Empty for a controller that takes no children. A machine's whole set of addresses is asked for only when nothing more exact was
    /// said: hosts are one cluster's own in the whole tree.
    /// </summary>
    public static string[] Of(ClusterControllerOptions options)
    {
        if (options.Listen is not { } listen)
        {
            return [];
        }

        var hosts = new List<string>(Loopback);
        if (options.Advertise is { } advertised)
        {
            hosts.Add(advertised[..(advertised.LastIndexOf(':') is var cut and > 0 ? cut : advertised.Length)].Trim('[', ']'));
        }

        if (!listen.Address.Equals(IPAddress.Any) && !listen.Address.Equals(IPAddress.IPv6Any))
        {
            hosts.Add(listen.Address.ToString());
        }
        else if (options.Advertise is null || options.Parent is null)
        {
            hosts.Add(Dns.GetHostName().ToLowerInvariant());
            hosts.AddRange(NetworkInterface.GetAllNetworkInterfaces()
                .SelectMany(i => i.GetIPProperties().UnicastAddresses)
                .Where(a => !a.Address.IsIPv6LinkLocal)
                .Select(a => a.Address.ToString()));
        }

        return [.. hosts.Distinct(StringComparer.OrdinalIgnoreCase)];
    }
}
