using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Server.Addresses;

/// <summary>Which addresses a Service has, needs, and keeps when it changes. Pure.</summary>
internal static class ServiceFields
{
    /// <summary>Whether it is to have a cluster IP: neither a name elsewhere nor headless.</summary>
    public static bool NeedsAddress(JsonObject service) => service.Text("spec", "type") != "ExternalName" && Address(service) != "None";

    /// <summary>Whether each of its ports is to be open at the nodes.</summary>
    public static bool NeedsNodePorts(JsonObject service) =>
        service.Text("spec", "type") == "NodePort" || (service.Text("spec", "type") == "LoadBalancer" && service.Truth("spec", "allocateLoadBalancerNodePorts") != false);

    /// <summary>Whether load balancers ask a port of each node whether it has endpoints.</summary>
    public static bool NeedsHealthPort(JsonObject service) =>
        service.Text("spec", "type") == "LoadBalancer" && service.Text("spec", "externalTrafficPolicy") == "Local";

    /// <summary>Its cluster IP, <c>None</c>, or nothing.</summary>
    public static string Address(JsonObject service) =>
        service.Text("spec", "clusterIP") is { Length: > 0 } address ? address : service.Items("spec", "clusterIPs")?.FirstOrDefault().Text() ?? "";

    /// <summary>Its ports.</summary>
    public static IReadOnlyList<JsonObject> Ports(JsonObject service) => [.. (service.Items("spec", "ports") ?? []).OfType<JsonObject>()];

    /// <summary>All node ports that it has, that for health checks included.</summary>
    public static IEnumerable<long> NodePorts(JsonObject service) =>
        Ports(service).Select(port => port.Whole("nodePort") ?? 0).Append(service.Whole("spec", "healthCheckNodePort") ?? 0).Where(number => number != 0);

    /// <summary>
    /// What was dealt out stays with a Service whose writer does not speak of it, and goes from one that became of a type that has no such thing, if the writer left it as it was.
    /// </summary>
    /// <param name="old">As it is stored.</param>
    /// <param name="service">As it is wanted; changed in place.</param>
    public static void Keep(JsonObject old, JsonObject service)
    {
        var spec = service.Child("spec");
        KeepAddress(old, service, spec);
        if (WantsPorts(old) && WantsPorts(service))
        {
            KeepPorts(old, service);
        }
        else if (WantsPorts(old) && NodePortsOf(old).SequenceEqual(NodePortsOf(service)))
        {
            foreach (var port in Ports(service))
            {
                port.Remove("nodePort");
            }
        }

        var health = old.Whole("spec", "healthCheckNodePort") ?? 0;
        var wanted = service.Whole("spec", "healthCheckNodePort") ?? 0;
        if (health != 0 && NeedsHealthPort(service) && wanted == 0)
        {
            spec["healthCheckNodePort"] = health;
        }
        else if (health != 0 && !NeedsHealthPort(service) && wanted == health)
        {
            spec.Remove("healthCheckNodePort");
        }
    }

    private static void KeepAddress(JsonObject old, JsonObject service, JsonObject spec)
    {
        var had = Address(old);
        if (service.Text("spec", "type") == "ExternalName")
        {
            if (had is not ("" or "None") && Address(service) == had)
            {
                spec.Remove("clusterIP");
                spec.Remove("clusterIPs");
            }
        }
        else if (had.Length > 0 && Address(service).Length == 0)
        {
            spec["clusterIP"] = had;
            spec["clusterIPs"] = old.At("spec", "clusterIPs")?.DeepClone() ?? new JsonArray(had);
        }
    }

    /// <summary>By their names, which may be told of when nothing else is; a number that the new ports name already is not given twice.</summary>
    private static void KeepPorts(JsonObject old, JsonObject service)
    {
        var used = NodePortsOf(service).Where(number => number != 0).Intersect(NodePortsOf(old)).ToHashSet();
        var byName = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var port in Ports(old))
        {
            byName[port.Text("name") ?? ""] = port.Whole("nodePort") ?? 0;
        }

        foreach (var port in Ports(service).Where(port => port.Whole("nodePort") is null or 0))
        {
            if (byName.TryGetValue(port.Text("name") ?? "", out var had) && had != 0 && used.Add(had))
            {
                port["nodePort"] = had;
            }
        }
    }

    private static bool WantsPorts(JsonObject service) => service.Text("spec", "type") is "NodePort" or "LoadBalancer";

    private static IEnumerable<long> NodePortsOf(JsonObject service) => Ports(service).Select(port => port.Whole("nodePort") ?? 0);
}
