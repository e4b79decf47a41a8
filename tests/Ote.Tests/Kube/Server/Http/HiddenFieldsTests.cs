using System.Text.Json.Nodes;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Schema;

namespace Ote.Tests.Kube.Server.Http;

/// <summary>Which writes would take away what is at the cluster and not shown.</summary>
public sealed class HiddenFieldsTests
{
    private const string Env = "spec.template.spec.containers[].env";
    private const string EnvFrom = "spec.template.spec.containers[].envFrom";
    private const string Volumes = "spec.template.spec.volumes";
    private static readonly HiddenFields Hidden = new([Env, EnvFrom, "spec.template.spec.containers[].command", "spec.template.spec.containers[].readinessProbe", Volumes]);
    private static readonly SchemaNode Deployment = SchemaCatalog.BuiltIn.Find("apps", "v1", "deployments")!.Schema;

    [Theory]
    [InlineData("""{"spec":{"replicas":3} }""", null)]
    [InlineData("""{"metadata":{"labels":{"a":"b"} } }""", null)]
    [InlineData("""{"spec":{"template":{"metadata":{"annotations":{"a":"b"} } } } }""", null)]
    [InlineData("""{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"i:2"}]} } } }""", Env)] // a list goes whole
    [InlineData("""{"spec":{"template":{"spec":{"volumes":[{"name":"new"}]} } } }""", Volumes)]
    [InlineData("""{"spec":{"template":{"spec":{"volumes":null} } } }""", null)] // it is named, and meant
    public void A_merge_patch_replaces_lists(string patch, string? lost) => Assert.Equal(lost, Hidden.LostByMerge(Read(patch)));

    [Theory]
    [InlineData("""{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"i:2"}],"$setElementOrder/containers":[{"name":"web"}]} } } }""", null)]
    [InlineData("""{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"A","value":"1"}]}],"volumes":[{"name":"new","emptyDir":{} }]} } } }""", null)] // beside what is there
    [InlineData("""{"spec":{"template":{"spec":{"containers":[{"name":"web","command":["sh"],"readinessProbe":{"exec":{"command":["true"]} } }]} } } }""", null)]
    [InlineData("""{"spec":{"template":{"spec":{"containers":[{"name":"web","envFrom":[{"configMapRef":{"name":"m"} }]}]} } } }""", EnvFrom)] // this list is not merged
    [InlineData("""{"spec":{"template":{"spec":{"containers":[{"$patch":"delete","name":"web"}]} } } }""", null)]
    [InlineData("""{"spec":{"template":{"spec":{"containers":[{"name":"web"},{"$patch":"replace"}]} } } }""", Env)]
    [InlineData("""{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"$patch":"replace"},{"name":"A","value":"1"}]}]} } } }""", Env)]
    [InlineData("""{"spec":{"template":{"$patch":"replace","spec":{} } } }""", Env)]
    [InlineData("""{"spec":{"template":{"spec":{"$retainKeys":["containers"],"containers":[{"name":"web"}]} } } }""", Volumes)]
    public void A_strategic_merge_patch_replaces_where_it_says_so_and_lists_that_are_not_merged(string patch, string? lost) =>
        Assert.Equal(lost, Hidden.LostByStrategicMerge(Read(patch), Deployment));

    [Theory]
    [InlineData("""[{"op":"replace","path":"/spec/replicas","value":3}]""", null)]
    [InlineData("""[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"i:2"}]""", null)]
    [InlineData("""[{"op":"add","path":"/spec/template/spec/containers/-","value":{"name":"side"} }]""", null)]
    [InlineData("""[{"op":"add","path":"/spec/template/spec/containers/0","value":{"name":"side"} }]""", null)] // before the others
    [InlineData("""[{"op":"remove","path":"/spec/template/spec/containers/1"}]""", null)]
    [InlineData("""[{"op":"test","path":"/spec/template/spec/containers","value":[]}]""", null)]
    [InlineData("""[{"op":"replace","path":"/spec/template/spec/containers/0","value":{"name":"web"} }]""", Env)]
    [InlineData("""[{"op":"add","path":"/spec/template/spec/containers","value":[]}]""", Env)]
    [InlineData("""[{"op":"copy","from":"/metadata","path":"/spec/template"}]""", Env)]
    [InlineData("""[{"op":"replace","path":"","value":{} }]""", Env)]
    [InlineData("""[{"op":"add","path":"/spec/template/spec/containers/0/env","value":[]}]""", Env)]
    [InlineData("""[{"op":"add","path":"/spec/template/spec/containers/0/env/-","value":{"name":"A"} }]""", null)]
    [InlineData("""[{"op":"replace","path":"/spec/template/spec/containers/0/command","value":["sh"]}]""", null)]
    [InlineData("""[{"op":"remove","path":"/spec/template/spec/volumes"}]""", null)]
    public void A_JSON_patch_replaces_what_its_path_names(string patch, string? lost) => Assert.Equal(lost, Hidden.LostByJsonPatch((JsonArray)JsonNode.Parse(patch)!));

    [Theory]
    [InlineData("""{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"i"}]} } } }""", Env)]
    [InlineData("""{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"i","env":[{"name":"B","value":"2"}]}]} } } }""", null)] // it is written, and meant
    [InlineData("""{"spec":{"template":{"spec":{"containers":[{"name":"other","image":"i"}]} } } }""", null)] // the container is shown, and left out
    [InlineData("""{"metadata":{"labels":{"a":"b"} } }""", null)]
    public void An_apply_takes_away_what_its_manager_has_applied_and_leaves_out(string applied, string? lost) => Assert.Equal(lost, Hidden.LostByApply(Read(applied), Read(
        """{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"web\"}":{".":{},"f:name":{},"f:image":{},"f:env":{"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{} } } } } } } } }""")));

    [Fact]
    public void An_apply_takes_away_nothing_that_its_manager_has_not_applied() => Assert.Null(Hidden.LostByApply(
        Read("""{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"i"}]} } } }"""), Read("""{"f:spec":{"f:replicas":{} } }""")));

    [Fact]
    public void To_replace_a_part_takes_away_what_is_hidden_in_that_part()
    {
        var node = new HiddenFields(["status.images"]);
        Assert.Equal("status.images", node.LostByReplace("status"));
        Assert.Null(Hidden.LostByReplace("status"));
        Assert.Equal(Env, Hidden.LostByReplace("ephemeralcontainers"));
    }

    private static JsonObject Read(string json) => (JsonObject)JsonNode.Parse(json)!;
}
