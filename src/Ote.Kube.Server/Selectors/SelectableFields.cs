using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Kube.Server.Selectors;

/// <summary>By which fields the objects of a kind can be selected, and what those fields hold.</summary>
internal static class SelectableFields
{
    private static readonly string[] s_eventFields =
    [
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion",
        "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type",
    ];

    private static readonly string[] s_newEventFields =
    [
        "regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid", "regarding.apiVersion", "regarding.resourceVersion",
        "regarding.fieldPath", "reason", "reportingController", "type",
    ];

    /// <summary>The fields beyond metadata.name and metadata.namespace.</summary>
    public static IReadOnlyList<string> Of(string group, string plural) => (group, plural) switch
    {
        ("", "pods") =>
        [
            "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork", "status.phase",
            "status.podIP", "status.podIPs", "status.nominatedNodeName",
        ],
        ("", "events") => s_eventFields,
        ("events.k8s.io", "events") => s_newEventFields,
        ("", "nodes") => ["spec.unschedulable"],
        ("", "namespaces") => ["status.phase"],
        ("", "secrets") => ["type"],
        ("", "services") => ["spec.clusterIP", "spec.type"],
        ("", "replicationcontrollers") => ["status.replicas"],
        ("apps", "replicasets") => ["status.replicas"],
        ("batch", "jobs") => ["status.successful"],
        _ => [],
    };

    public static bool Offers(KindInfo kind, string path) =>
        path == "metadata.name" || (path == "metadata.namespace" && (kind.Namespaced || !kind.IsCustom)) || kind.SelectableFields.Contains(path);

    /// <summary>The real server has one wording for kinds with fields of their own and for custom ones, and another for the rest.</summary>
    public static string Refusal(KindInfo kind, string path) => kind.SelectableFields.Count > 0 || kind.IsCustom
        ? $"field label not supported: {path}"
        : $"\"{path}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"";

    public static string ValueOf(JsonObject obj, string path)
    {
        JsonNode? node = path switch
        {
            "source" => obj.At("source") is JsonValue plain ? plain : obj.At("source", "component"),
            "status.successful" => obj.At("status", "succeeded"),
            "status.podIPs" => obj.ObjectsAt("status", "podIPs").FirstOrDefault().At("ip"),
            _ => Walk(obj, path),
        };
        return node.Scalar() ?? Absent(path);
    }

    /// <summary>What the real server reads where nothing is written: Go's zero of the field's type.</summary>
    private static string Absent(string path) => path switch
    {
        "spec.unschedulable" or "spec.hostNetwork" => "false",
        "status.replicas" or "status.successful" => "0",
        _ => "",
    };

    private static JsonNode? Walk(JsonNode? node, string path)
    {
        foreach (Range part in path.AsSpan().Split('.'))
        {
            if (node is not JsonObject map || !map.TryGetPropertyValue(path[part], out node))
                return null;
        }
        return node;
    }
}
