using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Tests.Kube.Server.Schema.Crds;

public sealed class CrdRulesTests
{
    private const string Root = "spec.versions[1].schema.openAPIV3Schema";

    [Fact]
    public void Structural_definition_is_accepted() => Assert.Empty(Faults(SchemaCatalogTests.WidgetCrd()));

    [Theory]
    [InlineData("""{"type":"object","x-kubernetes-validations":[{"rule":"self.a > 1"}]}""", Root + ".x-kubernetes-validations: Forbidden: validation rules in CEL are not supported by this server; remove them or check the objects in a controller")]
    [InlineData("""{"properties":{}}""", Root + ".type: Required value: must not be empty at the root")]
    [InlineData("""{"type":"string"}""", Root + ".type: Invalid value: \"string\": must be object at the root")]
    [InlineData("""{"type":"object","properties":{"a":{}}}""", Root + ".properties[a].type: Required value: must not be empty for specified object fields")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"array"}}}""", Root + ".properties[a].items: Required value: must be specified")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"array","items":{}}}}""", Root + ".properties[a].items.type: Required value: must not be empty for specified array items")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"strange"}}}""", Root + ".properties[a].type: Unsupported value: \"strange\": supported values: \"array\", \"boolean\", \"integer\", \"number\", \"object\", \"string\"")]
    [InlineData("""{"type":"object","anyOf":[{"type":"object"}]}""", Root + ".anyOf[0].type: Forbidden: must be empty to be structural")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"object","properties":{"b":{"type":"string"}},"additionalProperties":{"type":"string"}}}}""", Root + ".properties[a].additionalProperties: Forbidden: must not be used together with properties")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"integer","default":"x"}}}""", Root + ".properties[a].default: Invalid value: \"string\": spec.versions[1].schema.openAPIV3Schema.properties[a].default in body must be of type integer: \"string\"")]
    [InlineData("""{"type":"object","properties":{"a":{"$ref":"#/x","type":"string"}}}""", Root + ".properties[a].$ref: Forbidden: $ref is not supported")]
    public void Schema_that_is_not_structural_is_refused(string schema, string expected)
    {
        JsonObject crd = SchemaCatalogTests.WidgetCrd();
        crd["spec"]!["versions"]![1]!["schema"]!["openAPIV3Schema"] = JsonNode.Parse(schema);
        Assert.Equal([expected], Faults(crd));
    }

    [Fact]
    public void Names_that_do_not_fit_together_are_refused()
    {
        JsonObject crd = SchemaCatalogTests.WidgetCrd("other.example.com");
        crd["spec"]!["versions"]![0]!["storage"] = true;
        Assert.Contains("metadata.name: Invalid value: \"other.example.com\": must be spec.names.plural+\".\"+spec.group", Faults(crd));
        Assert.Contains(Faults(crd), f => f.EndsWith("must have exactly one version marked as storage version", StringComparison.Ordinal));
    }

    [Fact]
    public void Stored_version_may_not_be_dropped()
    {
        JsonObject before = SchemaCatalogTests.WidgetCrd(), after = SchemaCatalogTests.WidgetCrd();
        before["status"] = JsonNode.Parse("""{"storedVersions":["v1alpha1","v1"],"conditions":[{"type":"Established","status":"True"}]}""");
        after["spec"]!["scope"] = "Cluster";
        Assert.Equal(
        [
            "spec.scope: Invalid value: \"Cluster\": field is immutable",
            "status.storedVersions[0]: Invalid value: \"v1alpha1\": missing from spec.versions; v1alpha1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1alpha1 and removes v1alpha1 from status.storedVersions",
        ], SchemaCatalog.BuiltIn.ValidateUpdate(Kind, before, after).Select(e => e.ToString()));
    }

    private static KindInfo Kind => SchemaCatalog.BuiltIn.Find("apiextensions.k8s.io", "v1", "customresourcedefinitions")!;

    private static List<string> Faults(JsonObject crd)
    {
        JsonObject copy = crd.DeepClone().AsObject();
        Assert.Empty(SchemaCatalog.BuiltIn.Prune(Kind, copy));
        SchemaCatalog.BuiltIn.Default(Kind, copy);
        return [.. SchemaCatalog.BuiltIn.Validate(Kind, copy).Select(e => e.ToString())];
    }
}
