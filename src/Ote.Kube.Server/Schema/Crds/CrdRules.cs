using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema.Rules;
using Ote.Kube.Server.Schema.Validation;
using Ote.Kube.Server.Tables;

namespace Ote.Kube.Server.Schema.Crds;

/// <summary>What a CustomResourceDefinition must fulfil.</summary>
internal static class CrdRules
{
    private static readonly string[] s_columnTypes = ["integer", "number", "string", "boolean", "date"];

    public static void Check(JsonObject crd, Faults faults)
    {
        JsonObject spec = crd.ObjectAt("spec") ?? [];
        string group = spec.TextAt("group") ?? "", plural = spec.TextAt("names", "plural") ?? "";
        if (crd.TextAt("metadata", "name") is { } name && plural.Length > 0 && group.Length > 0 && name != plural + "." + group)
            faults.Invalid("metadata.name", name, "must be spec.names.plural+\".\"+spec.group");
        if (group.Length > 0)
        {
            faults.Invalid("spec.group", group, NameRules.Subdomain(group));
            if (!group.Contains('.', StringComparison.Ordinal))
                faults.Invalid("spec.group", group, "should be a domain with at least one dot");
        }
        Approval(crd, group, faults);
        Names(spec.ObjectAt("names"), faults);
        if (spec.TextAt("scope") is { Length: > 0 } scope && scope is not ("Namespaced" or "Cluster"))
            faults.Add(FieldError.NotSupported("spec.scope", scope, ["Cluster", "Namespaced"]));
        if (spec.TextAt("conversion", "strategy") is { Length: > 0 } strategy && strategy != "None")
            faults.Forbidden("spec.conversion.strategy", "conversion by webhook is not supported by this server; serve versions that differ in nothing but their schema, with strategy None");
        if (spec["preserveUnknownFields"].IsTrue())
            faults.Invalid("spec.preserveUnknownFields", true, "must be false in order to use defaults in the schema");
        Versions(spec, faults);
    }

    public static void CheckChange(JsonObject before, JsonObject after, Faults faults)
    {
        faults.Immutable(before, after, "spec", "group");
        if (before.ObjectsAt("status", "conditions").Any(c => c.TextAt("type") == "Established" && c.TextAt("status") == "True"))
        {
            faults.Immutable(before, after, "spec", "scope");
            faults.Immutable(before, after, "spec", "names", "kind");
        }
        HashSet<string> versions = [.. after.ObjectsAt("spec", "versions").Select(v => v.TextAt("name") ?? "")];
        int index = 0;
        foreach (string stored in before.TextsAt("status", "storedVersions"))
        {
            if (!versions.Contains(stored))
            {
                faults.Invalid($"status.storedVersions[{index}]", stored, $"missing from spec.versions; {stored} was previously a storage version, and must remain in "
                    + $"spec.versions until a storage migration ensures no data remains persisted in {stored} and removes {stored} from status.storedVersions");
            }
            index++;
        }
    }

    /// <summary>The groups of Kubernetes itself are not anybody's: https://github.com/kubernetes/enhancements/pull/1111.</summary>
    private static void Approval(JsonObject crd, string group, Faults faults)
    {
        const string Annotation = "api-approved.kubernetes.io", Path = $"metadata.annotations[{Annotation}]", See = ", see https://github.com/kubernetes/enhancements/pull/1111";
        if (!(group is "k8s.io" or "kubernetes.io" || group.EndsWith(".k8s.io", StringComparison.Ordinal) || group.EndsWith(".kubernetes.io", StringComparison.Ordinal)))
            return;
        string? said = crd.TextAt("metadata", "annotations", Annotation);
        if (string.IsNullOrEmpty(said))
            faults.Required(Path, $"protected groups must have approval annotation \"{Annotation}\"{See}");
        else if (!said.StartsWith("unapproved", StringComparison.Ordinal) && !(Uri.TryCreate(said, UriKind.Absolute, out Uri? address) && address.Host.Length > 0))
            faults.Invalid(Path, said, $"protected groups must have approval annotation \"{Annotation}\" with either a URL or a reason starting with \"unapproved\"{See}");
    }

