using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Workloads;

/// <summary>
/// The templates a DaemonSet or StatefulSet has had, kept as ControllerRevisions: what <c>kubectl rollout history</c> lists and
/// <c>rollout undo</c> goes back to. Pure.
/// </summary>
/// <param name="Current">The revision of the present template; when it is to be made, as it will be.</param>
/// <param name="Create">It is to be made.</param>
/// <param name="Renumber">It is there, but from before others: this is its new number. Null: leave it.</param>
/// <param name="Delete">Old ones beyond the history kept.</param>
internal sealed record RevisionHistory(JsonObject Current, bool Create, long? Renumber, IReadOnlyList<JsonObject> Delete)
{
    /// <summary>The label of pods and revisions that tells one template from another.</summary>
    public const string HashLabel = "controller-revision-hash";

    /// <summary>Compares the present template with the revisions there are.</summary>
    /// <param name="owner">The set.</param>
    /// <param name="kind">Its kind.</param>
    /// <param name="revisions">The revisions it owns.</param>
    /// <param name="inUse">Whether pods of a revision still run.</param>
    public static RevisionHistory Decide(JsonObject owner, ResourceRef kind, IReadOnlyList<JsonObject> revisions, Func<JsonObject, bool> inUse)
    {
        var data = Data(owner);
        var newest = revisions.Select(NumberOf).DefaultIfEmpty(0).Max();
        var present = revisions.Where(r => JsonNode.DeepEquals(r["data"], data)).MaxBy(NumberOf);
        var current = present ?? Make(owner, kind, data, newest + 1);
        var kept = (int)Math.Clamp(owner.Whole("spec", "revisionHistoryLimit") ?? 10, 0, int.MaxValue);
        var idle = revisions.Where(r => r != present && !inUse(r)).OrderBy(NumberOf).ToList();
        return new RevisionHistory(
            current,
            present is null,
            present is not null && NumberOf(present) < newest ? newest + 1 : null,
            owner.IsDeleting() ? [] : [.. idle.Take(Math.Max(0, idle.Count - kept))]);
    }

    /// <summary>The template a revision keeps.</summary>
    public static JsonObject TemplateOf(JsonObject revision)
    {
        var template = (revision.At("data", "spec", "template") as JsonObject ?? []).Copy();
        template.Remove("$patch");
        return template;
    }

    /// <summary>How old it is against the others; more is newer.</summary>
    public static long NumberOf(JsonObject revision) => revision.Whole("revision") ?? 0;

    private static JsonObject Make(JsonObject owner, ResourceRef kind, JsonObject data, long number)
    {
        var hash = PodTemplate.Hash(PodTemplate.Of(owner), owner.Whole("status", "collisionCount") ?? 0);
        var labels = (PodTemplate.Of(owner).At("metadata", "labels") as JsonObject ?? []).Copy();
        labels[HashLabel] = hash;
        return new JsonObject
        {
            ["apiVersion"] = Kinds.ControllerRevisions.ApiVersion,
            ["kind"] = Kinds.ControllerRevisions.Kind,
            ["metadata"] = new JsonObject
            {
                ["name"] = $"{owner.Name()}-{hash}",
                ["namespace"] = owner.Namespace(),
                ["labels"] = labels,
                ["annotations"] = Annotations(owner),
                ["ownerReferences"] = new JsonArray(Owners.Reference(owner, kind)),
            },
            ["data"] = data,
            ["revision"] = number,
        };
    }

    /// <summary>As a strategic merge patch of the owner, which is what kubectl takes it for.</summary>
    private static JsonObject Data(JsonObject owner)
    {
        var template = PodTemplate.Of(owner).Copy();
        template["$patch"] = "replace";
        return new JsonObject { ["spec"] = new JsonObject { ["template"] = template } };
    }

    private static JsonObject Annotations(JsonObject owner)
    {
        var copied = new JsonObject();
        foreach (var (name, value) in owner.At("metadata", "annotations") as JsonObject ?? [])
        {
            if (name != "kubectl.kubernetes.io/last-applied-configuration")
            {
                copied[name] = value?.DeepClone();
            }
        }

        return copied;
    }
}
