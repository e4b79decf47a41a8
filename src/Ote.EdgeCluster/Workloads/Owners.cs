using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.EdgeCluster.Workloads;

/// <summary>The controlling owner of an object: the entry of <c>ownerReferences</c> with <c>controller: true</c>.</summary>
/// <param name="Kind">Such as <c>ReplicaSet</c>.</param>
/// <param name="Name">Its name, in the object's own namespace.</param>
/// <param name="Uid">Its uid.</param>
internal readonly record struct OwnerRef(string Kind, string Name, string Uid);

/// <summary>Reading and making controlling owner references. Pure.</summary>
internal static class Owners
{
    /// <summary>Who controls an object; null when nobody does.</summary>
    public static OwnerRef? Controller(this JsonObject obj)
    {
        foreach (var owner in obj.Items("metadata", "ownerReferences") ?? [])
        {
            if (owner.Truth("controller") == true)
            {
                return new OwnerRef(owner.Text("kind") ?? "", owner.Text("name") ?? "", owner.Text("uid") ?? "");
            }
        }

        return null;
    }

    /// <summary>A reference that makes <paramref name="owner"/> the controller.</summary>
    public static JsonObject Reference(JsonObject owner, ResourceRef kind) => new()
    {
        ["apiVersion"] = kind.ApiVersion,
        ["kind"] = kind.Kind,
        ["name"] = owner.Name(),
        ["uid"] = owner.Uid(),
        ["controller"] = true,
        ["blockOwnerDeletion"] = true,
    };

    /// <summary>A merge patch that gives <paramref name="obj"/> that controller, only while nobody else changed it.</summary>
    public static JsonObject AdoptPatch(JsonObject obj, JsonObject owner, ResourceRef kind)
    {
        var references = obj.Items("metadata", "ownerReferences")?.DeepClone() as JsonArray ?? [];
        references.Add((JsonNode)Reference(owner, kind));
        return Patch(obj, references);
    }

    /// <summary>A merge patch that takes that controller away, only while nobody else changed the object.</summary>
    public static JsonObject ReleasePatch(JsonObject obj, string ownerUid)
    {
        var kept = obj.Items("metadata", "ownerReferences")?.Where(r => r.Text("uid") != ownerUid).Select(r => r!.DeepClone()).ToArray() ?? [];
        return Patch(obj, [.. kept]);
    }

    private static JsonObject Patch(JsonObject obj, JsonArray references) => new()
    {
        ["metadata"] = new JsonObject { ["uid"] = obj.Uid(), ["resourceVersion"] = obj.ResourceVersion(), ["ownerReferences"] = references },
    };
}
