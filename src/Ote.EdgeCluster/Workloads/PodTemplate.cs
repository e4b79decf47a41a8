using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Workloads;

/// <summary>Pod templates: comparing, naming by content, making pods of them. Pure.</summary>
internal static class PodTemplate
{
    /// <summary>The label that keeps the pods of a Deployment's ReplicaSets apart.</summary>
    public const string HashLabel = "pod-template-hash";

    // No vowels and no look-alikes, so that a hash spells nothing.
    private const string Letters = "bcdfghjklmnpqrstvwxz2456789";

    /// <summary>A workload's template.</summary>
    public static JsonObject Of(JsonObject workload) => workload.At("spec", "template") as JsonObject ?? [];

    /// <summary>Whether two templates ask for the same pods, their hash labels aside.</summary>
    public static bool Same(JsonObject a, JsonObject b) => JsonNode.DeepEquals(WithoutHash(a), WithoutHash(b));

    /// <summary>A short name for a template's content; independent of the order of its fields.</summary>
    /// <param name="template">The template.</param>
    /// <param name="collisions">Makes another name for the same content, when one was taken by other content.</param>
    public static string Hash(JsonObject template, long collisions)
    {
        var text = new StringBuilder();
        Write(WithoutHash(template), text);
        if (collisions > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"#{collisions}");
        }

        var hash = 2166136261u;
        foreach (var part in text.ToString())
        {
            hash = (hash ^ part) * 16777619u;
        }

        return string.Concat(hash.ToString(CultureInfo.InvariantCulture).Select(digit => Letters[digit % Letters.Length]));
    }

    /// <summary>A pod of a workload's template, owned by the workload, its name left to the server.</summary>
    public static JsonObject NewPod(JsonObject owner, ResourceRef kind) => NewPod(owner, kind, Of(owner));

    /// <summary>The same of another template than the owner's present one.</summary>
    public static JsonObject NewPod(JsonObject owner, ResourceRef kind, JsonObject template)
    {
        var metadata = new JsonObject
        {
            ["generateName"] = owner.Name() + "-",
            ["namespace"] = owner.Namespace(),
            ["labels"] = template.At("metadata", "labels")?.DeepClone(),
            ["ownerReferences"] = new JsonArray(Owners.Reference(owner, kind)),
        };
        if (template.At("metadata", "annotations") is { } annotations)
        {
            metadata["annotations"] = annotations.DeepClone();
        }

        return new JsonObject
        {
            ["apiVersion"] = Kinds.Pods.ApiVersion,
            ["kind"] = Kinds.Pods.Kind,
            ["metadata"] = metadata,
            ["spec"] = template["spec"]?.DeepClone() ?? new JsonObject(),
        };
    }

    private static JsonObject WithoutHash(JsonObject template)
    {
        if (template.At("metadata", "labels", HashLabel) is null)
        {
            return template;
        }

        var bare = template.Copy();
        ((JsonObject)bare["metadata"]!["labels"]!).Remove(HashLabel);
        return bare;
    }

    private static void Write(JsonNode? node, StringBuilder text)
    {
        switch (node)
        {
            case JsonObject obj:
                text.Append('{');
                foreach (var (name, value) in obj.OrderBy(field => field.Key, StringComparer.Ordinal))
                {
                    text.Append(name).Append(':');
                    Write(value, text);
                    text.Append(';');
                }

                text.Append('}');
                break;
            case JsonArray array:
                text.Append('[');
                foreach (var item in array)
                {
                    Write(item, text);
                    text.Append(';');
                }

                text.Append(']');
                break;
            default:
                text.Append(node?.ToJsonString() ?? "null");
                break;
        }
    }
}
