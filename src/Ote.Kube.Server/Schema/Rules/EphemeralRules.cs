using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Rules;

/// <summary>What holds for a pod's ephemeral containers, which are added to a pod that runs, to look into it, and stay until it is gone.</summary>
internal static class EphemeralRules
{
    private const string MirrorPod = "kubernetes.io/config.mirror";
    private const string Path = "spec.ephemeralContainers";

    private static readonly HashSet<string> s_may = new(StringComparer.Ordinal)
    {
        "name", "image", "command", "args", "workingDir", "envFrom", "env", "volumeMounts", "volumeDevices", "terminationMessagePath", "terminationMessagePolicy", "imagePullPolicy",
        "securityContext", "stdin", "stdinOnce", "tty", "targetContainerName",
    };

    /// <summary>One of them: nothing that makes it a part of the pod's work.</summary>
    public static void Container(JsonObject container, string path, JsonObject spec, Faults faults)
    {
        const string CannotBe = "cannot be set for an Ephemeral Container";
        if (container.TextAt("targetContainerName") is { Length: > 0 } target
            && !spec.ObjectsAt("containers").Concat(spec.ObjectsAt("initContainers")).Any(c => c.TextAt("name") == target))
            faults.Add(FieldError.NotFound(path + ".targetContainerName", target));
        foreach ((string name, JsonNode? value) in container)
        {
            if (!s_may.Contains(name) && IsSet(value))
                faults.Forbidden($"{path}.{name}", CannotBe);
        }
        int index = 0;
        foreach (JsonObject mount in container.ObjectsAt("volumeMounts"))
        {
            foreach (string part in (ReadOnlySpan<string>)["subPath", "subPathExpr"])
            {
                if (mount.TextAt(part) is { Length: > 0 })
                    faults.Forbidden($"{path}.volumeMounts[{index}].{part}", CannotBe);
            }
            index++;
        }
    }

    /// <summary>What may happen to all of them: more come, and nothing else.</summary>
    public static IReadOnlyList<FieldError> Change(JsonObject before, JsonObject after)
    {
        if (before.TextAt("metadata", "annotations", MirrorPod) is not null)
            return [FieldError.Forbidden("", "static pods do not support ephemeral containers")];
        Faults faults = new();
        List<JsonObject> now = [.. after.ObjectsAt("spec", "ephemeralContainers")];
        foreach (JsonObject old in before.ObjectsAt("spec", "ephemeralContainers"))
        {
            string name = old.TextAt("name") ?? "";
            if (now.Find(c => c.TextAt("name") == name) is not { } same)
                faults.Forbidden(Path, $"existing ephemeral containers {FieldError.Quote(name)} may not be removed\n");
            else if (!JsonNode.DeepEquals(old, same))
                faults.Forbidden(Path, $"existing ephemeral containers {FieldError.Quote(name)} may not be changed\n");
        }
        return faults.Errors;
    }

    /// <summary>Whether a value is more than Go's zero, which is what it is when nobody states it.</summary>
    private static bool IsSet(JsonNode? value) => value switch
    {
        null => false,
        JsonObject map => map.Any(field => IsSet(field.Value)),
        JsonArray list => list.Count > 0,
        _ => value.GetValueKind() is not JsonValueKind.False && value.Text() is not "" && value.Whole() is not 0,
    };
}
