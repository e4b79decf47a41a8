using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Addresses;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Lifecycle;

/// <summary>What single kinds need beyond the rules for all. Pure.</summary>
internal static class KindRules
{
    /// <summary>The status a new object begins with, and fields that follow from others.</summary>
    public static void OnCreate(KindInfo kind, JsonObject obj, DateTimeOffset now)
    {
        switch (kind.Group, kind.Plural)
        {
            case ("", "namespaces"):
                obj.Child("metadata").Child("labels")["kubernetes.io/metadata.name"] = obj.Name();
                obj.Child("spec")["finalizers"] = new JsonArray("kubernetes");
                obj["status"] = new JsonObject { ["phase"] = "Active" };
                break;
            case ("", "pods"):
                obj["status"] = new JsonObject { ["phase"] = "Pending", ["qosClass"] = QualityOfService.Of(obj) };
                break;
            case ("", "nodes"):
                // A kubelet registers its node with a status, and the real server keeps it.
                break;
            case ("", "persistentvolumeclaims" or "persistentvolumes"):
                obj["status"] = new JsonObject { ["phase"] = "Pending" };
                break;
            case ("", "services"):
                obj["status"] = new JsonObject { ["loadBalancer"] = new JsonObject() };
                break;
            case ("", "secrets"):
                FoldStringData(obj);
                break;
            case ("apiextensions.k8s.io", "customresourcedefinitions"):
                CrdStatus.Establish(obj, old: null, now);
                break;
            case ("apps", "daemonsets"):
                CountTemplates(null, obj);
                obj["status"] = Zeros(kind);
                break;
            default:
                if (kind.Subresource("status") is not null)
                {
                    obj.Remove("status");
                    if (!kind.IsCustom)
                    {
                        obj["status"] = Zeros(kind);
                    }
                }

                break;
        }
    }

    /// <summary>Fields that follow from others when an object changes.</summary>
    public static void OnUpdate(KindInfo kind, JsonObject old, JsonObject obj, string? subresource)
    {
        switch (kind.Group, kind.Plural)
        {
            case ("", "secrets"):
                FoldStringData(obj);
                break;
            case ("", "services"):
                ServiceFields.Keep(old, obj);
                break;
            case ("", "namespaces") when subresource is not "finalize":
                // Whoever empties the namespace takes them away, by that subresource.
                ObjectRules.Put(obj.Child("spec"), "finalizers", old["spec"]?["finalizers"]);
                break;
        }
    }

    /// <summary>Counts of single kinds, once the new object has its defaults.</summary>
    public static void Count(KindInfo kind, JsonObject old, JsonObject obj)
    {
        if (kind is { Group: "apps", Plural: "daemonsets" })
        {
            CountTemplates(old, obj);
        }
    }

    /// <summary>What of the metadata that came with a status stays as it was.</summary>
    public static void OnStatus(KindInfo kind, JsonObject old, JsonObject metadata)
    {
        switch (kind.Group, kind.Plural)
        {
            case ("apps", "deployments"):
                ObjectRules.Put(metadata, "labels", old["metadata"]?["labels"]);
                break;
            case ("", "pods"):
                ObjectRules.Put(metadata, "ownerReferences", old["metadata"]?["ownerReferences"]);
                break;
        }
    }

    /// <summary>A status of which nobody has told anything yet: counts that must be there are none.</summary>
    private static JsonObject Zeros(KindInfo kind)
    {
        var status = kind.Schema.Field("status");
        return new JsonObject((status?.Required ?? []).Where(name => status!.Field(name)?.Type == SchemaType.Integer).Select(name => KeyValuePair.Create<string, JsonNode?>(name, 0)));
    }

    /// <summary>How often the template was changed, which the real server still tells the clients of earlier versions.</summary>
    private static void CountTemplates(JsonObject? old, JsonObject daemonSet)
    {
        const string Name = "deprecated.daemonset.template.generation";
        _ = long.TryParse(old?.Annotation(Name), out var before);
        var changed = old is null || !JsonNode.DeepEquals(old["spec"]?["template"], daemonSet["spec"]?["template"]);
        daemonSet.Child("metadata").Child("annotations")[Name] = $"{(changed ? before + 1 : Math.Max(before, 1))}";
    }

    private static void FoldStringData(JsonObject secret)
    {
        if (secret["stringData"] is not JsonObject plain)
        {
            return;
        }

        var data = secret.Child("data");
        foreach (var (key, value) in plain)
        {
            data[key] = Convert.ToBase64String(Encoding.UTF8.GetBytes(value.Text() ?? ""));
        }

        secret.Remove("stringData");
    }
}
