using System.Text.Json.Nodes;
using CsCheck;
using Ote.Kube.Server.Patching;
using Ote.Kube.Server.Schema;

namespace Ote.Tests.Kube.Server.Patching;

public sealed class PatchTests
{
    private static readonly KindInfo s_pods = SchemaCatalog.BuiltIn.Find("", "v1", "pods")!;
    private static readonly KindInfo s_deployments = SchemaCatalog.BuiltIn.Find("apps", "v1", "deployments")!;

    [Theory]
    [InlineData("""{"a":{"b":1}}""", """[{"op":"add","path":"/a/c","value":2}]""", """{"a":{"b":1,"c":2}}""")]
    [InlineData("""{"a":[1,3]}""", """[{"op":"add","path":"/a/1","value":2},{"op":"add","path":"/a/-","value":4}]""", """{"a":[1,2,3,4]}""")]
    [InlineData("""{"a":1}""", """[{"op":"replace","path":"/a","value":null}]""", """{"a":null}""")]
    [InlineData("""{"a":1,"b":2}""", """[{"op":"remove","path":"/a"}]""", """{"b":2}""")]
    [InlineData("""{"a":{"x":1}}""", """[{"op":"move","from":"/a/x","path":"/y"}]""", """{"a":{},"y":1}""")]
    [InlineData("""{"a":{"x":1}}""", """[{"op":"copy","from":"/a","path":"/b"},{"op":"test","path":"/b/x","value":1.0}]""", """{"a":{"x":1},"b":{"x":1}}""")]
    [InlineData("""{"m/n":1,"o~p":2}""", """[{"op":"remove","path":"/m~1n"},{"op":"replace","path":"/o~0p","value":3}]""", """{"o~p":3}""")]
    [InlineData("""{"":1}""", """[{"op":"replace","path":"/","value":2}]""", """{"":2}""")]
    [InlineData("""{"a":1}""", """[{"op":"replace","path":"","value":{"b":2}}]""", """{"b":2}""")]
    public void Json_patch_applies(string doc, string patch, string expected)
    {
        JsonNode before = Json(doc);
        Same(expected, JsonPatch.Apply(before, Json(patch).AsArray()));
        Same(doc, before);
    }

    [Theory]
    [InlineData("""[{"op":"test","path":"/a","value":2}]""", PatchFailure.TestFailed)]
    [InlineData("""[{"op":"test","path":"/zz","value":2}]""", PatchFailure.TestFailed)]
    [InlineData("""[{"op":"remove","path":"/zz"}]""", PatchFailure.Unprocessable)]
    [InlineData("""[{"op":"replace","path":"/zz/y","value":1}]""", PatchFailure.Unprocessable)]
    [InlineData("""[{"op":"add","path":"/l/5","value":1}]""", PatchFailure.Unprocessable)]
    [InlineData("""[{"op":"add","path":"/l/01","value":1}]""", PatchFailure.Unprocessable)]
    [InlineData("""[{"op":"add","path":"/a/b","value":1}]""", PatchFailure.Unprocessable)]
    [InlineData("""[{"op":"add","path":"a","value":1}]""", PatchFailure.Malformed)]
    [InlineData("""[{"op":"add","path":"/a"}]""", PatchFailure.Malformed)]
    [InlineData("""[{"op":"frob","path":"/a"}]""", PatchFailure.Malformed)]
    [InlineData("""[{"op":"move","from":"/l","path":"/l/0"}]""", PatchFailure.Malformed)]
    [InlineData("""[7]""", PatchFailure.Malformed)]
    public void Json_patch_that_does_not_fit_is_refused(string patch, PatchFailure reason) =>
        Assert.Equal(reason, Assert.Throws<PatchException>(() => JsonPatch.Apply(Json("""{"a":1,"l":[1]}"""), Json(patch).AsArray())).Reason);

    [Fact]
    public void Json_patch_whose_copies_double_without_end_is_refused()
    {
        JsonArray patch = [];
        for (int i = 0; i < 64; i++)
            patch.Add((JsonNode)new JsonObject { ["op"] = "copy", ["from"] = "", ["path"] = "/x" + i });
        Assert.Equal(PatchFailure.TooLarge, Assert.Throws<PatchException>(() => JsonPatch.Apply(Json("""{"a":1}"""), patch)).Reason);
    }

