using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Kube.Server.Schema.Rules;

/// <summary>What a pod's spec must fulfil, be it a pod's own or a template's.</summary>
internal static class PodRules
{
    public static void Spec(JsonObject? spec, string path, Faults faults)
    {
        if (spec is null)
        {
            faults.Required(path + ".containers");
            return;
        }
        HashSet<string> volumes = Volumes(spec, path, faults);
        HashSet<string> names = new(StringComparer.Ordinal);
        if (!spec.ObjectsAt("containers").Any())
            faults.Required(path + ".containers");
        foreach (string list in (ReadOnlySpan<string>)["containers", "initContainers", "ephemeralContainers"])
        {
            int index = 0;
            foreach (JsonObject container in spec.ObjectsAt(list))
                Container(container, $"{path}.{list}[{index++}]", names, volumes, faults, list, spec);
        }
        faults.NotNegative(spec, path, "terminationGracePeriodSeconds");
        if (spec["activeDeadlineSeconds"].Whole() is < 1)
            faults.Invalid(path + ".activeDeadlineSeconds", spec["activeDeadlineSeconds"], "must be between 1 and 2147483647, inclusive");
        foreach (string name in (ReadOnlySpan<string>)["serviceAccountName", "nodeName", "priorityClassName"])
        {
            if (spec.TextAt(name) is { Length: > 0 } text)
                faults.Invalid($"{path}.{name}", text, NameRules.Subdomain(text));
        }
        MetadataRules.Labels(spec.ObjectAt("nodeSelector"), path + ".nodeSelector", faults);
        if (spec.TextAt("hostname") is { Length: > 0 } host)
            faults.Invalid(path + ".hostname", host, NameRules.Label(host));
        int toleration = 0;
        foreach (JsonObject t in spec.ObjectsAt("tolerations"))
            Toleration(t, $"{path}.tolerations[{toleration++}]", faults);
    }

