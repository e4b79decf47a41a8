using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema.Crds;

namespace Ote.Kube.Server.Schema.Rules;

/// <summary>What may not change once an object is there.</summary>
internal static class ChangeRules
{
    private static readonly string[] s_statefulSetMayChange =
        ["replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit", "persistentVolumeClaimRetentionPolicy", "minReadySeconds"];

    /// <summary>What a new object may not have yet.</summary>
    public static IReadOnlyList<FieldError> CheckNew(KindInfo kind, JsonObject obj) =>
        kind is { Group: "", Plural: "pods" } && obj.ObjectsAt("spec", "ephemeralContainers").Any() ? [FieldError.Forbidden("spec.ephemeralContainers", "cannot be set on create")] : [];

    public static IReadOnlyList<FieldError> Check(KindInfo kind, JsonObject before, JsonObject after)
    {
        Faults faults = new();
        switch (kind.Group, kind.Plural)
        {
            case ("apps", "deployments" or "replicasets" or "daemonsets"):
                faults.Immutable(before, after, "spec", "selector");
                break;
            case ("apps", "statefulsets"):
                if (!SameBut(before.ObjectAt("spec"), after.ObjectAt("spec"), s_statefulSetMayChange))
                {
                    faults.Forbidden("spec", "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
                        + "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden");
                }
                break;
            case ("batch", "jobs"):
                faults.Immutable(before, after, "spec", "selector");
                faults.Immutable(before, after, "spec", "completionMode");
                if (before.TextAt("spec", "completionMode") != "Indexed")
                    faults.Immutable(before, after, "spec", "completions");
                // A suspended job that never ran may still be given other pods.
                if (!(before.FlagAt("spec", "suspend") && before.At("status", "startTime") is null))
                    faults.Immutable(before, after, "spec", "template");
                break;
            case ("", "pods"):
                if (Count(before) != Count(after))
                    faults.Forbidden("spec.containers", "pod updates may not add or remove containers");
                else if (!JsonNode.DeepEquals(Fixed(before), Fixed(after)))
                {
                    faults.Forbidden("spec", "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
                        + "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
                        + "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)");
                }
                break;
            case ("", "services"):
                // From and to ExternalName, which has no address, it may.
                if (before.TextAt("spec", "clusterIP") is { Length: > 0 } address && address != after.TextAt("spec", "clusterIP")
                    && before.TextAt("spec", "type") != "ExternalName" && after.TextAt("spec", "type") != "ExternalName")
                {
                    faults.Invalid("spec.clusterIPs[0]", after.At("spec", "clusterIPs"), "may not change once set");
                }
                break;
            case ("", "configmaps" or "secrets"):
                if (kind.Plural == "secrets")
                    faults.Immutable(before, after, "type");
                Frozen(before, after, faults);
                break;
            case ("rbac.authorization.k8s.io", "rolebindings" or "clusterrolebindings"):
                if (!JsonNode.DeepEquals(before["roleRef"], after["roleRef"]))
                    faults.Invalid("roleRef", after["roleRef"], "cannot change roleRef");
                break;
            case ("", "persistentvolumeclaims"):
                // Before it is bound, a claim may be given its volume and nothing else.
                if (!SameBut(before.ObjectAt("spec"), after.ObjectAt("spec"), before.TextAt("spec", "volumeName") is { Length: > 0 }
                    ? ["resources", "volumeAttributesClassName"] : ["resources", "volumeAttributesClassName", "volumeName", "storageClassName"]))
                    faults.Forbidden("spec", "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims");
                break;
            case ("storage.k8s.io", "storageclasses"):
                foreach (string field in (ReadOnlySpan<string>)["parameters", "provisioner", "reclaimPolicy"])
                {
                    if (!JsonNode.DeepEquals(before[field], after[field]))
                        faults.Forbidden(field, $"updates to {field} are forbidden.");
                }
                break;
            case ("scheduling.k8s.io", _):
                if (before["value"].Whole() != after["value"].Whole())
                    faults.Forbidden("value", "may not be changed in an update.");
                break;
            case ("networking.k8s.io", "ingressclasses"):
                faults.Immutable(before, after, "spec", "controller");
                break;
            case ("discovery.k8s.io", _):
                faults.Immutable(before, after, "addressType");
                break;
            case ("apiextensions.k8s.io", _):
                CrdRules.CheckChange(before, after, faults);
                break;
        }
        return faults.Errors;
    }

    private static int Count(JsonObject pod) => pod.ObjectsAt("spec", "containers").Count();

    private static void Frozen(JsonObject before, JsonObject after, Faults faults)
    {
        if (!before.FlagAt("immutable"))
            return;
        if (!after.FlagAt("immutable"))
            faults.Forbidden("immutable", "field is immutable when `immutable` is set");
        foreach (string field in (ReadOnlySpan<string>)["data", "binaryData", "stringData"])
        {
            if (field != "stringData" && !JsonNode.DeepEquals(before[field], after[field]))
                faults.Forbidden(field, "field is immutable when `immutable` is set");
        }
    }

    /// <summary>A pod's spec without what may change.</summary>
    private static JsonObject? Fixed(JsonObject pod)
    {
        if (pod.ObjectAt("spec") is not { } spec)
            return null;
        JsonObject copy = spec.DeepClone().AsObject();
        foreach (string field in (ReadOnlySpan<string>)["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"])
            copy.Remove(field);
        // Gates are lifted one by one and never come back.
        copy.Remove("schedulingGates");
        foreach (JsonObject container in copy.ObjectsAt("containers").Concat(copy.ObjectsAt("initContainers")))
            container.Remove("image");
        return copy;
    }

    private static bool SameBut(JsonObject? before, JsonObject? after, string[] mayChange)
    {
        IEnumerable<string> names = (before ?? []).Select(p => p.Key).Union((after ?? []).Select(p => p.Key)).Except(mayChange);
        return names.All(n => JsonNode.DeepEquals(before?[n], after?[n]));
    }
}
