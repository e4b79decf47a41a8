using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Schema.Crds;

/// <summary>Makes served kinds of a CustomResourceDefinition that has passed validation.</summary>
internal static class CrdCompiler
{
    private static readonly string[] s_verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    private static readonly string[] s_subresourceVerbs = ["get", "patch", "update"];

    public static CompiledCrd Compile(JsonObject crd)
    {
        string name = crd.TextAt("metadata", "name") ?? throw new ArgumentException("The CustomResourceDefinition has no metadata.name.", nameof(crd));
        JsonObject spec = crd.ObjectAt("spec") ?? throw new ArgumentException($"CustomResourceDefinition {name} has no spec.", nameof(crd));
        string group = Text(spec, name, "group");
        string plural = Text(spec, name, "names", "plural");
        string kind = Text(spec, name, "names", "kind");
        bool namespaced = Text(spec, name, "scope") == "Namespaced";
        bool keepAll = spec["preserveUnknownFields"].IsTrue();
        List<KindInfo> kinds = [];
        Dictionary<string, Lazy<SchemaNode>> schemas = spec.ObjectsAt("versions").ToDictionary(
            v => group + "/" + Text(v, name, "name"), v => new Lazy<SchemaNode>(() => Schema(v, keepAll)), StringComparer.Ordinal);
        CrdStorage storage = new(group + "/" + spec.ObjectsAt("versions").FirstOrDefault(v => v["storage"].IsTrue()).TextAt("name"), schemas);
        foreach (JsonObject version in spec.ObjectsAt("versions").OrderBy(v => v.TextAt("name") ?? "", VersionOrder.Instance))
        {
            if (!version["served"].IsTrue())
                continue;
            string v = Text(version, name, "name");
            JsonObject? source = version.ObjectAt("schema", "openAPIV3Schema");
            JsonObject? scale = version.ObjectAt("subresources", "scale");
            kinds.Add(new KindInfo(schemas[group + "/" + v])
            {
                Group = group,
                Version = v,
                Plural = plural,
                Singular = spec.TextAt("names", "singular") is { Length: > 0 } singular ? singular : kind.ToLowerInvariant(),
                Kind = kind,
                ListKind = spec.TextAt("names", "listKind") is { Length: > 0 } list ? list : kind + "List",
                ShortNames = [.. spec.TextsAt("names", "shortNames")],
                Categories = [.. spec.TextsAt("names", "categories")],
                Namespaced = namespaced,
                Verbs = s_verbs,
                Subresources = [.. Subresources(version, group, v, kind)],
                IsStorage = version["storage"].IsTrue(),
                CrdName = name,
                DefinitionName = string.Join('.', group.Split('.').Reverse()) + "." + v + "." + kind,
                PrinterColumns = [.. version.ObjectsAt("additionalPrinterColumns").Select(Column)],
                Scale = scale is null ? null : new ScalePaths(
                    scale.TextAt("specReplicasPath")?.TrimStart('.') ?? "spec.replicas",
                    scale.TextAt("statusReplicasPath")?.TrimStart('.') ?? "status.replicas",
                    scale.TextAt("labelSelectorPath")?.TrimStart('.')),
                SelectableFields = [.. version.ObjectsAt("selectableFields").Select(f => f.TextAt("jsonPath")?.TrimStart('.') ?? "")],
                DeprecationWarning = version["deprecated"].IsTrue()
                    ? version.TextAt("deprecationWarning") ?? $"{group}/{v} {kind} is deprecated" : null,
                SchemaSource = source,
                Storage = storage,
            });
        }
        return new CompiledCrd(name, spec, crd.ObjectsAt("status", "conditions").Any(c => c.TextAt("type") == "Terminating" && c.TextAt("status") == "True"), kinds);
    }

    private static SchemaNode Schema(JsonObject version, bool keepAll) =>
        version.ObjectAt("schema", "openAPIV3Schema") is { } source ? CrdSchemaReader.ReadRoot(source, keepAll) : SchemaNode.Anything;

    private static IEnumerable<SubresourceInfo> Subresources(JsonObject version, string group, string v, string kind)
    {
        if (version.ObjectAt("subresources", "status") is not null)
            yield return new SubresourceInfo("status", group, v, kind, s_subresourceVerbs);
        if (version.ObjectAt("subresources", "scale") is not null)
            yield return new SubresourceInfo("scale", "autoscaling", "v1", "Scale", s_subresourceVerbs);
    }

    private static PrinterColumn Column(JsonObject column) => new(
        column.TextAt("name") ?? "", column.TextAt("type") ?? "string", column.TextAt("format") ?? "", column.TextAt("description") ?? "",
        (int)(column.NumberAt("priority") ?? 0), column.TextAt("jsonPath") ?? "");

    private static string Text(JsonObject from, string crd, params string[] path) => from.TextAt(path) is { Length: > 0 } text
        ? text : throw new ArgumentException($"CustomResourceDefinition {crd} has no {string.Join('.', path)}.");
}
