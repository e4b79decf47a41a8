using System.Net;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Kube.Server.Schema.Rules;

/// <summary>What Services and Ingresses must fulfil.</summary>
internal static class ServiceRules
{
    public static void Service(JsonObject obj, Faults faults)
    {
        JsonObject spec = obj.ObjectAt("spec") ?? [];
        string? type = spec.TextAt("type");
        List<JsonObject> ports = [.. spec.ObjectsAt("ports")];
        if (type == "ExternalName")
        {
            if (string.IsNullOrEmpty(spec.TextAt("externalName")))
                faults.Required("spec.externalName");
            else
                faults.Invalid("spec.externalName", spec.TextAt("externalName"), NameRules.Subdomain(spec.TextAt("externalName")!.TrimEnd('.')));
        }
        else if (ports.Count == 0 && spec.TextAt("clusterIP") != "None")
            faults.Required("spec.ports");
        MetadataRules.Labels(spec.ObjectAt("selector"), "spec.selector", faults);
        HashSet<string> names = new(StringComparer.Ordinal), numbers = new(StringComparer.Ordinal), open = new(StringComparer.Ordinal);
        for (int i = 0; i < ports.Count; i++)
        {
            string path = $"spec.ports[{i}]";
            Port(ports[i], path, ports.Count > 1, type, faults);
            if (ports[i].TextAt("name") is { Length: > 0 } name && !names.Add(name))
                faults.Add(FieldError.Duplicate(path + ".name", name));
            if (!numbers.Add($"{ports[i]["port"].Scalar()}/{ports[i].TextAt("protocol")}"))
            {
                faults.Add(FieldError.Duplicate(path, new JsonObject
                {
                    ["port"] = ports[i]["port"]?.DeepClone(),
                    ["protocol"] = ports[i].TextAt("protocol"),
                }));
            }
            if (ports[i]["nodePort"].Whole() is { } nodePort and not 0 && !open.Add($"{nodePort}/{ports[i].TextAt("protocol")}"))
                faults.Add(FieldError.Duplicate(path + ".nodePort", nodePort));
        }
    }

    public static void Address(JsonObject obj, Faults faults)
    {
        if (obj.TextAt("spec", "clusterIP") is { Length: > 0 } address and not "None" && !IPAddress.TryParse(address, out _))
            faults.Invalid("spec.clusterIPs[0]", address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    }

    public static void Ingress(JsonObject obj, Faults faults)
    {
        JsonObject spec = obj.ObjectAt("spec") ?? [];
        if (spec["defaultBackend"] is null && !spec.ObjectsAt("rules").Any())
            faults.Invalid("spec", spec, "either `defaultBackend` or `rules` must be specified");
        int rule = 0;
        foreach (JsonObject r in spec.ObjectsAt("rules"))
        {
            string path = $"spec.rules[{rule++}]";
            if (r.TextAt("host") is { Length: > 0 } host)
                faults.Invalid(path + ".host", host, NameRules.Subdomain(host.StartsWith("*.", StringComparison.Ordinal) ? host[2..] : host));
            int index = 0;
            foreach (JsonObject p in r.ObjectsAt("http", "paths"))
            {
                string at = $"{path}.http.paths[{index++}]";
                if (p.TextAt("pathType") is "Exact" or "Prefix" && p.TextAt("path")?.StartsWith('/') != true)
                    faults.Invalid(at + ".path", p.TextAt("path") ?? "", "must be an absolute path");
                if (p.ObjectAt("backend") is { } backend && backend["service"] is null && backend["resource"] is null)
                    faults.Required(at + ".backend", "cannot be empty");
                if (p.ObjectAt("backend", "service") is { } service && string.IsNullOrEmpty(service.TextAt("port", "name")) && service.NumberAt("port", "number") is null or 0)
                    faults.Required(at + ".backend", "port name or number is required");
            }
        }
    }

    /// <summary>Where there are several ports, each is told by its name.</summary>
    public static void Endpoints(JsonObject obj, Faults faults)
    {
        int subset = 0;
        foreach (JsonObject s in obj.ObjectsAt("subsets"))
        {
            List<JsonObject> ports = [.. s.ObjectsAt("ports")];
            for (int i = 0; ports.Count > 1 && i < ports.Count; i++)
            {
                if (string.IsNullOrEmpty(ports[i].TextAt("name")))
                    faults.Required($"subsets[{subset}].ports[{i}].name");
            }
            subset++;
        }
    }

    private static void Port(JsonObject port, string path, bool nameNeeded, string? type, Faults faults)
    {
        string? name = port.TextAt("name");
        if (string.IsNullOrEmpty(name))
        {
            if (nameNeeded)
                faults.Required(path + ".name");
        }
        else
            faults.Invalid(path + ".name", name, NameRules.Label(name));
        faults.Port(path + ".port", port["port"]);
        if (port["targetPort"].Text() is { } target)
            faults.Invalid(path + ".targetPort", target, PodRules.PortName(target));
        else if (port["targetPort"] is not null)
            faults.Port(path + ".targetPort", port["targetPort"]);
        if (port["nodePort"].Whole() is not (null or 0) && type is "ClusterIP" or "ExternalName")
            faults.Forbidden(path + ".nodePort", "may not be used when `type` is '" + type + "'");
    }
}
