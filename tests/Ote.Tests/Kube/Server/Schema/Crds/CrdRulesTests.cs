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
    [InlineData("""{"type":"object","properties":{"l":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k"],"items":{"type":"object","properties":{"k":{"type":"string"}}}}}}""", Root + ".properties[l].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property")]
    [InlineData("""{"type":"object","properties":{"l":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k","k"],"items":{"type":"object","required":["k"],"properties":{"k":{"type":"string"}}}}}}""", Root + ".properties[l].x-kubernetes-list-map-keys: Invalid value: [\"k\",\"k\"]: must not contain duplicate entries")]
    [InlineData("""{"type":"object","properties":{"l":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k"],"items":{"type":"object","required":["k"],"properties":{"k":{"type":"object"}}}}}}""", Root + ".properties[l].items.properties[k].type: Invalid value: \"object\": must be a scalar type if parent array's x-kubernetes-list-type is map")]
    [InlineData("""{"type":"object","properties":{"l":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k"],"items":{"type":"object","required":["k"],"properties":{"k":{"type":"string","nullable":true}}}}}}""", Root + ".properties[l].items.properties[k].nullable: Forbidden: this property is in x-kubernetes-list-map-keys, so it cannot be nullable")]
    [InlineData("""{"type":"object","properties":{"l":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["z"],"items":{"type":"object","required":["k"],"properties":{"k":{"type":"string"}}}}}}""", Root + ".properties[l].x-kubernetes-list-map-keys: Invalid value: [\"z\"]: entries must all be names of item properties")]
    [InlineData("""{"type":"object","properties":{"l":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k"],"items":{"type":"string"}}}}""", Root + ".properties[l].items.type: Invalid value: \"string\": must be object if parent array's x-kubernetes-list-type is map")]
    [InlineData("""{"type":"object","properties":{"l":{"type":"array","x-kubernetes-list-type":"atomic","x-kubernetes-list-map-keys":["k"],"items":{"type":"string"}}}}""", Root + ".properties[l].x-kubernetes-list-type: Invalid value: \"atomic\": must be map if x-kubernetes-list-map-keys is non-empty")]
    [InlineData("""{"type":"object","properties":{"l":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"object"}}}}""", Root + ".properties[l].items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set")]
    [InlineData("""{"type":"object","properties":{"l":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string","nullable":true}}}}""", Root + ".properties[l].items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is set")]
    [InlineData("""{"type":"object","properties":{"e":{"type":"object","x-kubernetes-map-type":"what"}}}""", Root + ".properties[e].x-kubernetes-map-type: Unsupported value: \"what\": supported values: \"atomic\", \"granular\"")]
    [InlineData("""{"type":"object","properties":{"e":{"type":"string","x-kubernetes-map-type":"atomic"}}}""", Root + ".properties[e].type: Invalid value: \"string\": must be object if x-kubernetes-map-type is specified")]
    [InlineData("""{"type":"object","properties":{"e":{"type":"object","x-kubernetes-preserve-unknown-fields":false}}}""", Root + ".properties[e].x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined")]
    [InlineData("""{"type":"object","properties":{"e":{"x-kubernetes-embedded-resource":true,"x-kubernetes-preserve-unknown-fields":true}}}""", Root + ".properties[e].type: Required value: must be object if x-kubernetes-embedded-resource is true")]
    [InlineData("""{"type":"object","properties":{"e":{"type":"object","x-kubernetes-embedded-resource":true}}}""", Root + ".properties[e].properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields")]
    [InlineData("""{"type":"object","properties":{"e":{"type":"object","default":{"x":1},"properties":{"y":{"type":"integer"}}}}}""", Root + ".properties[e].default: Invalid value: {\"x\":1}: must not have unknown fields")]
    [InlineData("""{"type":"object","properties":{"metadata":{"type":"object","properties":{"labels":{"type":"object"}}}}}""", Root + ".properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified")]
    public void Schema_that_is_not_structural_is_refused(string schema, string expected)
    {
        JsonObject crd = SchemaCatalogTests.WidgetCrd();
        crd["spec"]!["versions"]![1]!["schema"]!["openAPIV3Schema"] = JsonNode.Parse(schema);
        Assert.Equal([expected], Faults(crd));
    }

    [Theory]
    [InlineData("""{"type":"object","properties":{"l":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k"],"items":{"type":"object","properties":{"k":{"type":"string","default":"x"}}}}}}""")]
    [InlineData("""{"type":"object","properties":{"l":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"object","x-kubernetes-map-type":"atomic"}}}}""")]
    [InlineData("""{"type":"object","properties":{"e":{"type":"object","x-kubernetes-embedded-resource":true,"x-kubernetes-preserve-unknown-fields":true},"metadata":{"type":"object","properties":{"name":{"type":"string","pattern":"^a"}}}}}""")]
    public void Schema_that_the_real_server_takes_is_taken(string schema)
    {
        JsonObject crd = SchemaCatalogTests.WidgetCrd();
        crd["spec"]!["versions"]![1]!["schema"]!["openAPIV3Schema"] = JsonNode.Parse(schema);
        Assert.Empty(Faults(crd));
    }

    [Theory]
    [InlineData("parts.k8s.io", null, "Required value: protected groups must have approval annotation \"api-approved.kubernetes.io\", see https://github.com/kubernetes/enhancements/pull/1111")]
    [InlineData("parts.kubernetes.io", "yes", "Invalid value: \"yes\": protected groups must have approval annotation \"api-approved.kubernetes.io\" with either a URL or a reason starting with \"unapproved\", see https://github.com/kubernetes/enhancements/pull/1111")]
    [InlineData("parts.k8s.io", "unapproved, for tests", null)]
    [InlineData("parts.k8s.io", "https://github.com/kubernetes/kubernetes/pull/78458", null)]
    [InlineData("parts.notk8s.io", null, null)]
    public void Groups_of_Kubernetes_need_its_approval(string group, string? said, string? expected)
    {
        JsonObject crd = SchemaCatalogTests.WidgetCrd("widgets." + group);
        crd["spec"]!["group"] = group;
        if (said is not null)
            crd["metadata"]!["annotations"] = new JsonObject { ["api-approved.kubernetes.io"] = said };
        Assert.Equal(expected is null ? [] : ["metadata.annotations[api-approved.kubernetes.io]: " + expected], Faults(crd));
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