    [Theory]
    [InlineData("""{"a":"b"}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"b","b":"c"}""", """{"a":null}""", """{"b":"c"}""")]
    [InlineData("""{"a":[{"b":"c"}]}""", """{"a":[1]}""", """{"a":[1]}""")]
    [InlineData("""{"e":null}""", """{"a":1}""", """{"e":null,"a":1}""")]
    [InlineData("""{}""", """{"a":{"bb":{"ccc":null}}}""", """{"a":{"bb":{}}}""")]
    [InlineData("""[1]""", """{"a":1}""", """{"a":1}""")]
    public void Merge_patch_follows_the_rfc(string doc, string patch, string expected) => Same(expected, MergePatch.Apply(Json(doc), Json(patch)));

    [Fact]
    public void Merge_patch_of_a_difference_leads_from_one_document_to_the_other() => Gen.Select(Documents(3), Documents(3)).Sample((a, b) =>
    {
        JsonNode from = Json(a), to = Json(b);
        Same(b, MergePatch.Apply(from, MergePatch.Diff(from, to)));
        Same(a, from);
    });

    [Fact]
    public void Strategic_merge_patch_merges_what_a_merge_patch_would_as_long_as_there_are_no_lists() =>
        Gen.Select(Documents(3, lists: false), Documents(3, lists: false)).Sample((a, b) =>
        {
            JsonObject doc = Json(a).AsObject(), patch = Json(b).AsObject();
            Same(MergePatch.Apply(doc, patch)!.ToJsonString(), StrategicMergePatch.Apply(doc, patch, (SchemaNode?)null));
        });

    [Theory]
    // Containers merge by name; new ones stand where the patch has them, or first.
    [InlineData("""{"spec":{"containers":[{"name":"a","image":"1"},{"name":"b","image":"1"}]}}""", """{"spec":{"containers":[{"name":"b","image":"2"},{"name":"c"}]}}""",
        """{"spec":{"containers":[{"name":"a","image":"1"},{"name":"b","image":"2"},{"name":"c"}]}}""")]
    [InlineData("""{"spec":{"containers":[{"name":"a"}]}}""", """{"spec":{"containers":[{"name":"b"}]}}""", """{"spec":{"containers":[{"name":"b"},{"name":"a"}]}}""")]
    // Nested keyed lists.
    [InlineData("""{"spec":{"containers":[{"name":"a","env":[{"name":"X","value":"1"},{"name":"Y","value":"1"}]}]}}""", """{"spec":{"containers":[{"name":"a","env":[{"name":"Y","value":"2"}]}]}}""",
        """{"spec":{"containers":[{"name":"a","env":[{"name":"X","value":"1"},{"name":"Y","value":"2"}]}]}}""")]
    [InlineData("""{"spec":{"containers":[{"name":"a"},{"name":"b"}]}}""", """{"spec":{"containers":[{"name":"a","$patch":"delete"}]}}""", """{"spec":{"containers":[{"name":"b"}]}}""")]
    [InlineData("""{"spec":{"containers":[{"name":"a"},{"name":"b"}]}}""", """{"spec":{"containers":[{"$patch":"replace"},{"name":"c"}]}}""", """{"spec":{"containers":[{"name":"c"}]}}""")]
    [InlineData("""{"metadata":{"labels":{"a":"1","b":"2"}}}""", """{"metadata":{"labels":{"$patch":"replace","c":"3"}}}""", """{"metadata":{"labels":{"c":"3"}}}""")]
    [InlineData("""{"metadata":{"labels":{"a":"1"},"name":"x"}}""", """{"metadata":{"labels":{"$patch":"delete"}}}""", """{"metadata":{"name":"x"}}""")]
    // Lists without merge strategy are replaced.
    [InlineData("""{"spec":{"containers":[{"name":"a","args":["1","2"]}]}}""", """{"spec":{"containers":[{"name":"a","args":["3"]}]}}""", """{"spec":{"containers":[{"name":"a","args":["3"]}]}}""")]
    // Finalizers are a set of scalars.
    [InlineData("""{"metadata":{"finalizers":["a","b"]}}""", """{"metadata":{"finalizers":["b","c"]}}""", """{"metadata":{"finalizers":["a","b","c"]}}""")]
    [InlineData("""{"metadata":{"finalizers":["a","b"]}}""", """{"metadata":{"$deleteFromPrimitiveList/finalizers":["a"]}}""", """{"metadata":{"finalizers":["b"]}}""")]
    [InlineData("""{"metadata":{"finalizers":["a","b"]}}""", """{"metadata":{"$setElementOrder/finalizers":["c","b"],"finalizers":["c"],"$deleteFromPrimitiveList/finalizers":["a"]}}""",
        """{"metadata":{"finalizers":["c","b"]}}""")]
    // The order asked for, with the server's own element kept before the one it stood before.
    [InlineData("""{"spec":{"containers":[{"name":"own"},{"name":"a"},{"name":"b"}]}}""", """{"spec":{"$setElementOrder/containers":[{"name":"b"},{"name":"a"}],"containers":[{"name":"b","image":"2"}]}}""",
        """{"spec":{"containers":[{"name":"own"},{"name":"b","image":"2"},{"name":"a"}]}}""")]
    [InlineData("""{"spec":{"containers":[{"name":"a"},{"name":"b"}]}}""", """{"spec":{"$setElementOrder/containers":[{"name":"b"},{"name":"a"}]}}""", """{"spec":{"containers":[{"name":"b"},{"name":"a"}]}}""")]
    // Null removes, also inside what is new.
    [InlineData("""{"spec":{"nodeName":"n"}}""", """{"spec":{"nodeName":null,"securityContext":{"runAsUser":null}}}""", """{"spec":{"securityContext":{}}}""")]
    // A directive never stays in the object.
    [InlineData("""{}""", """{"spec":{"containers":[{"name":"a","$patch":"delete"},{"name":"b"}],"$setElementOrder/containers":[{"name":"b"}]}}""", """{"spec":{"containers":[{"name":"b"}]}}""")]
    [InlineData("""{"spec":{"volumes":[{"name":"v","emptyDir":{}}]}}""", """{"spec":{"volumes":[{"name":"v","$retainKeys":["name","hostPath"],"hostPath":{"path":"/x"}}]}}""",
        """{"spec":{"volumes":[{"name":"v","hostPath":{"path":"/x"}}]}}""")]
    [InlineData("""{"status":{"conditions":[{"type":"Ready","status":"True"}]}}""", """{"status":{"conditions":[{"type":"Ready","status":"False"},{"type":"X","status":"True"}]}}""",
        """{"status":{"conditions":[{"type":"Ready","status":"False"},{"type":"X","status":"True"}]}}""")]
    public void Strategic_merge_patch_applies(string doc, string patch, string expected)
    {
        JsonObject before = Json(doc).AsObject(), change = Json(patch).AsObject();
        Same(expected, StrategicMergePatch.Apply(before, change, s_pods));
        Same(doc, before);
        Same(patch, change);
    }