    private static HashSet<string> Volumes(JsonObject spec, string path, Faults faults)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        int index = 0;
        foreach (JsonObject volume in spec.ObjectsAt("volumes"))
        {
            string at = $"{path}.volumes[{index++}]";
            string? name = volume.TextAt("name");
            faults.Name(at + ".name", name, NameRules.Label);
            if (name is { Length: > 0 } && !names.Add(name))
                faults.Add(FieldError.Duplicate(at + ".name", name));
            string[] sources = [.. volume.Where(p => p.Key != "name" && p.Value is not null).Select(p => p.Key)];
            foreach (string extra in sources.Skip(1))
                faults.Forbidden($"{at}.{extra}", "may not specify more than 1 volume type");
            if (volume.ObjectAt("hostPath") is { } host && string.IsNullOrEmpty(host.TextAt("path")))
                faults.Required(at + ".hostPath.path");
            if (volume.ObjectAt("secret") is { } secret && string.IsNullOrEmpty(secret.TextAt("secretName")))
                faults.Required(at + ".secret.secretName");
            if (volume.ObjectAt("configMap") is { } map && string.IsNullOrEmpty(map.TextAt("name")))
                faults.Required(at + ".configMap.name");
        }
        return names;
    }

    private static void Container(JsonObject container, string path, HashSet<string> names, HashSet<string> volumes, Faults faults, string list, JsonObject spec)
    {
        string? name = container.TextAt("name");
        faults.Name(path + ".name", name, NameRules.Label);
        if (name is { Length: > 0 } && !names.Add(name))
            faults.Add(FieldError.Duplicate(path + ".name", name));
        if (string.IsNullOrEmpty(container.TextAt("image")))
            faults.Required(path + ".image");
        else if (container.TextAt("image") is { } image && image.Trim() != image)
            faults.Invalid(path + ".image", image, "must not have leading or trailing whitespace");
        Ports(container, path, faults);
        int index = 0;
        foreach (JsonObject variable in container.ObjectsAt("env"))
        {
            string at = $"{path}.env[{index++}]";
            EnvironmentRules.Variable(variable, at, faults);
        }
        EnvironmentRules.Sources(container, path, faults);
        index = 0;
        HashSet<string> paths = new(StringComparer.Ordinal);
        foreach (JsonObject mount in container.ObjectsAt("volumeMounts"))
        {
            string at = $"{path}.volumeMounts[{index++}]";
            if (string.IsNullOrEmpty(mount.TextAt("name")))
                faults.Required(at + ".name");
            else if (!volumes.Contains(mount.TextAt("name")!))
                faults.Add(FieldError.NotFound(at + ".name", mount.TextAt("name")));
            if (string.IsNullOrEmpty(mount.TextAt("mountPath")))
                faults.Required(at + ".mountPath");
            else if (!paths.Add(mount.TextAt("mountPath")!))
                faults.Invalid(at + ".mountPath", mount.TextAt("mountPath"), "must be unique");
        }
        Resources(container.ObjectAt("resources"), path + ".resources", faults);
        foreach (string probe in (ReadOnlySpan<string>)["livenessProbe", "readinessProbe", "startupProbe"])
            Probe(container.ObjectAt(probe), $"{path}.{probe}", probe != "readinessProbe", faults);
        if (list == "ephemeralContainers")
            EphemeralRules.Container(container, path, spec, faults);
        if (list == "initContainers" && container.TextAt("restartPolicy") != "Always")
        {
            foreach (string only in (ReadOnlySpan<string>)["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"])
            {
                if (container.ObjectAt(only) is not null)
                    faults.Forbidden($"{path}.{only}", "may not be set for init containers without restartPolicy=Always");
            }
        }
    }

    private static void Ports(JsonObject container, string path, Faults faults)
    {
        int index = 0;
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (JsonObject port in container.ObjectsAt("ports"))
        {
            string at = $"{path}.ports[{index++}]";
            if (port["containerPort"].Whole() is null or 0)
                faults.Required(at + ".containerPort");
            else
                faults.Port(at + ".containerPort", port["containerPort"]);
            if (port["hostPort"].Whole() is not (null or 0))
                faults.Port(at + ".hostPort", port["hostPort"]);
            if (port.TextAt("name") is not { Length: > 0 } name)
                continue;
            faults.Invalid(at + ".name", name, PortName(name));
            if (!names.Add(name))
                faults.Add(FieldError.Duplicate(at + ".name", name));
        }
    }

    /// <summary>A port's name is a service name of IANA.</summary>
    public static IEnumerable<string> PortName(string name)
    {
        if (name.Length > 15)
            yield return "must be no more than 15 characters";
        if (name.AsSpan().ContainsAnyExcept(s_portLetters))
            yield return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
        if (!name.AsSpan().ContainsAnyInRange('a', 'z'))
            yield return "must contain at least one letter (a-z)";
        if (name.Contains("--", StringComparison.Ordinal))
            yield return "must not contain consecutive hyphens";
        if (name is ['-', ..] or [.., '-'])
            yield return "must not begin or end with a hyphen";
    }

    private static readonly System.Buffers.SearchValues<char> s_portLetters = System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    private static void Resources(JsonObject? resources, string path, Faults faults)
    {
        JsonObject? limits = resources.ObjectAt("limits");
        foreach (string part in (ReadOnlySpan<string>)["limits", "requests"])
        {
            foreach ((string name, JsonNode? value) in resources.ObjectAt(part) ?? [])
            {
                if (!Quantity.TryParse(value.Scalar() ?? "", out decimal amount))
                    continue;
                if (amount < 0)
                    faults.Invalid($"{path}.{part}[{name}]", value.Scalar(), ["must be greater than or equal to 0"]);
                if (part == "requests" && Quantity.TryParse(limits.At(name).Scalar() ?? "", out decimal limit) && amount > limit)
                    faults.Invalid($"{path}.requests", value.Scalar(), [$"must be less than or equal to {name} limit of {limits.At(name).Scalar()}"]);
            }
        }
    }

    private static void Probe(JsonObject? probe, string path, bool onceOnly, Faults faults)
    {
        if (probe is null)
            return;
        if (!((ReadOnlySpan<string>)["exec", "httpGet", "tcpSocket", "grpc"]).ToArray().Any(h => probe.ObjectAt(h) is not null))
            faults.Required(path, "must specify a handler type");
        string[] handlers = [.. ((string[])["exec", "httpGet", "tcpSocket", "grpc"]).Where(h => probe.ObjectAt(h) is not null)];
        foreach (string extra in handlers.Skip(1))
            faults.Forbidden($"{path}.{extra}", "may not specify more than 1 handler type");
        if (handlers is ["httpGet" or "tcpSocket", ..] && probe.At(handlers[0], "port").Text() is null)
            faults.Port($"{path}.{handlers[0]}.port", probe.At(handlers[0], "port"));
        faults.NotNegative(probe, path, "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold");
        if (onceOnly && probe["successThreshold"].Whole() is { } threshold && threshold != 1)
            faults.Invalid(path + ".successThreshold", probe["successThreshold"], "must be 1");
    }

    private static void Toleration(JsonObject toleration, string path, Faults faults)
    {
        string? key = toleration.TextAt("key");
        if (key is { Length: > 0 })
            faults.Invalid(path + ".key", key, NameRules.QualifiedName(key));
        else if (toleration.TextAt("operator") is not "Exists")
            faults.Invalid(path + ".operator", toleration.TextAt("operator") ?? "", "operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
        if (toleration.TextAt("operator") == "Exists" && toleration.TextAt("value") is { Length: > 0 })
            faults.Invalid(path + ".operator", toleration["value"], "value must be empty when `operator` is 'Exists'");
    }
}
