using System.Text.Json.Nodes;
using Ote.Kube.Server.Schema;

namespace Ote.Tests.Kube.Server.Schema;

public sealed class SchemaCatalogTests
{
    private static readonly SchemaCatalog s_catalog = SchemaCatalog.BuiltIn;

    public static JsonObject WidgetCrd(string name = "widgets.example.com", string plural = "widgets", string kind = "Widget") => Json("""
        {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"NAME"},
         "spec":{"group":"example.com","scope":"Namespaced","names":{"plural":"PLURAL","singular":"SINGULAR","kind":"KIND","listKind":"KINDList","shortNames":["wd"],"categories":["all"]},
          "versions":[
           {"name":"v1beta1","served":true,"storage":false,"deprecated":true,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}},
           {"name":"v1","served":true,"storage":true,
            "subresources":{"status":{},"scale":{"specReplicasPath":".spec.replicas","statusReplicasPath":".status.replicas","labelSelectorPath":".status.selector"}},
            "additionalPrinterColumns":[{"name":"Size","type":"integer","jsonPath":".spec.size"},{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"},{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"},{"name":"Note","type":"string","priority":1,"jsonPath":".spec.note"}],
            "schema":{"openAPIV3Schema":{"type":"object","required":["spec"],"properties":{"spec":{"type":"object","required":["size"],"properties":{
              "size":{"type":"integer","minimum":1,"maximum":10},"note":{"type":"string","maxLength":5,"pattern":"^[a-z]*$"},"color":{"type":"string","enum":["red","blue"],"default":"red"},
              "port":{"x-kubernetes-int-or-string":true},"replicas":{"type":"integer","default":1},
              "free":{"type":"object","x-kubernetes-preserve-unknown-fields":true},
              "parts":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],"items":{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"n":{"type":"integer"}}}}}},
              "status":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}}}]}}
        """.Replace("PLURAL", plural, StringComparison.Ordinal).Replace("NAME", name, StringComparison.Ordinal)
        .Replace("SINGULAR", kind.ToLowerInvariant(), StringComparison.Ordinal).Replace("KIND", kind, StringComparison.Ordinal));

    [Fact]
    public void Every_served_kind_has_its_definition_and_a_readable_schema()
    {
        foreach (KindInfo kind in s_catalog.All)
        {
            Assert.NotNull(kind.Schema.Field("metadata")?.Field("name"));
            Assert.NotEmpty(kind.Verbs);
        }
        Assert.True(s_catalog.All.Count() > 40);
    }