    [Fact]
    public void Retained_keys_drop_the_rolling_update_when_the_strategy_changes() => Same(
        """{"spec":{"strategy":{"type":"Recreate"}}}""",
        StrategicMergePatch.Apply(
            Json("""{"spec":{"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}}}}""").AsObject(),
            Json("""{"spec":{"strategy":{"$retainKeys":["type"],"type":"Recreate"}}}""").AsObject(), s_deployments));

    [Theory]
    [InlineData("""{"spec":{"containers":[{"image":"x"}]}}""", PatchFailure.Malformed, "does not contain declared merge key: name")]
    [InlineData("""{"spec":{"containers":["x"]}}""", PatchFailure.Malformed, "not an object")]
    [InlineData("""{"metadata":{"$patch":"frob"}}""", PatchFailure.Malformed, "unknown patch type found: frob")]
    [InlineData("""{"metadata":{"$retainKeys":["a"],"b":"c"}}""", PatchFailure.Malformed, "retainKeys")]
    [InlineData("""{"metadata":{"$deleteFromPrimitiveList/finalizers":"a"}}""", PatchFailure.Malformed, "primitive list")]
    public void Strategic_merge_patch_that_is_wrong_is_refused(string patch, PatchFailure reason, string message)
    {
        PatchException e = Assert.Throws<PatchException>(() => StrategicMergePatch.Apply(
            Json("""{"spec":{"containers":[{"name":"a"}]}}""").AsObject(), Json(patch).AsObject(), s_pods));
        Assert.Equal(reason, e.Reason);
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_patch_whose_copies_multiply_one_long_text_is_refused()
    {
        JsonObject doc = new() { ["a"] = new string('x', 1_000_000) };
        JsonArray patch = [.. Enumerable.Range(0, 10).Select(i => (JsonNode)new JsonObject { ["op"] = "copy", ["from"] = "/a", ["path"] = "/b" + i })];
        Assert.Equal(PatchFailure.TooLarge, Assert.Throws<PatchException>(() => JsonPatch.Apply(doc, patch)).Reason);
    }

    [Fact]
    public void Json_patch_that_moves_a_large_tree_again_and_again_does_not_copy_it_each_time()
    {
        JsonObject doc = new() { ["a"] = new JsonArray([.. Enumerable.Range(0, 100_000).Select(i => (JsonNode)i)]) };
        JsonArray patch = [.. Enumerable.Range(0, 10_000).Select(i => (JsonNode)new JsonObject { ["op"] = "move", ["from"] = i % 2 == 0 ? "/a" : "/b", ["path"] = i % 2 == 0 ? "/b" : "/a" })];
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(100_000, JsonPatch.Apply(doc, patch)!["a"]!.AsArray().Count);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200_000_000);
    }

