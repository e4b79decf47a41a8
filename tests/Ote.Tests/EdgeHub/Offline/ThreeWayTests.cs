using System.Text.Json.Nodes;
using CsCheck;
using Ote.EdgeHub.Offline;
using Ote.Kube.Server.Patching;

namespace Ote.Tests.EdgeHub.Offline;

public sealed class ThreeWayTests
{
    [Theory]
    [InlineData("""{"a":1}""", """{"a":2}""", """{"a":1,"b":3}""", """{"a":2}""")] // what others added stays
    [InlineData("""{"a":1}""", """{"a":1}""", """{"a":5}""", "{}")] // what only others changed stays
    [InlineData("""{"a":1,"b":1}""", """{"a":1}""", """{"a":1,"b":1}""", """{"b":null}""")]
    [InlineData("""{"a":{"x":1,"y":1}}""", """{"a":{"x":2,"y":1}}""", """{"a":{"x":1,"y":7}}""", """{"a":{"x":2}}""")]
    [InlineData("""{"a":1}""", """{"a":2}""", """{"a":2}""", "{}")] // told already
    [InlineData("{}", """{"a":{"x":1}}""", "{}", """{"a":{"x":1}}""")]
    public void Only_what_changed_here_is_told(string before, string here, string there, string patch) =>
        Assert.Equal(patch, ThreeWay.Patch(Read(before), Read(here), Read(there), Owner.Node, "status", []).ToJsonString());

    [Fact]
    public void Of_conditions_only_the_types_that_changed_here_are_told()
    {
        var patch = ThreeWay.Patch(
            Read("""{"conditions":[{"type":"Ready","status":"True"},{"type":"Disk","status":"False"}]}"""),
            Read("""{"conditions":[{"type":"Ready","status":"False"},{"type":"Disk","status":"False"},{"type":"New","status":"True"}]}"""),
            Read("""{"conditions":[{"type":"Gate","status":"True"},{"type":"Ready","status":"Unknown"},{"type":"Disk","status":"Unknown"}]}"""), Owner.Node, "status", []);
        Assert.Equal(
            """{"conditions":[{"type":"Gate","status":"True"},{"type":"Ready","status":"False"},{"type":"Disk","status":"Unknown"},{"type":"New","status":"True"}]}""", patch.ToJsonString());
    }

    [Theory]
    [InlineData("Node", """{"a":2}""", "the node's is told")]
    [InlineData("Upstream", "{}", "the API server's stays")]
    public void What_both_changed_is_a_conflict_and_its_owner_is_right(string owner, string patch, string said)
    {
        var conflicts = new List<string>();
        Assert.Equal(patch, ThreeWay.Patch(Read("""{"a":1}"""), Read("""{"a":2}"""), Read("""{"a":3}"""), Enum.Parse<Owner>(owner), "labels", conflicts).ToJsonString());
        Assert.Equal(["labels.a was changed on both sides; " + said], conflicts);
    }

    [Fact]
    public void Patch_brings_every_change_made_here_and_undoes_none_made_there_and_telling_it_twice_does_nothing()
    {
        var keys = Gen.Int[0, 3].Select(key => "abcd"[key].ToString());
        var flat = Gen.Dictionary(keys, Gen.Int[0, 2])[0, 4].Select(Object);
        Gen.Select(flat, flat, flat).Sample((before, here, there) =>
        {
            var merged = MergePatch.Apply(there.DeepClone(), ThreeWay.Patch(before, here, there, Owner.Node, "", []))!.AsObject();
            foreach (var key in (string[])["a", "b", "c", "d"])
            {
                var expected = JsonNode.DeepEquals(before[key], here[key]) ? there[key] : here[key];
                Assert.True(JsonNode.DeepEquals(expected, merged[key]), key);
            }

            Assert.Empty(ThreeWay.Patch(before, here, merged, Owner.Node, "", []));
        });
    }

    private static JsonObject Object(Dictionary<string, int> fields) => new(fields.Select(field => KeyValuePair.Create(field.Key, (JsonNode?)field.Value)));

    private static JsonObject Read(string json) => (JsonObject)JsonNode.Parse(json)!;
}
