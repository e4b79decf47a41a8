using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Kube.Server.Patching.Ownership;

/// <summary>
/// The annotation by which older kubectls apply on their own side. Who goes over to server-side apply with kubectl meets no conflict about what kubectl
/// applied before, and the annotation keeps up with what is applied since. Pure.
/// </summary>
internal static class LastApplied
{
    /// <summary>The field manager that stands for kubectl: any other keeps out of this.</summary>
    public const string Kubectl = "kubectl";

    private const string Annotation = "kubectl.kubernetes.io/last-applied-configuration";

    /// <summary>As the API limits all annotations of an object together, in bytes.</summary>
    private const int MaxAnnotations = 256 * 1024;

    private const int MaxDepth = 64;

    /// <summary>The fields that the annotation accounts for: stated there, and still so in the live object.</summary>
    public static FieldSet Accounted(TypedKind kind, JsonObject live)
    {
        if (live.Annotation(Annotation) is not { Length: > 0 } text || Read(text) is not { } last || last.Text("apiVersion") != kind.ApiVersion)
            return FieldSet.Empty;
        FieldChanges since = new FieldComparison(kind).Compare(last, live);
        return new AppliedFields(kind).Of(last).Difference(since.Written).Difference(since.Removed);
    }

    /// <summary>Renews the annotation, in place, where the object has one.</summary>
    public static void Renew(JsonObject obj, JsonObject applied)
    {
        if (obj.Annotation(Annotation) is not { Length: > 0 })
            return;
        JsonObject annotations = obj.Child("metadata").Child("annotations");
        JsonObject stated = (JsonObject)Sorted(applied)!;
        (stated["metadata"]?["annotations"] as JsonObject)?.Remove(Annotation);
        annotations[Annotation] = stated.ToJsonString(Schema.ObjectJson.Plain) + "\n";
        if (annotations.Sum(a => a.Key.Length + (a.Value.Text()?.Length ?? 0)) > MaxAnnotations)
            annotations.Remove(Annotation);
    }

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject map => new JsonObject(map.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, Sorted(p.Value)))),
        JsonArray list => new JsonArray([.. list.Select(Sorted)]),
        _ => node?.DeepClone(),
    };

    private static JsonObject? Read(string text)
    {
        try
        {
            return Http.JsonCheck.Parse(System.Text.Encoding.UTF8.GetBytes(text), MaxDepth) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
