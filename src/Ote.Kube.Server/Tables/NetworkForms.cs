using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;
using static Ote.Kube.Server.Tables.TableColumn;

namespace Ote.Kube.Server.Tables;

/// <summary>Kinds by which pods are reached.</summary>
internal static class NetworkForms
{
    public static TableForm Service { get; } = new(
        [ObjectName, new("Type"), new("Cluster-IP"), new("External-IP"), new("Port(s)"), Age, Wide("Selector")],
        static (o, now) =>
        [
            Cells.Name(o), o.TextAt("spec", "type") ?? "", Cells.OrNone(o.TextAt("spec", "clusterIP")), External(o), Ports(o), Cells.Age(o, now),
            Cells.Labels(o.ObjectAt("spec", "selector")),
        ]);

    public static TableForm Endpoints { get; } = new(
        [ObjectName, new("Endpoints"), Age], static (o, now) => [Cells.Name(o), Addresses(o), Cells.Age(o, now)]);

    public static TableForm EndpointSlice { get; } = new(
        [ObjectName, new("AddressType"), new("Ports"), new("Endpoints"), Age],
        static (o, now) =>
        [
            Cells.Name(o), o.TextAt("addressType") ?? "",
            Cells.Few([.. o.ObjectsAt("ports").Select(p => p.At("port").Scalar() ?? p.TextAt("name") ?? "*")], 3, Cells.Unset),
            Cells.Few([.. o.ObjectsAt("endpoints").SelectMany(e => e.TextsAt("addresses"))], 3, Cells.Unset), Cells.Age(o, now),
        ]);

    public static TableForm Ingress { get; } = new(
        [ObjectName, new("Class"), new("Hosts"), new("Address"), new("Ports"), Age],
        static (o, now) =>
        [
            Cells.Name(o), Cells.OrNone(o.TextAt("spec", "ingressClassName")), Hosts(o), Balancer(o), o.ObjectsAt("spec", "tls").Any() ? "80, 443" : "80",
            Cells.Age(o, now),
        ]);

    public static TableForm IngressClass { get; } = new(
        [ObjectName, new("Controller"), new("Parameters"), Age],
        static (o, now) => [Cells.Name(o), o.TextAt("spec", "controller") ?? "", Parameters(o.ObjectAt("spec", "parameters")), Cells.Age(o, now)]);

    public static TableForm NetworkPolicy { get; } = new(
        [ObjectName, new("Pod-Selector"), Age],
        static (o, now) => [Cells.Name(o), Cells.Selector(o.ObjectAt("spec", "podSelector")), Cells.Age(o, now)]);

    private static string External(JsonObject service)
    {
        List<string> external = [.. service.TextsAt("spec", "externalIPs")];
        switch (service.TextAt("spec", "type"))
        {
            case "ExternalName":
                return service.TextAt("spec", "externalName") ?? "";
            case "LoadBalancer":
                string balancer = Balancer(service);
                if (external.Count == 0)
                    return balancer.Length > 0 ? balancer : "<pending>";
                return Cells.Join(balancer.Length > 0 ? [balancer, .. external] : external);
            default:
                return Cells.OrNone(Cells.Join(external));
        }
    }

    private static string Ports(JsonObject service)
    {
        IEnumerable<string> ports = service.ObjectsAt("spec", "ports").Select(p =>
            $"{p.NumberAt("port") ?? 0}{(p.NumberAt("nodePort") is { } node and > 0 ? ":" + node : "")}/{p.TextAt("protocol") ?? "TCP"}");
        return Cells.OrNone(Cells.Join(ports));
    }

    private static string Addresses(JsonObject endpoints)
    {
        List<string> all = [];
        foreach (JsonObject subset in endpoints.ObjectsAt("subsets"))
        {
            List<string> ips = [.. subset.ObjectsAt("addresses").Select(a => a.TextAt("ip") ?? "")];
            List<JsonObject> ports = [.. subset.ObjectsAt("ports")];
            if (ports.Count == 0)
                all.AddRange(ips);
            foreach (JsonObject port in ports)
                all.AddRange(ips.Select(ip => (ip.Contains(':', StringComparison.Ordinal) ? $"[{ip}]" : ip) + $":{port.NumberAt("port") ?? 0}"));
        }
        return Cells.Few(all, 3, Cells.None);
    }

    private static string Balancer(JsonObject o) => Cells.Join(o.ObjectsAt("status", "loadBalancer", "ingress")
        .Select(i => i.TextAt("ip") is { Length: > 0 } ip ? ip : i.TextAt("hostname") ?? "").Where(t => t.Length > 0).Distinct());

    private static string Hosts(JsonObject ingress)
    {
        List<string> hosts = [.. ingress.ObjectsAt("spec", "rules").Select(r => r.TextAt("host") ?? "").Where(h => h.Length > 0)];
        return Cells.Few(hosts, 3, "*");
    }

    private static string Parameters(JsonObject? parameters) => parameters is null ? Cells.None
        : (parameters.TextAt("kind") ?? "") + (parameters.TextAt("apiGroup") is { Length: > 0 } group ? "." + group : "") + "/" + parameters.TextAt("name");
}