    private static void Names(JsonObject? names, Faults faults)
    {
        foreach (string field in (ReadOnlySpan<string>)["plural", "singular"])
        {
            if (names.TextAt(field) is { Length: > 0 } text)
                faults.Invalid("spec.names." + field, text, NameRules.Label1035(text));
        }
        foreach (string field in (ReadOnlySpan<string>)["kind", "listKind"])
        {
            if (names.TextAt(field) is { Length: > 0 } text)
                faults.Invalid("spec.names." + field, text, NameRules.Label1035(text.ToLowerInvariant()).Select(c => "may have mixed case, but should otherwise match: " + c));
        }
        int index = 0;
        foreach (string shortName in names.TextsAt("shortNames"))
            faults.Invalid($"spec.names.shortNames[{index++}]", shortName, NameRules.Label1035(shortName));
        index = 0;
        foreach (string category in names.TextsAt("categories"))
            faults.Invalid($"spec.names.categories[{index++}]", category, NameRules.Label1035(category));
        if (names.TextAt("kind") is { Length: > 0 } kind && kind == names.TextAt("listKind"))
            faults.Invalid("spec.names.listKind", kind, "kind and listKind may not be the same");
    }

    private static void Versions(JsonObject spec, Faults faults)
    {
        List<JsonObject> versions = [.. spec.ObjectsAt("versions")];
        HashSet<string> names = new(StringComparer.Ordinal);
        for (int i = 0; i < versions.Count; i++)
        {
            string path = $"spec.versions[{i}]";
            JsonObject version = versions[i];
            if (version.TextAt("name") is { Length: > 0 } name)
            {
                faults.Invalid(path + ".name", name, NameRules.Label1035(name));
                if (!names.Add(name))
                    faults.Invalid("spec.versions", spec["versions"], "must not contain duplicate version names");
            }
            if (version.ObjectAt("schema", "openAPIV3Schema") is { } schema)
                StructuralSchema.Check(schema, path + ".schema.openAPIV3Schema", faults);
            else
                faults.Required(path + ".schema.openAPIV3Schema", "schemas are required");
            Columns(version, path, faults);
            Scale(version.ObjectAt("subresources", "scale"), path + ".subresources.scale", faults);
        }
        if (versions.Count(v => v.FlagAt("storage")) != 1)
            faults.Invalid("spec.versions", spec["versions"] ?? new JsonArray(), "must have exactly one version marked as storage version");
    }

    private static void Columns(JsonObject version, string path, Faults faults)
    {
        int index = 0;
        foreach (JsonObject column in version.ObjectsAt("additionalPrinterColumns"))
        {
            string at = $"{path}.additionalPrinterColumns[{index++}]";
            if (column.TextAt("type") is { Length: > 0 } type && !s_columnTypes.Contains(type))
                faults.Invalid(at + ".type", type, "must be one of " + string.Join(',', s_columnTypes.Order(StringComparer.Ordinal)));
            if (column.TextAt("jsonPath") is { Length: > 0 } text && (!text.StartsWith('.') || !JsonPath.TryParse(text, out _, out _)))
                faults.Invalid(at + ".jsonPath", text, "must be a simple json path starting with .");
        }
    }

    private static void Scale(JsonObject? scale, string path, Faults faults)
    {
        if (scale is null)
            return;
        Path(scale, path, "specReplicasPath", ".spec.", faults);
        Path(scale, path, "statusReplicasPath", ".status.", faults);
    }

    private static void Path(JsonObject scale, string path, string field, string root, Faults faults)
    {
        string? text = scale.TextAt(field);
        if (!string.IsNullOrEmpty(text) && !text.StartsWith(root, StringComparison.Ordinal))
            faults.Invalid($"{path}.{field}", text, $"should be a json path under {root[..^1]}");
    }
}
