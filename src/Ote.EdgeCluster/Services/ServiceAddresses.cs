using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Services;

/// <summary>
/// Which cluster IP and node ports a Service is to have. An address follows from the Service's uid as long as it is free, so that one
/// that lost its address gets the same again. Pure.
/// </summary>
internal static class ServiceAddresses
{
    /// <summary>Cluster IPs are 10.96.0.1 to 10.96.255.254; the first ones stay free for fixed use.</summary>
    private const int First = 10;
    private const int Last = 65534;
    private const int FirstPort = 30000;
    private const int Ports = 2768;

    /// <summary>Whether anything is missing.</summary>
    public static bool Lacks(JsonObject service) =>
        !service.IsDeleting() && (LacksAddress(service) || LacksAddressList(service) || (WantsNodePorts(service) && (service.Items("spec", "ports") ?? []).Any(LacksPort)));

    /// <summary>A merge patch of what is missing; null when nothing is, or all addresses are taken.</summary>
    /// <param name="service">The Service.</param>
    /// <param name="addresses">Cluster IPs of the others.</param>
    /// <param name="ports">Node ports of the others.</param>
    public static JsonObject? Fill(JsonObject service, IReadOnlySet<string> addresses, IReadOnlySet<long> ports)
    {
        var spec = new JsonObject();
        var address = service.Text("spec", "clusterIP");
        if (LacksAddress(service))
        {
            address = Free(First, Last - First + 1, service.Uid(), n => addresses.Contains(Text(n))) is { } number ? Text(number) : null;
            if (address is null)
            {
                return null;
            }

            spec["clusterIP"] = address;
            spec["clusterIPs"] = new JsonArray(address);
        }
        else if (LacksAddressList(service))
        {
            spec["clusterIPs"] = new JsonArray(address);
        }

        if (WantsNodePorts(service) && (service.Items("spec", "ports") ?? []).Any(LacksPort))
        {
            var taken = new HashSet<long>(ports);
            var filled = (JsonArray)service.Items("spec", "ports")!.DeepClone();
            foreach (var port in filled.OfType<JsonObject>())
            {
                taken.Add(port.Whole("nodePort") ?? 0);
            }

            foreach (var port in filled.OfType<JsonObject>().Where(LacksPort))
            {
                if (Free(FirstPort, Ports, service.Uid() + port.Text("name"), n => taken.Contains(n)) is not { } number)
                {
                    return null;
                }

                port["nodePort"] = number;
                taken.Add(number);
            }

            spec["ports"] = filled;
        }

        return spec.Count == 0 ? null : new JsonObject { ["metadata"] = new JsonObject { ["resourceVersion"] = service.ResourceVersion() }, ["spec"] = spec };
    }

    /// <summary>Whether a Service has an address of its own: not headless, not a name elsewhere.</summary>
    public static bool HasAddress(JsonObject service) =>
        service.Text("spec", "type") != "ExternalName" && service.Text("spec", "clusterIP") is { Length: > 0 } address && address != "None";

    private static bool LacksAddress(JsonObject service) => service.Text("spec", "type") != "ExternalName" && string.IsNullOrEmpty(service.Text("spec", "clusterIP"));

    private static bool LacksAddressList(JsonObject service) => service.Text("spec", "type") != "ExternalName" && service.Items("spec", "clusterIPs") is not { Count: > 0 };

    private static bool WantsNodePorts(JsonObject service) =>
        service.Text("spec", "type") == "NodePort" || (service.Text("spec", "type") == "LoadBalancer" && service.Truth("spec", "allocateLoadBalancerNodePorts") != false);

    private static bool LacksPort(JsonNode? port) => port.Whole("nodePort") is null or 0;

    private static string Text(int number) => string.Create(CultureInfo.InvariantCulture, $"10.96.{number / 256}.{number % 256}");

    private static int? Free(int first, int count, string from, Func<int, bool> taken)
    {
        var hash = 2166136261u;
        foreach (var letter in from)
        {
            hash = (hash ^ letter) * 16777619u;
        }

        for (var step = 0; step < count; step++)
        {
            var number = first + (int)((hash + (uint)step) % (uint)count);
            if (!taken(number))
            {
                return number;
            }
        }

        return null;
    }
}
