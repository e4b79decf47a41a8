using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema.Validation;

namespace Ote.Kube.Server.Schema.Rules;

/// <summary>What the Kubernetes objects inside of a custom object (<c>x-kubernetes-embedded-resource</c>) must fulfil: they say what they are, and their metadata is metadata.</summary>
internal static class EmbeddedRules
{
    public static void Check(KindInfo kind, JsonObject obj, Faults faults)
    {
        foreach ((string name, SchemaNode field) in kind.Schema.Properties)
        {
            if (name is not ("apiVersion" or "kind" or "metadata") && obj[name] is { } value)
                Check(kind, value, field, name, faults);
        }
    }

    private static void Check(KindInfo kind, JsonNode value, SchemaNode schema, string path, Faults faults)
    {
        switch (value)
        {
            case JsonObject map:
                if (schema.EmbeddedResource)
                    Embedded(kind, map, schema, path, faults);
                foreach ((string name, JsonNode? inner) in map)
                {
                    if (inner is JsonObject or JsonArray && schema.Field(name) is { } field && !(schema.EmbeddedResource && name == "metadata"))
                        Check(kind, inner, field, FieldPath.Field(path, name)!, faults);
                }
                break;
            case JsonArray list when schema.Items is { } items:
                for (int i = 0; i < list.Count; i++)
                {
                    if (list[i] is { } element)
                        Check(kind, element, items, FieldPath.Element(path, i)!, faults);
                }
                break;
        }
    }

    private static void Embedded(KindInfo kind, JsonObject map, SchemaNode schema, string path, Faults faults)
    {
        foreach (string name in (ReadOnlySpan<string>)["apiVersion", "kind"])
        {
            if (map[name] is null)
                faults.Required($"{path}.{name}", "must not be empty");
            else if (map.TextAt(name) is not { } text)
                faults.Add(new FieldError(path, FieldErrorType.Undecodable, "", Decoder.Say(kind, $"{path}.{name}: Invalid value: {FieldError.Show(map[name])}: must be a string")));
            else if (text.Length == 0)
                faults.Invalid($"{path}.{name}", text, "must not be empty");
            else if (name == "kind")
                faults.Invalid($"{path}.kind", text, NameRules.Label1035(text.ToLowerInvariant()).Select(c => "may have mixed case, but should otherwise match: " + c));
            else if (text.Count(c => c == '/') > 1)
                faults.Invalid($"{path}.apiVersion", text, "unexpected GroupVersion string: " + text);
        }
        if (map["metadata"] is not { } metadata)
            return;
        if (Decoder.ErrorAt(metadata, schema.Field("metadata")!, "ObjectMeta", FieldPath.Root) is { } wrong)
            faults.Add(new FieldError(path, FieldErrorType.Undecodable, "", Decoder.Say(kind, $"{path}.metadata: Invalid value: {FieldError.Show(metadata)}: {wrong}")));
        else
            MetadataRules.CheckEmbedded((JsonObject)metadata, path + ".metadata", faults);
    }
}
