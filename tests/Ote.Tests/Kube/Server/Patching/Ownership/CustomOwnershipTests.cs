using System.Text.Json.Nodes;
using Ote.Kube.Server.Patching.Ownership;
using Ote.Kube.Server.Schema;

namespace Ote.Tests.Kube.Server.Patching.Ownership;

public sealed class CustomOwnershipTests
{
    private const string Typed = """
        {"type":"object","properties":{"spec":{"type":"object","properties":{
          "parts":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["id","zone"],
            "items":{"type":"object","properties":{"id":{"type":"string"},"zone":{"type":"string","default":"z"},"n":{"type":"integer"}}}},
          "tags":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}},
          "plain":{"type":"array","items":{"type":"string"}},
          "whole":{"type":"object","x-kubernetes-map-type":"atomic","additionalProperties":{"type":"string"}},
          "each":{"type":"object","additionalProperties":{"type":"string"}},
          "free":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}}}
        """;

    [Fact]
    public void Fields_are_owned_as_the_definition_says() => Assert.Equal(
        """{"f:spec":{".":{},"f:each":{".":{},"f:a":{}},"f:free":{".":{},"f:a":{".":{},"f:b":{},"f:c":{}},"f:e":{}},"f:parts":{".":{},"k:{\"id\":\"x\",\"zone\":\"z\"}":{".":{},"f:id":{},"f:n":{}}},"f:plain":{},"f:tags":{".":{},"v:\"a\"":{},"v:\"b\"":{}},"f:whole":{}}}""",
        Gadgets(("v1", Typed)).Update("me",
            """{"spec":{"parts":[{"id":"x","n":1}],"tags":["b","a"],"plain":["p"],"whole":{"a":"1"},"each":{"a":"1"},"free":{"a":{"b":1,"c":[{"d":1}]},"e":{}}}}""").Owns("me"));

    [Fact]
    public void Without_a_schema_maps_are_owned_field_by_field_and_lists_as_a_whole() => Assert.Equal(
        """{"f:any":{".":{},"f:deep":{".":{},"f:x":{}},"f:list":{}},"f:metadata":{"f:labels":{".":{},"f:a":{}}}}""",
        Gadgets(("v1", null)).Update("me", """{"metadata":{"name":"g","labels":{"a":"b"}},"any":{"deep":{"x":1},"list":[{"y":1}]}}""").Owns("me"));

    [Fact]
    public void Another_version_s_entry_stays_and_loses_what_changes()
    {
        OwnershipCase gadgets = Gadgets(("v1", Typed), ("v2", null)).Update("one", """{"spec":{"each":{"a":"1","b":"1"},"parts":[{"id":"x"}]}}""");
        gadgets.Version = "v2";
        gadgets.Update("two", """{"spec":{"each":{"a":"2","b":"1"},"parts":[{"id":"y"}]}}""");
        Assert.Equal("""{"f:spec":{".":{},"f:each":{".":{},"f:b":{}},"f:parts":{}}}""", gadgets.Owns("one"));
        // In v2 the list is nobody's to divide.
        Assert.Equal("""{"f:spec":{"f:each":{"f:a":{}},"f:parts":{}}}""", gadgets.Owns("two", "test.ote/v2"));
        Assert.Equal("\"two\" using test.ote/v2", gadgets.Try("three", """{"spec":{"each":{"a":"3"}}}""").Conflicts.Single().Owner.Described());
    }

    [Fact]
    public void Entries_of_a_version_no_longer_served_are_dropped()
    {
        OwnershipCase gadgets = Gadgets(("v1", Typed)).Update("one", """{"spec":{"each":{"a":"1"}}}""");
        gadgets.Managed = ManagedEntries.Of([.. gadgets.Managed.All, new ManagedEntry("old", false, "test.ote/v0", null, null, FieldSet.Of(PathElement.Field("spec")))]);
        Assert.Equal(["one"], gadgets.Update("one", """{"spec":{"each":{"a":"2"}}}""").Managed.All.Select(e => e.Manager));
    }

    [Fact]
    public void Who_owned_a_part_of_what_became_atomic_owns_the_whole()
    {
        OwnershipCase gadgets = Gadgets(("v1", Typed)).Update("one", """{"spec":{"whole":{"a":"1"},"each":{"a":"1"}}}""");
        gadgets.Managed = ManagedEntries.Of([new ManagedEntry("one", false, "test.ote/v1", null, null, FieldsV1.Parse(JsonNode.Parse("""{"f:spec":{"f:whole":{".":{},"f:a":{}}}}""")))]);
        Assert.Equal([".spec.whole"], gadgets.Try("two", """{"spec":{"whole":{"b":"1"}}}""").Conflicts.Single().Fields.Paths());
    }

    [Fact]
    public void What_the_last_owner_leaves_out_goes_with_the_map_that_it_empties() =>
        Gadgets(("v1", Typed)).Apply("me", """{"spec":{"each":{"a":"1"},"tags":["t"],"parts":[{"id":"x","n":1}]}}""")
            .Update("you", """{"spec":{"each":{"a":"1"},"tags":["t"],"parts":[{"id":"x","n":1},{"id":"y","n":1}]}}""")
            .Apply("me", """{"spec":{}}""").Holds("""{"spec":{"parts":[{"id":"y","n":1}]}}""");

    private static OwnershipCase Gadgets(params (string Name, string? Schema)[] versions)
    {
        JsonArray list = [.. versions.Select((v, i) => (JsonNode)new JsonObject
        {
            ["name"] = v.Name,
            ["served"] = true,
            ["storage"] = i == 0,
            ["schema"] = v.Schema is null ? null : new JsonObject { ["openAPIV3Schema"] = JsonNode.Parse(v.Schema) },
        })];
        JsonObject crd = new()
        {
            ["metadata"] = new JsonObject { ["name"] = "gadgets.test.ote" },
            ["spec"] = new JsonObject
            {
                ["group"] = "test.ote",
                ["scope"] = "Namespaced",
                ["names"] = new JsonObject { ["plural"] = "gadgets", ["kind"] = "Gadget" },
                ["versions"] = list,
            },
        };
        return new OwnershipCase(SchemaCatalog.BuiltIn.WithCrd(crd), "test.ote", versions[0].Name, "gadgets");
    }
}
