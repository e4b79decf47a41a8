using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Kube.Server.Schema.Rules;

/// <summary>What the environment of a container must fulfil.</summary>
internal static class EnvironmentRules
{
    private static readonly HashSet<string> s_fields = new(StringComparer.Ordinal)
    {
        "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
    };

    /// <summary>One entry of <c>env</c>.</summary>
    public static void Variable(JsonObject variable, string path, Faults faults)
    {
        faults.Name(path + ".name", variable.TextAt("name"), NameRules.EnvironmentVariable);
        if (variable["valueFrom"] is not JsonObject from)
            return;
        if (variable.TextAt("value") is { Length: > 0 } && from.Count > 0)
            faults.Invalid(path + ".valueFrom", "", "may not be specified when `value` is not empty");
        int given = from.Count(source => source.Value is not null);
        if (given == 0)
            faults.Invalid(path + ".valueFrom", "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`");
        else if (given > 1)
            faults.Invalid(path + ".valueFrom", "", "may not have more than one field specified at a time");
        if (from.TextAt("fieldRef", "fieldPath") is { Length: > 0 } field && !IsKnown(field))
            faults.Invalid(path + ".valueFrom.fieldRef.fieldPath", field, "error converting fieldPath: field label not supported: " + field);
    }

    /// <summary>The entries of <c>envFrom</c>.</summary>
    public static void Sources(JsonObject container, string path, Faults faults)
    {
        int index = 0;
        foreach (JsonObject source in container.ObjectsAt("envFrom"))
        {
            if (source.TextAt("prefix") is { Length: > 0 } prefix)
                faults.Invalid($"{path}.envFrom[{index}].prefix", prefix, NameRules.EnvironmentVariable(prefix));
            index++;
            bool map = source["configMapRef"] is not null, secret = source["secretRef"] is not null;
            if (map == secret)
                faults.Invalid(path + ".envFrom", "", map ? "may not have more than one field specified at a time" : "must specify one of: `configMapRef` or `secretRef`");
        }
    }

    /// <summary>A field that a pod tells its containers of; of labels and annotations, one by its key.</summary>
    private static bool IsKnown(string field) => s_fields.Contains(field)
        || (field.EndsWith("']", StringComparison.Ordinal)
            && (field.StartsWith("metadata.labels['", StringComparison.Ordinal) || field.StartsWith("metadata.annotations['", StringComparison.Ordinal)));
}
