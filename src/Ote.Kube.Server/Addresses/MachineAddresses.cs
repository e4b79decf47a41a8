using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Ote.Kube.Server.Addresses;

/// <summary>The addresses of this machine.</summary>
internal static class MachineAddresses
{
    /// <summary>Those of the interfaces that are up, in the system's order, of one family; those of the link alone are left out.</summary>
    public static IEnumerable<IPAddress> Of(AddressFamily family) => NetworkInterface.GetAllNetworkInterfaces()
        .Where(one => one.OperationalStatus == OperationalStatus.Up || one.OperationalStatus == OperationalStatus.Unknown)
        .SelectMany(one => one.GetIPProperties().UnicastAddresses)
        .Select(one => one.Address)
        .Where(address => address.AddressFamily == family && !address.IsIPv6LinkLocal);
}
