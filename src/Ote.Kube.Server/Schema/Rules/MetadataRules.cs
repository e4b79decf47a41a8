using System.Text;
using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Kube.Server.Schema.Rules;

/// <summary>What the metadata of any object must fulfil.</summary>
internal static class MetadataRules
{
    private const int AnnotationsMax = 256 * 1024;

    public static void Check(KindInfo kind, JsonObject obj, Faults faults)
    {
        JsonObject? metadata = obj.ObjectAt("metadata");
        string name = metadata.TextAt("name") ?? "";
        Func<string, IEnumerable<string>> rule = NameRule(kind);
        if (name.Length == 0 && metadata.TextAt("generateName") is { Length: > 0 } prefix)
            faults.Invalid("metadata.generateName", prefix, rule(prefix.TrimEnd('-', '.') is { Length: > 0 } stem ? stem : prefix));
        else if (name.Length == 0)
            faults.Required("metadata.name", "name or generateName is required");
        else
            faults.Invalid("metadata.name", name, rule(name));
        Labels(metadata.ObjectAt("labels"), "metadata.labels", faults);
        Annotations(metadata.ObjectAt("annotations"), "metadata.annotations", faults);
        Finalizers(metadata, "metadata", faults, mustBeKnown: !kind.IsCustom && kind.Group != "apiextensions.k8s.io");
        Owners(metadata, "metadata", faults);
    }

    /// <summary>The metadata of an object inside of another one: its name is nobody's business here.</summary>
    public static void CheckEmbedded(JsonObject metadata, string path, Faults faults)
    {
        if (metadata.TextAt("namespace") is { Length: > 0 } ns)
            faults.Invalid(path + ".namespace", ns, NameRules.Label(ns));
        Labels(metadata.ObjectAt("labels"), path + ".labels", faults);
        Annotations(metadata.ObjectAt("annotations"), path + ".annotations", faults);
        Finalizers(metadata, path, faults, mustBeKnown: false);
        Owners(metadata, path, faults);
    }

    public static void Labels(JsonObject? labels, string path, Faults faults)
    {
        foreach ((string key, JsonNode? value) in labels ?? [])
        {
            faults.Invalid(path, key, NameRules.QualifiedName(key));
            faults.Invalid(path, value.Text() ?? "", NameRules.LabelValue(value.Text() ?? ""));
        }
    }

    public static void Annotations(JsonObject? annotations, string path, Faults faults)
    {
        long size = 0;
        foreach ((string key, JsonNode? value) in annotations ?? [])
        {
            faults.Invalid(path, key, NameRules.QualifiedName(key.ToLowerInvariant()));
            size += Encoding.UTF8.GetByteCount(key) + Encoding.UTF8.GetByteCount(value.Text() ?? "");
        }
        if (size > AnnotationsMax)
            faults.Add(FieldError.TooLong(path, AnnotationsMax));
    }

    /// <summary>A finalizer names who holds the object, so it has the form of a label's key; of built-in kinds it must have a domain, unless it is one of the three that have none.</summary>
    private static void Finalizers(JsonObject? metadata, string path, Faults faults, bool mustBeKnown)
    {
        string at = path + ".finalizers";
        int index = 0;
        bool orphan = false, foreground = false;
        foreach (string finalizer in metadata.TextsAt("finalizers"))
        {
            faults.Invalid(at, finalizer, NameRules.QualifiedName(finalizer));
            if (mustBeKnown && finalizer is not ("kubernetes" or "orphan" or "foregroundDeletion") && !finalizer.Contains('/', StringComparison.Ordinal))
                faults.Invalid($"{at}[{index}]", finalizer, "name is neither a standard finalizer name nor is it fully qualified");
            orphan |= finalizer == "orphan";
            foreground |= finalizer == "foregroundDeletion";
            index++;
        }
        if (orphan && foreground)
            faults.Invalid(at, metadata!["finalizers"], "finalizer orphan and foregroundDeletion cannot be both set");
    }

    private static void Owners(JsonObject? metadata, string at, Faults faults)
    {
        int index = 0;
        string? controller = null;
        foreach (JsonObject owner in metadata.ObjectsAt("ownerReferences"))
        {
            string path = $"{at}.ownerReferences[{index++}]";
            foreach (string field in (ReadOnlySpan<string>)["apiVersion", "kind", "name", "uid"])
            {
                if (string.IsNullOrEmpty(owner.TextAt(field)))
                    faults.Invalid($"{path}.{field}", "", field == "apiVersion" ? "version must not be empty" : "must not be empty");
            }
            if (!owner.FlagAt("controller"))
                continue;
            string self = $"{owner.TextAt("kind")}/{owner.TextAt("name")}";
            if (controller is not null)
                faults.Invalid(at + ".ownerReferences", metadata!["ownerReferences"], $"Only one reference can have Controller set to true. Found \"true\" in references for {controller} and {self}");
            controller = self;
        }
    }

    private static Func<string, IEnumerable<string>> NameRule(KindInfo kind) => (kind.Group, kind.Plural) switch
    {
        ("", "namespaces") => NameRules.Label,
        ("", "services") => NameRules.Label1035,
        ("rbac.authorization.k8s.io", _) => NameRules.PathSegment,
        ("batch", "cronjobs") => static name => name.Length > 52 ? [.. NameRules.Subdomain(name), "must be no more than 52 characters"] : NameRules.Subdomain(name),
        _ => NameRules.Subdomain,
    };
}
