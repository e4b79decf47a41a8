using System.Text.Json.Nodes;
using CsCheck;
using Ote.Kube.Server.Patching.Ownership;

namespace Ote.Tests.Kube.Server.Patching.Ownership;

public sealed class FieldSetTests
{
    private static readonly string[] s_steps = ["f:a", "f:b", "k:{\"n\":1}", "v:\"a\"", "i:1"];

    [Fact]
    public void A_document_is_written_sorted_as_the_real_server_sorts_it() => Assert.Equal(
        """{"f:a":{},"f:ports":{".":{},"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{},"k:{\"containerPort\":443,\"protocol\":\"TCP\"}":{".":{},"f:name":{}},"v:\"a\"":{},"i:2":{},"i:10":{}}}""",
        Text(Set("""
            {"f:ports":{"i:10":{},"v:\"a\"":{},"i:2":{},"k:{\"protocol\":\"TCP\",\"containerPort\":443}":{"f:name":{},".":{}},
             "k:{\"containerPort\":80.0,\"protocol\":\"TCP\"}":{},".":{}},"f:a":{}}
            """)));

    [Fact]
    public void Two_texts_of_one_key_are_one_step() => Assert.Equal(
        """{"f:l":{"k:{\"a\":1,\"b\":2}":{".":{},"f:x":{},"f:y":{}}}}""",
        Text(Set("""{"f:l":{"k:{\"a\":1,\"b\":2}":{"f:x":{}},"k:{\"b\":2,\"a\":1}":{".":{},"f:y":{}}}}""")));

    [Fact]
    public void Steps_of_an_unknown_kind_are_passed_over() => Assert.Equal("""{"f:a":{}}""", Text(Set("""{"f:a":{},"z:later":{"f:b":{}},"f:gone":{"z:1":{}}}""")));

    [Theory]
    [InlineData("[]")]
    [InlineData("3")]
    [InlineData("""{"f:a":3}""")]
    [InlineData("""{"nothing":{}}""")]
    [InlineData("""{"f":{}}""")]
    [InlineData("""{"":{}}""")]
    [InlineData("""{"k:name":{}}""")]
    [InlineData("""{"k:[1]":{}}""")]
    [InlineData("""{"v:{":{}}""")]
    [InlineData("""{"i:one":{}}""")]
    [InlineData("""{"i:99999999999999":{}}""")]
    [InlineData("""{"k:{\"a\":1,\"a\":2}":{}}""")]
    public void What_is_no_set_of_fields_is_refused(string text) => Assert.Throws<FormatException>(() => FieldsV1.Parse(JsonNode.Parse(text)));

    [Fact]
    public void A_member_may_go_and_what_is_below_it_stay()
    {
        FieldSet set = Set("""{"f:a":{".":{},"f:b":{}}}""");
        Assert.Equal("""{"f:a":{"f:b":{}}}""", Text(set.Difference(Set("""{"f:a":{}}"""))));
        Assert.Equal("""{"f:a":{}}""", Text(set.Difference(Set("""{"f:a":{"f:b":{}}}"""))));
        Assert.True(set.Difference(set).IsEmpty);
    }

    [Fact]
    public void What_changes_nothing_gives_the_same_instance()
    {
        FieldSet set = FieldSet.OfStored(Json("""{"f:a":{".":{},"f:b":{}},"f:c":{}}"""));
        Assert.Same(set, set.Union(Set("""{"f:a":{"f:b":{}}}""")));
        Assert.Same(set, set.Difference(Set("""{"f:d":{},"f:a":{"f:z":{}}}""")));
    }

    [Fact]
    public void Paths_are_told_level_by_level() => Assert.Equal(
        [".z", ".a.b", ".a[=\"v\"]", ".a[name=\"x\",port=80].q"],
        Set("""{"f:a":{"f:b":{},"k:{\"name\":\"x\",\"port\":80}":{"f:q":{}},"v:\"v\"":{}},"f:z":{}}""").Paths());

    [Fact]
    public void Sets_obey_the_laws_of_sets() => Gen.Select(Sets(3), Sets(3), Sets(3)).Sample((x, y, z) =>
    {
        (FieldSet a, FieldSet b, FieldSet c) = (Set(x), FieldSet.OfStored(Json(y)), Set(z));
        return a.Union(b).SetEquals(b.Union(a))
            && a.Union(b).Union(c).SetEquals(a.Union(b.Union(c)))
            && a.Intersection(b).SetEquals(a.Difference(a.Difference(b)))
            && a.Difference(b).Union(a.Intersection(b)).SetEquals(a)
            && a.Union(b).Difference(b).SetEquals(a.Difference(b))
            && a.Difference(b).Intersection(b).IsEmpty
            && Set(Text(a)).SetEquals(a)
            && Text(Set(Text(b))) == Text(b);
    });

    /// <summary>Documents of sets without dead ends.</summary>
    private static Gen<string> Sets(int depth) => Documents(depth).Select(map => FieldsV1.ToJson(FieldsV1.Parse(map)).ToJsonString());

    private static Gen<JsonObject> Documents(int depth) => Gen.Select(Gen.Int[0, 4].Select(i => s_steps[i]), Gen.Bool, Gen.Int[0, 2]).Array[0, 4].SelectMany(parts =>
        (depth == 0 ? Gen.Const(new JsonObject()) : Documents(depth - 1)).Array[parts.Length].Select(below =>
        {
            JsonObject map = [];
            for (int i = 0; i < parts.Length; i++)
            {
                JsonObject inner = (JsonObject)below[i].DeepClone();
                if (parts[i].Item2)
                    inner["."] = new JsonObject();
                map[parts[i].Item1] = inner;
            }
            return map;
        }));

    private static FieldSet Set(string text) => FieldsV1.Parse(JsonNode.Parse(text));

    private static JsonObject Json(string text) => (JsonObject)JsonNode.Parse(text)!;

    private static string Text(FieldSet set) => FieldsV1.ToJson(set).ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