    [Fact]
    public void Json_patch_that_changes_the_front_of_a_large_list_without_end_is_refused()
    {
        JsonObject doc = new() { ["a"] = new JsonArray([.. Enumerable.Range(0, 100_000).Select(i => (JsonNode)i)]) };
        JsonArray patch = [.. Enumerable.Range(0, 10_000).Select(_ => (JsonNode)new JsonObject { ["op"] = "add", ["path"] = "/a/0", ["value"] = 1 })];
        Assert.Equal(PatchFailure.TooLarge, Assert.Throws<PatchException>(() => JsonPatch.Apply(doc, patch)).Reason);
    }

    [Theory] // Half a million by half a million would be hours, were each looked for among all.
    [InlineData("merge")]
    [InlineData("strategic")]
    [InlineData("delete")]
    [InlineData("elements")]
    public async Task Patch_that_takes_very_much_away_costs_what_it_is_long(string form)
    {
        const int Many = 400_000;
        string[] names = [.. Enumerable.Range(0, Many).Select(i => "k" + i)];
        JsonObject map = new() { ["data"] = new JsonObject(names.Select(n => KeyValuePair.Create(n, (JsonNode?)"v"))) };
        JsonObject nulls = new() { ["data"] = new JsonObject(names.Select(n => KeyValuePair.Create(n, (JsonNode?)null))) };
        Task<int> left = Task.Run(() => form switch
        {
            "merge" => MergePatch.Apply(map, nulls)!["data"]!.AsObject().Count,
            "strategic" => StrategicMergePatch.Apply(map, nulls, s_pods)["data"]!.AsObject().Count,
            "delete" => StrategicMergePatch.Apply(
                Finalizers("finalizers", names), Finalizers("$deleteFromPrimitiveList/finalizers", names), s_pods)["metadata"]!["finalizers"]!.AsArray().Count,
            _ => StrategicMergePatch.Apply(Containers(names[..10_000], null), Containers(names[..10_000], "delete"), s_pods)["spec"]!["containers"]!.AsArray().Count,
        }, TestContext.Current.CancellationToken);
        Assert.Equal(0, await left.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));

        static JsonObject Finalizers(string field, string[] names) => new() { ["metadata"] = new JsonObject { [field] = new JsonArray([.. names.Select(n => (JsonNode)n)]) } };

        static JsonObject Containers(string[] names, string? directive) => new()
        {
            ["spec"] = new JsonObject
            {
                ["containers"] = new JsonArray([.. names.Select(n => (JsonNode)(directive is null ? new JsonObject { ["name"] = n } : new JsonObject { ["name"] = n, ["$patch"] = directive }))]),
            },
        };
    }

    private static Gen<string> Documents(int depth, bool lists = true) => Objects(depth, lists).Select(o => o.ToJsonString());

    private static Gen<JsonNode> Objects(int depth, bool lists) =>
        Gen.Select(Gen.Char["abc"], Values(depth - 1, lists)).Array[0, 3].Select(pairs =>
        {
            JsonObject o = [];
            foreach ((char name, JsonNode value) in pairs)
                o[name.ToString()] = value.DeepClone();
            return (JsonNode)o;
        });

    private static Gen<JsonNode> Values(int depth, bool lists)
    {
        Gen<JsonNode> scalar = Gen.Int[0, 3].Select(i => i == 3 ? JsonValue.Create("t") : (JsonNode)JsonValue.Create(i));
        if (depth <= 0)
            return scalar;
        Gen<JsonNode> list = scalar.Array[0, 3].Select(a => (JsonNode)new JsonArray([.. a.Select(x => x.DeepClone())]));
        return lists ? Gen.OneOf(scalar, list, Objects(depth, lists)) : Gen.OneOf(scalar, Objects(depth, lists));
    }

    private static JsonNode Json(string text) => JsonNode.Parse(text)!;

    private static void Same(string expected, JsonNode? actual) =>
        Assert.True(JsonNode.DeepEquals(Json(expected), actual), $"expected {expected}\nbut was  {actual?.ToJsonString()}");
}
