using System.Collections.Frozen;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Patching.Ownership;

/// <summary>
/// Fields of built-in kinds that an object of the real server always has, because its Go type holds them by value: they are never added to an object
/// that is there, so nobody comes to own them themselves, only what is in them. The schema does not tell them from fields held by pointer.
/// </summary>
internal static class EverPresent
{
    private static readonly FrozenSet<string> s_maps = FrozenSet.Create(StringComparer.Ordinal,
        "metadata", "spec", "status", "template", "jobTemplate", "strategy", "updateStrategy", "names", "acceptedNames", "loadBalancer", "involvedObject",
        "nodeInfo", "daemonEndpoints", "kubeletEndpoint", "scaleTargetRef", "roleRef");

    /// <summary>The one definition that holds its template by pointer.</summary>
    private const string PointsToTemplate = "io.k8s.api.core.v1.ReplicationControllerSpec";

    private static readonly FrozenSet<string> s_lists = FrozenSet.Create(StringComparer.Ordinal, "containers");

    /// <summary>The empty value in whose place something else comes or was; null when the field may be absent.</summary>
    public static JsonNode? Empty(SchemaNode parent, string name)
    {
        if (s_lists.Contains(name))
            return new JsonArray();
        return s_maps.Contains(name) && !(name == "template" && parent.Name == PointsToTemplate) ? new JsonObject() : null;
    }

    /// <summary>Whether a value is what Go leaves out when it writes the field: such a field is as good as absent.</summary>
    /// <param name="parent">What has the field.</param>
    /// <param name="field">The field's own schema.</param>
    /// <param name="name">The field.</param>
    /// <param name="value">Its value in the form that has it.</param>
    /// <param name="throughout">Whether the parent is there in both forms.</param>
    public static bool IsOmitted(SchemaNode parent, SchemaNode? field, string name, JsonNode? value, bool throughout) => value switch
    {
        null => true,
        JsonArray { Count: 0 } => true,
        JsonObject { Count: 0 } => field is { AdditionalProperties: not null, Properties.Count: 0 },
        // A required number or text is there from the start, as zero.
        JsonValue when throughout && parent.Required.Contains(name) => value.ToJsonString() is "0" or "\"\"" or "false",
        _ => false,
    };
}