    [Theory]
    [InlineData("", "v1", "pods", "Pod", true)]
    [InlineData("apps", "v1", "deployments", "Deployment", true)]
    [InlineData("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false)]
    [InlineData("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", false)]
    [InlineData("events.k8s.io", "v1", "events", "Event", true)]
    public void Built_in_kinds_are_found_by_path(string group, string version, string plural, string kind, bool namespaced)
    {
        KindInfo found = s_catalog.Find(group, version, plural)!;
        Assert.Equal((kind, namespaced), (found.Kind, found.Namespaced));
    }

    [Fact]
    public void Component_statuses_are_not_served_because_their_short_name_would_hide_clusters()
    {
        Assert.Null(s_catalog.Find("", "v1", "componentstatuses"));
        Assert.DoesNotContain(s_catalog.All, k => k.ShortNames.Contains("cs"));
    }

    [Fact]
    public void Schema_follows_references_to_the_containers_of_a_deployment()
    {
        SchemaNode containers = s_catalog.Find("apps", "v1", "deployments")!.Schema.At("spec", "template", "spec", "containers")!;
        Assert.Equal("name", containers.PatchMergeKey);
        Assert.Equal(PatchStrategy.Merge, containers.PatchStrategy);
        Assert.Equal(ListType.Map, containers.ListType);
        Assert.Equal(["Always", "IfNotPresent", "Never"], containers.Items!.Field("imagePullPolicy")!.Enum.Select(e => (string)e!));
    }

    [Fact]
    public void A_definition_adds_its_served_versions_and_leaves_the_old_catalog_as_it_was()
    {
        SchemaCatalog with = s_catalog.WithCrd(WidgetCrd());
        Assert.Null(s_catalog.Find("example.com", "v1", "widgets"));
        KindInfo v1 = with.Find("example.com", "v1", "widgets")!;
        Assert.Equal(["scale", "status"], v1.Subresources.Select(s => s.Name).Order());
        Assert.True(v1.IsStorage);
        Assert.False(with.Find("example.com", "v1beta1", "widgets")!.IsStorage);
        Assert.NotNull(with.Find("example.com", "v1beta1", "widgets")!.DeprecationWarning);
        Assert.Null(with.WithoutCrd("widgets.example.com").Find("example.com", "v1", "widgets"));
    }

    [Fact]
    public void Definition_whose_names_another_one_has_is_refused()
    {
        SchemaCatalog with = s_catalog.WithCrd(WidgetCrd());
        KindInfo kind = with.Find("apiextensions.k8s.io", "v1", "customresourcedefinitions")!;
        JsonObject other = WidgetCrd("gadgets.example.com", "gadgets", "Widget");
        Assert.Contains(with.Validate(kind, other), e => e.Path == "spec.names" && e.Detail.Contains("already in use by another definition of this group", StringComparison.Ordinal));
        Assert.Empty(with.Validate(kind, WidgetCrd()));
    }

    [Theory]
    [InlineData("gadgets", "Gadget", null)]
    [InlineData("gadgets", "Widget", "SingularConflict")]
    [InlineData("widgets", "Gadget", "PluralConflict")]
    public void Names_that_another_definition_of_the_group_has_are_a_conflict(string plural, string kind, string? reason)
    {
        SchemaCatalog with = s_catalog.WithCrd(WidgetCrd());
        JsonObject other = WidgetCrd("other.example.com", plural, kind);
        other["spec"]!["names"]!["shortNames"] = new JsonArray();
        Assert.Equal(reason, with.NameConflict(other)?.Reason);
        Assert.Null(with.NameConflict(WidgetCrd()));
    }

    [Fact]
    public void Discovery_lists_resources_with_subresources_and_prefers_stable_versions()
    {
        SchemaCatalog with = s_catalog.WithCrd(WidgetCrd());
        JsonObject apps = DiscoveryDocuments.ResourceList(with, "apps", "v1")!;
        JsonObject scale = apps["resources"]!.AsArray().OfType<JsonObject>().Single(r => (string?)r["name"] == "deployments/scale");
        Assert.Equal(("autoscaling", "Scale"), ((string?)scale["group"], (string?)scale["kind"]));
        JsonObject group = DiscoveryDocuments.Group(with, "example.com")!;
        Assert.Equal("v1", (string?)group["preferredVersion"]!["version"]);
        Assert.Equal("apps", (string?)DiscoveryDocuments.GroupList(with)["groups"]![0]!["name"]);
        JsonObject aggregated = DiscoveryDocuments.Aggregated(with, core: true);
        Assert.Contains(aggregated["items"]![0]!["versions"]![0]!["resources"]!.AsArray(), r => (string?)r!["resource"] == "pods");
        Assert.Null(DiscoveryDocuments.ResourceList(with, "nosuch", "v1"));
    }

    [Fact]
    public void Unknown_fields_are_taken_out_and_named()
    {
        KindInfo kind = s_catalog.Find("apps", "v1", "deployments")!;
        JsonObject obj = Json("""{"metadata":{"name":"x","labels":{"a":"b"}},"spec":{"replica":1,"template":{"spec":{"containers":[{"name":"c","imag":"y"}]}}}}""");
        Assert.Equal(["spec.replica", "spec.template.spec.containers[0].imag"], s_catalog.Prune(kind, obj).Order());
        Assert.Equal("b", (string?)obj["metadata"]!["labels"]!["a"]);
        Assert.Null(obj["spec"]!["replica"]);
    }

    [Fact]
    public void Custom_objects_are_pruned_defaulted_and_validated_by_their_schema()
    {
        SchemaCatalog with = s_catalog.WithCrd(WidgetCrd());
        KindInfo kind = with.Find("example.com", "v1", "widgets")!;
        JsonObject obj = Json("""{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w"},"spec":{"size":20,"note":"TOO LONG","port":true,"odd":1,"free":{"x":1},"parts":[{"name":"a"},{"name":"a"}]}}""");
        Assert.Equal(["spec.odd"], with.Prune(kind, obj));
        with.Default(kind, obj);
        Assert.Equal("red", (string?)obj["spec"]!["color"]);
        Assert.Equal(
        [
            "spec.note: Too long: may not be more than 5 bytes",
            "spec.parts[1]: Duplicate value: {\"name\":\"a\"}",
            "spec.port: Invalid value: \"boolean\": spec.port in body must be of type integer,string: \"boolean\"",
            "spec.size: Invalid value: 20: spec.size in body should be less than or equal to 10",
        ], with.Validate(kind, obj).Select(e => e.ToString()).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Null_in_a_custom_object_is_as_if_the_field_were_absent_and_stays_where_the_schema_knows_nothing()
    {
        SchemaCatalog with = s_catalog.WithCrd(WidgetCrd());
        KindInfo kind = with.Find("example.com", "v1", "widgets")!;
        JsonObject obj = Json("""{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"w"},"spec":{"size":1,"note":null,"parts":null,"color":null,"free":{"x":null}}}""");
        with.Default(kind, obj);
        Assert.Empty(with.Validate(kind, obj));
        JsonObject spec = (JsonObject)obj["spec"]!;
        Assert.False(spec.ContainsKey("note") || spec.ContainsKey("parts"));
        Assert.Equal("red", (string?)spec["color"]);
        Assert.True(((JsonObject)spec["free"]!).ContainsKey("x"));
    }

    [Fact]
    public void A_value_of_a_wrong_type_makes_a_built_in_object_unreadable()
    {
        KindInfo kind = s_catalog.Find("apps", "v1", "deployments")!;
        FieldError error = Assert.Single(s_catalog.Validate(kind, Json("""{"spec":{"replicas":"three"}}""")));
        Assert.Equal("Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32", error.ToString());
        Assert.Equal(400, (int)InvalidStatus.Of(kind, "x", [error])["code"]!);
    }

    private static JsonObject Json(string json) => JsonNode.Parse(json)!.AsObject();
}
