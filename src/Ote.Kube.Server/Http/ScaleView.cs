using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Selectors;

namespace Ote.Kube.Server.Http;

/// <summary>An object seen through its <c>scale</c> subresource, and back. Pure.</summary>
internal static class ScaleView
{
    /// <summary>The autoscaling/v1 Scale of an object.</summary>
    public static JsonObject Of(KindInfo kind, JsonObject obj)
    {
        var paths = kind.Scale!;
        var metadata = new JsonObject();
        foreach (var name in (string[])["name", "namespace", "uid", "resourceVersion", "creationTimestamp"])
        {
            if (obj["metadata"]?[name] is { } value)
            {
                metadata[name] = value.DeepClone();
            }
        }

        var status = new JsonObject { ["replicas"] = Number(obj, paths.StatusReplicas) };
        if (Selector(obj, paths.LabelSelector) is { Length: > 0 } selector)
        {
            status["selector"] = selector;
        }

        return new JsonObject
        {
            ["kind"] = "Scale",
            ["apiVersion"] = "autoscaling/v1",
            ["metadata"] = metadata,
            ["spec"] = new JsonObject { ["replicas"] = Number(obj, paths.SpecReplicas) },
            ["status"] = status,
        };
    }

    /// <summary>The object with the replicas that a Scale wants; a resourceVersion in the Scale is insisted on.</summary>
    public static JsonObject Into(KindInfo kind, JsonObject obj, JsonObject scale)
    {
        var wanted = scale.Whole("spec", "replicas") ?? 0;
        if (wanted < 0 || wanted > int.MaxValue)
        {
            throw new ApiError(
                422, "Invalid", $"Scale.autoscaling \"{obj.Name()}\" is invalid: spec.replicas: Invalid value: {wanted}: must be greater than or equal to 0", new JsonObject());
        }

        var path = kind.Scale!.SpecReplicas.Split('.');
        var at = obj;
        foreach (var step in path[..^1])
        {
            at = at.Child(step);
        }

        at[path[^1]] = wanted;
        var metadata = obj.Child("metadata");
        metadata.Remove("resourceVersion");
        if (scale.ResourceVersion() is { Length: > 0 } version)
        {
            metadata["resourceVersion"] = version;
        }

        return obj;
    }

    private static long Number(JsonObject obj, string path) => obj.Whole(path.Split('.')) ?? 0;

    private static string? Selector(JsonObject obj, string? path)
    {
        if (path is null)
        {
            return null;
        }

        JsonNode? node = obj;
        foreach (var step in path.Split('.'))
        {
            node = (node as JsonObject)?[step];
        }

        return node switch
        {
            JsonObject structured => LabelSelector.FromObject(structured)?.ToString(),
            JsonValue value => value.TryGetValue<string>(out var text) ? text : Convert.ToString(value, CultureInfo.InvariantCulture),
            _ => null,
        };
    }
}
