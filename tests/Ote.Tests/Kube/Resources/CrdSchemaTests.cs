using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Resources;

namespace Ote.Tests.Kube.Resources;

public sealed class CrdSchemaTests
{
    // JSONSchemaProps of apiextensions.k8s.io/v1, as far as our definitions use it. A comma in an unquoted description makes a key of what follows.
    private static readonly HashSet<string> Known = new(StringComparer.Ordinal)
    {
        "type", "description", "properties", "required", "items", "enum", "format", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "nullable", "default",
        "additionalProperties", "maxProperties", "anyOf", "oneOf", "allOf", "not", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string", "x-kubernetes-list-type",
        "x-kubernetes-list-map-keys", "x-kubernetes-map-type", "x-kubernetes-validations", "x-kubernetes-embedded-resource",
    };

    [Fact]
    public void Every_definition_uses_only_fields_that_a_real_api_server_knows()
    {
        var unknown = Crds.Load().SelectMany(crd => crd.Items("spec", "versions")!.SelectMany(version => Unknown(crd.Name(), version.At("schema", "openAPIV3Schema"))));
        Assert.Empty(unknown);
    }

    [Fact]
    public void Every_field_says_to_kubectl_explain_what_it_is()
    {
        var silent = Crds.Load().SelectMany(crd => crd.Items("spec", "versions")!.SelectMany(version => Silent(crd.Name(), version.At("schema", "openAPIV3Schema"))));
        Assert.Empty(silent);
    }

    private static IEnumerable<string> Silent(string at, JsonNode? schema) => schema is not JsonObject fields
        ? []
        : ((fields["properties"] as JsonObject ?? []).SelectMany(field =>
            (string.IsNullOrWhiteSpace(field.Value.Text("description")) ? [$"{at}.{field.Key}"] : (string[])[]).Concat(Silent($"{at}.{field.Key}", field.Value))))
        .Concat(Silent($"{at}[]", fields["items"]));

    private static IEnumerable<string> Unknown(string at, JsonNode? schema)
    {
        if (schema is not JsonObject fields)
        {
            yield break;
        }

        foreach (var (key, value) in fields)
        {
            if (!Known.Contains(key))
            {
                yield return $"{at}: {key}";
            }

            var below = key switch
            {
                "properties" => ((JsonObject)value!).SelectMany(p => Unknown($"{at}.{p.Key}", p.Value)),
                "items" or "additionalProperties" or "not" => Unknown($"{at}.{key}", value),
                "anyOf" or "oneOf" or "allOf" => ((JsonArray)value!).SelectMany(one => Unknown($"{at}.{key}", one)),
                _ => [],
            };
            foreach (var one in below)
            {
                yield return one;
            }
        }
    }
}
