using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Defaults;

/// <summary>
/// Fills what the real server fills in objects of built-in kinds. Addresses and ports that a cluster hands out (a Service's clusterIP, nodePort) are
/// not among it.
/// </summary>
internal static class BuiltInDefaults
{
    private const string RbacGroup = "rbac.authorization.k8s.io";

    public static void Apply(KindInfo kind, JsonObject obj)
    {
        NullSweep.Sweep(obj, kind.Schema);
        // A spec that nobody wrote is an empty one.
        if (kind.Schema.Properties.TryGetValue("spec", out SchemaNode? known) && known.Properties.Count > 0)
            obj.Set("spec", new JsonObject());
        JsonObject? spec = obj.ObjectAt("spec");
        switch (kind.Group, kind.Plural)
        {
            case ("", "pods"):
                PodDefaults.Pod(obj);
                break;
            case ("", "podtemplates"):
                PodDefaults.Template(obj.ObjectAt("template"));
                break;
            case ("", "limitranges"):
                LimitRangeDefaults.Apply(obj);
                break;
            case ("", "events"):
                obj.Set("source", new JsonObject());
                break;
            case ("", "secrets"):
                obj.SetText("type", "Opaque");
                break;
            case ("", "nodes") when spec.TextAt("podCIDR") is { Length: > 0 } cidr:
                spec!.Set("podCIDRs", new JsonArray(cidr));
                break;
            case ("", "endpoints"):
                foreach (JsonObject port in obj.ObjectsAt("subsets").SelectMany(s => s.ObjectsAt("ports")))
                    port.SetText("protocol", "TCP");
                break;
            case ("", "persistentvolumes") when spec is not null:
                spec.SetText("persistentVolumeReclaimPolicy", "Retain");
                spec.SetText("volumeMode", "Filesystem");
                break;
            case ("", "persistentvolumeclaims") when spec is not null:
                spec.SetText("volumeMode", "Filesystem");
                break;
            case ("discovery.k8s.io", _):
                foreach (JsonObject port in obj.ObjectsAt("ports"))
                {
                    port.Set("name", "");
                    port.SetText("protocol", "TCP");
                }
                break;
            case ("", "services") when spec is not null:
                Service(spec);
                break;
            case ("", "replicationcontrollers") when spec is not null:
                WorkloadDefaults.ReplicationController(obj, spec);
                break;
            case ("apps", "deployments") when spec is not null:
                WorkloadDefaults.Deployment(spec);
                break;
            case ("apps", "replicasets") when spec is not null:
                WorkloadDefaults.ReplicaSet(spec);
                break;
            case ("apps", "daemonsets") when spec is not null:
                WorkloadDefaults.DaemonSet(spec);
                break;
            case ("apps", "statefulsets") when spec is not null:
                WorkloadDefaults.StatefulSet(spec);
                break;
            case ("batch", "jobs") when spec is not null:
                WorkloadDefaults.Job(obj, spec);
                break;
            case ("batch", "cronjobs") when spec is not null:
                WorkloadDefaults.CronJob(spec);
                break;
            case (RbacGroup, "rolebindings" or "clusterrolebindings"):
                Binding(obj);
                break;
            case ("storage.k8s.io", "storageclasses"):
                obj.SetText("reclaimPolicy", "Delete");
                obj.SetText("volumeBindingMode", "Immediate");
                break;
            case ("storage.k8s.io", "csidrivers") when spec is not null:
                CsiDriver(spec);
                break;
            case ("scheduling.k8s.io", _):
                obj.SetText("preemptionPolicy", "PreemptLowerPriority");
                break;
            case ("networking.k8s.io", "networkpolicies"):
                NetworkPolicy(spec ?? obj.Child("spec"));
                break;
            case ("networking.k8s.io", "ingressclasses"):
                obj.ObjectAt("spec", "parameters")?.SetText("scope", "Cluster");
                break;
            case ("autoscaling", _):
                spec?.Set("minReplicas", 1);
                break;
            case ("apiextensions.k8s.io", _) when spec is not null:
                CustomResourceDefinition(spec);
                break;
        }
    }

    private static void Service(JsonObject spec)
    {
        spec.SetText("sessionAffinity", "None");
        spec.SetText("type", "ClusterIP");
        if (spec.TextAt("sessionAffinity") == "ClientIP")
            spec.Child("sessionAffinityConfig")?.Child("clientIP")?.Set("timeoutSeconds", 10800);
        foreach (JsonObject port in spec.ObjectsAt("ports"))
        {
            port.SetText("protocol", "TCP");
            bool open = port["targetPort"] is null || port["targetPort"].Whole() == 0 || port["targetPort"].Text() is { Length: 0 };
            if (open && port["port"] is { } number)
                port["targetPort"] = number.DeepClone();
        }
        string? type = spec.TextAt("type");
        if (type is "ExternalName")
            return;
        // The one address and the list of them say the same.
        if (spec.TextAt("clusterIP") is { Length: > 0 } address && spec["clusterIPs"] is not JsonArray { Count: > 0 })
            spec["clusterIPs"] = new JsonArray(address);
        spec.SetText("internalTrafficPolicy", "Cluster");
        spec.SetText("ipFamilyPolicy", "SingleStack");
        if (spec["ipFamilies"] is not JsonArray { Count: > 0 })
            spec["ipFamilies"] = new JsonArray(spec.TextAt("clusterIP")?.Contains(':', StringComparison.Ordinal) == true ? "IPv6" : "IPv4");
        if (type is "NodePort" or "LoadBalancer")
            spec.SetText("externalTrafficPolicy", "Cluster");
        if (type is "LoadBalancer")
            spec.Set("allocateLoadBalancerNodePorts", true);
    }

    private static void Binding(JsonObject binding)
    {
        binding.ObjectAt("roleRef")?.SetText("apiGroup", RbacGroup);
        foreach (JsonObject subject in binding.ObjectsAt("subjects"))
        {
            if (subject.TextAt("kind") is "User" or "Group")
                subject.SetText("apiGroup", RbacGroup);
        }
    }

    private static void CsiDriver(JsonObject spec)
    {
        spec.Set("attachRequired", true);
        spec.Set("podInfoOnMount", false);
        spec.Set("storageCapacity", false);
        spec.Set("requiresRepublish", false);
        spec.Set("seLinuxMount", false);
        spec.SetText("fsGroupPolicy", "ReadWriteOnceWithFSType");
        if (spec["volumeLifecycleModes"] is not JsonArray { Count: > 0 })
            spec["volumeLifecycleModes"] = new JsonArray("Persistent");
    }

    private static void NetworkPolicy(JsonObject? spec)
    {
        if (spec is null)
            return;
        spec.Set("podSelector", new JsonObject());
        if (spec["policyTypes"] is not JsonArray { Count: > 0 })
            spec["policyTypes"] = spec["egress"] is JsonArray { Count: > 0 } ? new JsonArray("Ingress", "Egress") : new JsonArray("Ingress");
        foreach (JsonObject port in spec.ObjectsAt("ingress").Concat(spec.ObjectsAt("egress")).SelectMany(r => r.ObjectsAt("ports")))
            port.SetText("protocol", "TCP");
    }

    private static void CustomResourceDefinition(JsonObject spec)
    {
        if (spec.ObjectAt("names") is { } names && names.TextAt("kind") is { Length: > 0 } kind)
        {
            names.SetText("singular", kind.ToLowerInvariant());
            names.SetText("listKind", kind + "List");
        }
        spec.Child("conversion")?.SetText("strategy", "None");
    }
}
