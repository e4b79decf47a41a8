using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema;

/// <summary>The kinds this server offers without any CustomResourceDefinition, read from the bundled data in its order.</summary>
internal static class BuiltInKinds
{
    /// <summary>
    /// Groups that work here as plain storage, and those of the access reviews, which are answered and not stored. Groups that need machinery (admission webhooks, certificate signing, priority levels, device
    /// classes) are left out: serving them would promise what does not happen.
    /// </summary>
    private static readonly HashSet<string> s_groups =
    [
        "", "apps", "authentication.k8s.io", "authorization.k8s.io", "batch", "autoscaling", "networking.k8s.io", "policy", "rbac.authorization.k8s.io", "storage.k8s.io", "apiextensions.k8s.io",
        "scheduling.k8s.io", "coordination.k8s.io", "node.k8s.io", "discovery.k8s.io", "events.k8s.io",
    ];

    /// <summary>componentstatuses: its short name "cs" would hide the Cluster kind. bindings: only the pod's own subresource is used.</summary>
    private static readonly HashSet<string> s_leftOut = ["componentstatuses", "bindings"];

    private static readonly HashSet<string> s_subresources = ["status", "scale", "finalize", "binding", "eviction", "token", "ephemeralcontainers"];

    public static List<KindInfo> Read(SchemaData data)
    {
        Dictionary<string, List<JsonObject>> subresources = [];
        List<JsonObject> kinds = [];
        foreach (JsonObject resource in data.Resources.OfType<JsonObject>())
        {
            string name = (string)resource["name"]!;
            int slash = name.IndexOf('/', StringComparison.Ordinal);
            (string group, string version) = Split((string)resource["groupVersion"]!);
            if (!s_groups.Contains(group) || (group.Length == 0 && s_leftOut.Contains(name)) || (group == "autoscaling" && version is not ("v1" or "v2")))
                continue;
            if (slash < 0)
                kinds.Add(resource);
            else if (s_subresources.Contains(name[(slash + 1)..]))
                Listed(subresources, $"{group}/{version}/{name[..slash]}").Add(resource);
        }
        return [.. kinds.Select(k => Kind(k, subresources, data))];
    }

    private static KindInfo Kind(JsonObject resource, Dictionary<string, List<JsonObject>> subresources, SchemaData data)
    {
        (string group, string version) = Split((string)resource["groupVersion"]!);
        string plural = (string)resource["name"]!;
        string kind = (string)resource["kind"]!;
        string definition = DefinitionName(group, version, kind);
        List<SubresourceInfo> parts = subresources.TryGetValue($"{group}/{version}/{plural}", out List<JsonObject>? found)
            ? [.. found.Select(s => Subresource(s, group, version))] : [];
        return new KindInfo(() => data.Node(definition))
        {
            Group = group,
            Version = version,
            Plural = plural,
            Singular = (string)resource["singularName"]!,
            Kind = kind,
            ListKind = kind + "List",
            ShortNames = Texts(resource["shortNames"]),
            Categories = Texts(resource["categories"]),
            Namespaced = (bool)resource["namespaced"]!,
            Verbs = Texts(resource["verbs"]),
            Subresources = parts,
            DefinitionName = definition,
            StoredForm = Conversion.StoredForm.Of(group, version, plural),
            Scale = parts.Exists(s => s.Name == "scale") ? new ScalePaths("spec.replicas", "status.replicas", "spec.selector") : null,
            SelectableFields = Selectors.SelectableFields.Of(group, plural),
        };
    }

    private static SubresourceInfo Subresource(JsonObject resource, string group, string version)
    {
        string name = (string)resource["name"]!;
        string kind = (string)resource["kind"]!;
        (string g, string v) = kind switch
        {
            "Scale" => ("autoscaling", "v1"),
            "Eviction" => ("policy", "v1"),
            "TokenRequest" => ("authentication.k8s.io", "v1"),
            _ => (group, version),
        };
        return new SubresourceInfo(name[(name.IndexOf('/', StringComparison.Ordinal) + 1)..], g, v, kind, Texts(resource["verbs"]));
    }

    private static string DefinitionName(string group, string version, string kind) => group switch
    {
        "" => $"io.k8s.api.core.{version}.{kind}",
        "apiextensions.k8s.io" => $"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.{version}.{kind}",
        _ => $"io.k8s.api.{group.Split('.')[0]}.{version}.{kind}",
    };

    internal static (string Group, string Version) Split(string groupVersion)
    {
        int slash = groupVersion.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? ("", groupVersion) : (groupVersion[..slash], groupVersion[(slash + 1)..]);
    }

    private static List<JsonObject> Listed(Dictionary<string, List<JsonObject>> lists, string key)
    {
        if (!lists.TryGetValue(key, out List<JsonObject>? list))
            lists[key] = list = [];
        return list;
    }

    private static string[] Texts(JsonNode? node) => node is JsonArray array ? [.. array.Select(v => v!.GetValue<string>())] : [];
}
