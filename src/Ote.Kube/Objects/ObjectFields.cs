using System.Globalization;
using System.Text.Json.Nodes;

namespace Ote.Kube.Objects;

/// <summary>
/// Typed reading of the few fields we care about on an object that otherwise stays verbatim JSON. Nothing here throws on
/// a field of an unexpected type: it reads as absent.
/// </summary>
public static class ObjectFields
{
    /// <summary><c>metadata.name</c>, or empty.</summary>
    public static string Name(this JsonObject obj) => obj.Text("metadata", "name") ?? "";

    /// <summary><c>metadata.namespace</c>, or empty.</summary>
    public static string Namespace(this JsonObject obj) => obj.Text("metadata", "namespace") ?? "";

    /// <summary><c>metadata.uid</c>, or empty.</summary>
    public static string Uid(this JsonObject obj) => obj.Text("metadata", "uid") ?? "";

    /// <summary><c>metadata.resourceVersion</c>: opaque text, or empty.</summary>
    public static string ResourceVersion(this JsonObject obj) => obj.Text("metadata", "resourceVersion") ?? "";

    /// <summary><c>metadata.generation</c>, or 0.</summary>
    public static long Generation(this JsonObject obj) => obj.Whole("metadata", "generation") ?? 0;

    /// <summary>Whether deletion was asked for.</summary>
    public static bool IsDeleting(this JsonObject obj) => obj.Text("metadata", "deletionTimestamp") is not null;

    /// <summary><c>namespace/name</c>, or the name alone where there is no namespace.</summary>
    public static string Key(this JsonObject obj)
    {
        var ns = obj.Namespace();
        return ns.Length == 0 ? obj.Name() : $"{ns}/{obj.Name()}";
    }

    /// <summary><c>metadata.labels</c>, or null.</summary>
    public static JsonObject? Labels(this JsonObject obj) => obj.At("metadata", "labels") as JsonObject;

    /// <summary>One annotation, or null.</summary>
    public static string? Annotation(this JsonObject obj, string key) => obj.Text("metadata", "annotations", key);

    /// <summary>The node at a path of property names, or null.</summary>
    public static JsonNode? At(this JsonNode? node, params ReadOnlySpan<string> path)
    {
        foreach (var step in path)
        {
            if (node is not JsonObject obj || !obj.TryGetPropertyValue(step, out node))
            {
                return null;
            }
        }

        return node;
    }

    /// <summary>The text at a path, or null.</summary>
    public static string? Text(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    /// <summary>The whole number at a path, or null.</summary>
    public static long? Whole(this JsonNode? node, params ReadOnlySpan<string> path)
    {
        if (node.At(path) is not JsonValue value)
        {
            return null;
        }

        if (value.TryGetValue<long>(out var whole))
        {
            return whole;
        }

        return value.TryGetValue<int>(out var small) ? small : null;
    }

    /// <summary>The truth value at a path, or null.</summary>
    public static bool? Truth(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonValue value && value.TryGetValue<bool>(out var truth) ? truth : null;

    /// <summary>The array at a path, or null.</summary>
    public static JsonArray? Items(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path) as JsonArray;

    /// <summary>The RFC 3339 time at a path, or null.</summary>
    public static DateTimeOffset? Time(this JsonNode? node, params ReadOnlySpan<string> path) =>
        DateTimeOffset.TryParse(node.Text(path), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;

    /// <summary>The object at <paramref name="name"/>, made when absent or of another type.</summary>
    public static JsonObject Child(this JsonObject obj, string name)
    {
        if (obj[name] is JsonObject child)
        {
            return child;
        }

        child = [];
        obj[name] = child;
        return child;
    }

    /// <summary>A deep copy that shares nothing.</summary>
    public static JsonObject Copy(this JsonObject obj) => (JsonObject)obj.DeepClone();

    /// <summary>Kubernetes' time format: RFC 3339, whole seconds, UTC.</summary>
    public static string ToKubeTime(this DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
