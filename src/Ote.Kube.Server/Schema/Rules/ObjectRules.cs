using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema.Crds;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Kube.Server.Schema.Rules;

/// <summary>
/// What an object of a built-in kind must fulfil beyond its types: the rules that users meet daily, in the real server's words. Rules that only
/// machinery meets are left to the schema.
/// </summary>
internal static class ObjectRules
{
    private const int DataMax = 1024 * 1024;

    private const int MaxUserPriority = 1_000_000_000;

    public static IReadOnlyList<FieldError> Check(SchemaCatalog catalog, KindInfo kind, JsonObject obj)
    {
        Faults faults = new();
        MetadataRules.Check(kind, obj, faults);
        switch (kind.Group, kind.Plural)
        {
            case ("", "pods"):
                PodRules.Spec(obj.ObjectAt("spec"), "spec", faults);
                break;
            case ("", "replicationcontrollers") or ("apps", "deployments" or "replicasets" or "daemonsets" or "statefulsets"):
                WorkloadRules.Check(kind, obj, faults);
                break;
            case ("batch", "jobs"):
                WorkloadRules.Job(obj.ObjectAt("spec"), "spec", faults);
                break;
            case ("batch", "cronjobs"):
                WorkloadRules.CronJob(obj.ObjectAt("spec"), faults);
                break;
            case ("", "services"):
                ServiceRules.Service(obj, faults);
                break;
            case ("networking.k8s.io", "ingresses"):
                ServiceRules.Ingress(obj, faults);
                break;
            case ("", "configmaps" or "secrets"):
                Data(kind, obj, faults);
                if (kind.Plural == "secrets")
                    SecretRules.Check(obj, faults);
                break;
            case ("rbac.authorization.k8s.io", "roles" or "clusterroles"):
                Role(obj, kind.Namespaced, faults);
                break;
            case ("rbac.authorization.k8s.io", _):
                Binding(obj, kind.Namespaced, faults);
                break;
            case ("", "events"):
                if (obj.TextAt("involvedObject", "namespace") is { Length: > 0 } ns && ns != obj.TextAt("metadata", "namespace"))
                    faults.Invalid("involvedObject.namespace", ns, "does not match event.namespace");
                break;
            case ("", "persistentvolumeclaims"):
                Claim(obj, faults);
                break;
            case ("coordination.k8s.io", _):
                if (obj.At("spec", "leaseDurationSeconds").Whole() is <= 0)
                    faults.Invalid("spec.leaseDurationSeconds", obj.At("spec", "leaseDurationSeconds"), "must be greater than 0");
                if (obj.At("spec", "leaseTransitions").Whole() is < 0)
                    faults.Invalid("spec.leaseTransitions", obj.At("spec", "leaseTransitions"), "must be greater than or equal to 0");
                break;
            case ("", "persistentvolumes"):
                VolumeRules.Check(obj, faults);
                break;
            case ("", "limitranges"):
                QuotaRules.Limits(obj, faults);
                break;
            case ("", "resourcequotas"):
                QuotaRules.Quota(obj, faults);
                break;
            case ("", "endpoints"):
                ServiceRules.Endpoints(obj, faults);
                break;
            case ("networking.k8s.io", "networkpolicies"):
                NetworkPolicyRules.Check(obj, faults);
                break;
            case ("scheduling.k8s.io", _):
                if (obj["value"].Whole() > MaxUserPriority && obj.TextAt("metadata", "name")?.StartsWith("system-", StringComparison.Ordinal) != true)
                    faults.Forbidden("value", $"maximum allowed value of a user defined priority is {MaxUserPriority}");
                break;
            case ("policy", _):
                if (obj.At("spec", "minAvailable") is not null && obj.At("spec", "maxUnavailable") is not null)
                    faults.Invalid("spec", obj["spec"], "minAvailable and maxUnavailable cannot be both set");
                break;
            case ("autoscaling", _):
                long most = obj.NumberAt("spec", "maxReplicas") ?? 0;
                if (most < 1)
                    faults.Invalid("spec.maxReplicas", most, "must be greater than 0");
                if (most < obj.NumberAt("spec", "minReplicas"))
                    faults.Invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`");
                break;
            case ("apiextensions.k8s.io", _):
                CrdRules.Check(obj, faults);
                break;
        }
        ShapeRules.Check(obj, kind.Schema, faults);
        if (kind is { Group: "", Plural: "services" })
            ServiceRules.Address(obj, faults); // The real server looks at it last.
        return faults.Errors;
    }

    private static void Data(KindInfo kind, JsonObject obj, Faults faults)
    {
        long size = 0;
        foreach (string field in (ReadOnlySpan<string>)["data", "binaryData", "stringData"])
        {
            foreach ((string key, JsonNode? value) in obj.ObjectAt(field) ?? [])
            {
                faults.Invalid($"{field}[{key}]", key, NameRules.ConfigKey(key));
                if (field == "binaryData" && obj.ObjectAt("data")?.ContainsKey(key) == true)
                    faults.Invalid($"data[{key}]", key, "duplicate of key present in binaryData");
                size += Encoding.UTF8.GetByteCount(value.Text() ?? "");
            }
        }
        if (size > DataMax)
            faults.Add(new FieldError(kind.Plural == "secrets" ? "data" : "", FieldErrorType.TooLong, "", $"may not be more than {DataMax} bytes"));
    }

    private static void Role(JsonObject role, bool namespaced, Faults faults)
    {
        int index = 0;
        foreach (JsonObject rule in role.ObjectsAt("rules"))
        {
            string path = $"rules[{index++}]";
            bool urls = rule.TextsAt("nonResourceURLs").Any();
            if (!rule.TextsAt("verbs").Any())
                faults.Required(path + ".verbs", "verbs must contain at least one value");
            if (urls && namespaced)
                faults.Invalid(path + ".nonResourceURLs", rule["nonResourceURLs"], "namespaced rules cannot apply to non-resource URLs");
            if (urls)
                continue;
            if (!rule.TextsAt("apiGroups").Any())
                faults.Required(path + ".apiGroups", "resource rules must supply at least one api group");
            if (!rule.TextsAt("resources").Any())
                faults.Required(path + ".resources", "resource rules must supply at least one resource");
        }
    }

    private static void Binding(JsonObject binding, bool namespaced, Faults faults)
    {
        const string Group = "rbac.authorization.k8s.io";
        JsonObject? reference = binding.ObjectAt("roleRef");
        if (reference is not null && reference.TextAt("apiGroup") is { Length: > 0 } group && group != Group)
            faults.Add(FieldError.NotSupported("roleRef.apiGroup", group, [Group]));
        string[] kinds = namespaced ? ["Role", "ClusterRole"] : ["ClusterRole"];
        if (reference.TextAt("kind") is { Length: > 0 } kind && !kinds.Contains(kind))
            faults.Add(FieldError.NotSupported("roleRef.kind", kind, kinds));
        if (reference is not null && string.IsNullOrEmpty(reference.TextAt("name")))
            faults.Required("roleRef.name");
        int index = 0;
        foreach (JsonObject subject in binding.ObjectsAt("subjects"))
        {
            string path = $"subjects[{index++}]";
            switch (subject.TextAt("kind"))
            {
                case "ServiceAccount":
                    if (subject.TextAt("name") is { Length: > 0 } name)
                        faults.Invalid(path + ".name", name, NameRules.Subdomain(name));
                    // In a namespace it is the binding's own.
                    if (!namespaced && string.IsNullOrEmpty(subject.TextAt("namespace")))
                        faults.Required(path + ".namespace");
                    break;
                case "User" or "Group":
                    break;
                case { Length: > 0 } other:
                    faults.Add(FieldError.NotSupported(path + ".kind", other, ["ServiceAccount", "User", "Group"]));
                    break;
            }
        }
    }

    private static void Claim(JsonObject claim, Faults faults)
    {
        if (!claim.TextsAt("spec", "accessModes").Any())
            faults.Required("spec.accessModes", "at least 1 access mode is required");
        if (claim.At("spec", "resources", "requests", "storage") is null)
            faults.Required("spec.resources[storage]");
    }
}
