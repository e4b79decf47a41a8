using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Workloads;

/// <summary>The pods of a StatefulSet and the claims that stay theirs. Pure.</summary>
internal static class StatefulPod
{
    /// <summary>The pod of an ordinal.</summary>
    /// <param name="set">Its owner.</param>
    /// <param name="template">The template of its revision.</param>
    /// <param name="revision">Name of that revision.</param>
    /// <param name="ordinal">Its number.</param>
    public static JsonObject Make(JsonObject set, JsonObject template, string revision, int ordinal)
    {
        var pod = PodTemplate.NewPod(set, Kinds.StatefulSets, template);
        var name = $"{set.Name()}-{ordinal.ToString(CultureInfo.InvariantCulture)}";
        var metadata = pod.Child("metadata");
        metadata.Remove("generateName");
        metadata["name"] = name;
        var labels = metadata.Child("labels");
        labels["statefulset.kubernetes.io/pod-name"] = name;
        labels["apps.kubernetes.io/pod-index"] = ordinal.ToString(CultureInfo.InvariantCulture);
        labels[RevisionHistory.HashLabel] = revision;
        var spec = pod.Child("spec");
        spec["hostname"] = name;
        if (set.Text("spec", "serviceName") is { Length: > 0 } service)
        {
            spec["subdomain"] = service;
        }

        Mount(set, spec, ordinal);
        return pod;
    }

    /// <summary>The claims of an ordinal, by their names.</summary>
    public static IEnumerable<JsonObject> Claims(JsonObject set, int ordinal)
    {
        foreach (var template in Templates(set))
        {
            var claim = new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "PersistentVolumeClaim",
                ["metadata"] = new JsonObject { ["name"] = ClaimName(set, template, ordinal), ["namespace"] = set.Namespace() },
                ["spec"] = template["spec"]?.DeepClone() ?? new JsonObject(),
            };
            var labels = (template.At("metadata", "labels") as JsonObject ?? []).Copy();
            foreach (var (key, value) in set.At("spec", "selector", "matchLabels") as JsonObject ?? [])
            {
                labels[key] = value?.DeepClone();
            }

            claim.Child("metadata")["labels"] = labels;
            if (template.At("metadata", "annotations") is { } annotations)
            {
                claim.Child("metadata")["annotations"] = annotations.DeepClone();
            }

            yield return claim;
        }
    }

    /// <summary>
    /// Who a claim is to go with, by <c>persistentVolumeClaimRetentionPolicy</c>: the set when it is deleted, the pod when the set shrinks,
    /// nobody. A patch of the claim; null when it says so already.
    /// </summary>
    /// <param name="set">The set.</param>
    /// <param name="claim">As it is.</param>
    /// <param name="condemned">The pod that goes because the set shrinks; null while it stays.</param>
    public static JsonObject? Retention(JsonObject set, JsonObject claim, JsonObject? condemned)
    {
        var withSet = set.Text("spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted") == "Delete";
        var withPod = condemned is not null && set.Text("spec", "persistentVolumeClaimRetentionPolicy", "whenScaled") == "Delete";
        var wanted = new JsonArray();
        foreach (var owner in claim.Items("metadata", "ownerReferences") ?? [])
        {
            if (!(owner.Text("kind") == "StatefulSet" && owner.Text("name") == set.Name()) && !(owner.Text("kind") == "Pod" && owner.Text("apiVersion") == "v1"))
            {
                wanted.Add(owner?.DeepClone());
            }
        }

        if (withPod)
        {
            wanted.Add((JsonNode)Reference(condemned!, Kinds.Pods));
        }
        else if (withSet)
        {
            wanted.Add((JsonNode)Reference(set, Kinds.StatefulSets));
        }

        return JsonNode.DeepEquals(wanted, claim.Items("metadata", "ownerReferences") ?? [])
            ? null
            : new JsonObject { ["metadata"] = new JsonObject { ["uid"] = claim.Uid(), ["ownerReferences"] = wanted } };
    }

    private static JsonObject Reference(JsonObject owner, ResourceRef kind) => new()
    {
        ["apiVersion"] = kind.ApiVersion, ["kind"] = kind.Kind, ["name"] = owner.Name(), ["uid"] = owner.Uid(),
    };

    private static IEnumerable<JsonObject> Templates(JsonObject set) => set.Items("spec", "volumeClaimTemplates")?.OfType<JsonObject>() ?? [];

    private static string ClaimName(JsonObject set, JsonObject template, int ordinal) => string.Create(CultureInfo.InvariantCulture, $"{template.Name()}-{set.Name()}-{ordinal}");

    private static void Mount(JsonObject set, JsonObject spec, int ordinal)
    {
        var templates = Templates(set).ToList();
        if (templates.Count == 0)
        {
            return;
        }

        var names = templates.Select(t => t.Name()).ToHashSet();
        var volumes = new JsonArray([.. templates.Select(t => (JsonNode)new JsonObject
        {
            ["name"] = t.Name(),
            ["persistentVolumeClaim"] = new JsonObject { ["claimName"] = ClaimName(set, t, ordinal) },
        })]);
        foreach (var volume in spec.Items("volumes") ?? [])
        {
            if (!names.Contains(volume.Text("name") ?? ""))
            {
                volumes.Add(volume?.DeepClone());
            }
        }

        spec["volumes"] = volumes;
    }
}
