using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Tests.Kube.Server.Schema.OpenApi;

public sealed class OpenApiDocumentsTests
{
    private static readonly SchemaCatalog s_catalog = SchemaCatalog.BuiltIn.WithCrd(SchemaCatalogTests.WidgetCrd());

    [Fact]
    public void Every_reference_of_the_second_version_leads_to_a_definition()
    {
        JsonObject document = s_catalog.OpenApiV2();
        AssertReferences(document, "#/definitions/", document["definitions"]!.AsObject());
    }

    [Fact]
    public void Every_reference_of_each_third_version_document_leads_to_a_schema()
    {
        foreach ((string path, _) in s_catalog.OpenApiV3Index()["paths"]!.AsObject())
        {
            JsonObject document = s_catalog.OpenApiV3(path)!;
            AssertReferences(document, "#/components/schemas/", document["components"]!["schemas"]!.AsObject());
        }
        Assert.Null(s_catalog.OpenApiV3("apis/nosuch/v1"));
    }

    [Fact]
    public void Kinds_are_found_by_group_version_and_kind_with_their_merge_keys()
    {
        JsonObject definitions = s_catalog.OpenApiV2()["definitions"]!.AsObject();
        Assert.Equal("Deployment", (string?)definitions["io.k8s.api.apps.v1.Deployment"]!["x-kubernetes-group-version-kind"]![0]!["kind"]);
        Assert.Equal("name", (string?)definitions["io.k8s.api.core.v1.PodSpec"]!["properties"]!["containers"]!["x-kubernetes-patch-merge-key"]);
        Assert.Equal("example.com", (string?)definitions["com.example.v1.Widget"]!["x-kubernetes-group-version-kind"]![0]!["group"]);
        Assert.NotNull(definitions["com.example.v1.Widget"]!["properties"]!["metadata"]!["$ref"]);
        Assert.Null(definitions["com.example.v1.Widget"]!["properties"]!["status"]!["type"]);
    }

    [Fact]
    public void Patch_operations_name_their_kind_and_say_that_dry_run_and_field_validation_are_known()
    {
        JsonNode patch = s_catalog.OpenApiV3("apis/apps/v1")!["paths"]!["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]!["patch"]!;
        Assert.Equal("Deployment", (string?)patch["x-kubernetes-group-version-kind"]!["kind"]);
        Assert.Superset(new HashSet<string> { "dryRun", "fieldValidation" }, patch["parameters"]!.AsArray().Select(p => (string)p!["name"]!).ToHashSet());
    }

    [Fact]
    public void Attributes_beside_a_reference_survive_in_the_third_version()
    {
        JsonNode strategy = s_catalog.OpenApiV3("apis/apps/v1")!["components"]!["schemas"]!["io.k8s.api.apps.v1.DeploymentSpec"]!["properties"]!["strategy"]!;
        Assert.Equal("retainKeys", (string?)strategy["x-kubernetes-patch-strategy"]);
        Assert.Equal("#/components/schemas/io.k8s.api.apps.v1.DeploymentStrategy", (string?)strategy["allOf"]![0]!["$ref"]);
    }

    [Fact]
    public void Hash_of_a_group_changes_with_its_definition_alone()
    {
        JsonObject other = SchemaCatalogTests.WidgetCrd();
        other["spec"]!["versions"]![1]!["schema"]!["openAPIV3Schema"]!["properties"]!["more"] = new JsonObject { ["type"] = "string" };
        JsonObject before = s_catalog.OpenApiV3Index()["paths"]!.AsObject(), after = s_catalog.WithCrd(other).OpenApiV3Index()["paths"]!.AsObject();
        Assert.NotEqual((string?)before["apis/example.com/v1"]!["serverRelativeURL"], (string?)after["apis/example.com/v1"]!["serverRelativeURL"]);
        Assert.Equal((string?)before["apis/apps/v1"]!["serverRelativeURL"], (string?)after["apis/apps/v1"]!["serverRelativeURL"]);
    }

    private static void AssertReferences(JsonNode? node, string prefix, JsonObject definitions)
    {
        if (node is JsonArray list)
        {
            foreach (JsonNode? element in list)
                AssertReferences(element, prefix, definitions);
        }
        else if (node is JsonObject map)
        {
            if (map.TryGetPropertyValue("$ref", out JsonNode? reference) && reference is JsonValue)
            {
                string target = (string)reference!;
                Assert.StartsWith(prefix, target, StringComparison.Ordinal);
                Assert.True(definitions.ContainsKey(target[prefix.Length..]), target);
            }
            foreach ((_, JsonNode? value) in map)
                AssertReferences(value, prefix, definitions);
        }
    }
}
