using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Objects;

namespace Ote.Tests.Kube.Server.Http;

public sealed class ApplyTests
{
    private const string Apply = "application/apply-patch+yaml";
    private const string Merge = "application/merge-patch+json";
    private const string Map = "api/v1/namespaces/default/configmaps/x";
    private const string Web = "apis/apps/v1/namespaces/default/deployments/web";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Conflict_names_the_owner_and_each_field()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.SendAsync(HttpMethod.Patch, Map + "?fieldManager=one", Config("a: '1', b: '1'"), Apply);
        var (code, refused) = await api.SendAsync(HttpMethod.Patch, Map + "?fieldManager=two", Config("a: '2', b: '2'"), Apply);
        Assert.Equal((409, "Conflict", "Apply failed with 2 conflicts: conflicts with \"one\":\n- .data.a\n- .data.b"), (code, refused.Text("reason"), refused.Text("message")));
        Assert.Equal(
            """[{"reason":"FieldManagerConflict","message":"conflict with \"one\"","field":".data.a"},{"reason":"FieldManagerConflict","message":"conflict with \"one\"","field":".data.b"}]""",
            refused["details"]!["causes"]!.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
        Assert.Equal(200, (await api.SendAsync(HttpMethod.Patch, Map + "?fieldManager=two&force=true", Config("a: '2', b: '2'"), Apply)).Code);
    }

    [Theory]
    [InlineData("labels: {x: z}")]
    [InlineData("annotations: {x: z}")]
    [InlineData("finalizers: [example.com/x]")]
    public async Task Applier_may_give_up_all_of_metadata_that_it_had(string metadata)
    {
        await using var api = await ApiServerFixture.StartAsync();
        var with = $"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n  {metadata}\ndata: {{a: '1'}}\n";
        Assert.Equal(201, (await api.SendAsync(HttpMethod.Patch, Map + "?fieldManager=one", with, Apply)).Code);
        var (code, left) = await api.SendAsync(HttpMethod.Patch, Map + "?fieldManager=one", Config("a: '1'"), Apply);
        Assert.Equal((200, "x"), (code, left.Name()));
        Assert.DoesNotContain(metadata[..metadata.IndexOf(':', StringComparison.Ordinal)], ((JsonObject)left["metadata"]!).Select(f => f.Key));
    }

    [Fact]
    public async Task Configuration_of_another_kind_is_refused_and_changes_nothing()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.SendAsync(HttpMethod.Patch, Map + "?fieldManager=one", Config("a: '1'"), Apply);
        var (code, refused) = await api.SendAsync(HttpMethod.Patch, Map + "?fieldManager=one", "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n", Apply);
        Assert.Equal((400, "Incorrect kind specified in apply patch. Specified patch kind: Secret, expected: ConfigMap"), (code, refused.Text("message")));
        Assert.Equal("1", (await api.SendAsync(HttpMethod.Get, Map)).Body.Text("data", "a"));
    }

    [Fact]
    public async Task Apply_that_changes_nothing_stores_nothing()
    {
        FakeTimeProvider time = new();
        await using var api = await ApiServerFixture.StartAsync(time: time);
        var (_, first) = await api.SendAsync(HttpMethod.Patch, Map + "?fieldManager=one", Config("a: '1'"), Apply);
        time.Advance(TimeSpan.FromMinutes(1));
        var (_, again) = await api.SendAsync(HttpMethod.Patch, Map + "?fieldManager=one", Config("a: '1'"), Apply);
        Assert.Equal(first.ToJsonString(), again.ToJsonString());
        var (_, shared) = await api.SendAsync(HttpMethod.Patch, Map + "?fieldManager=two", Config("a: '1'"), Apply);
        Assert.NotEqual(first.ResourceVersion(), shared.ResourceVersion());
        Assert.Equal(["one", "two"], Managers(shared));
    }

    [Fact]
    public async Task What_does_not_fit_the_schema_is_refused_before_anything_is_merged()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var (code, refused) = await api.SendAsync(HttpMethod.Patch, Map + "?fieldManager=one", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: default}\ndat: {}\n", Apply);
        Assert.Equal((500, "failed to create typed patch object (default/x; /v1, Kind=ConfigMap): .dat: field not declared in schema"), (code, refused.Text("message")));
        Assert.Equal(404, (await api.SendAsync(HttpMethod.Get, Map)).Code);
    }

    [Theory]
    [InlineData("?force=true", Merge, "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch")]
    [InlineData("", Apply, "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch")]
    [InlineData("?fieldManager=a%01", Merge, "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Invalid value: \"a\\u0001\": invalid character U+0001 (at position 1)")]
    public async Task Options_that_do_not_go_together_are_refused(string query, string type, string message)
    {
        await using var api = await ApiServerFixture.StartAsync();
        var (code, refused) = await api.SendAsync(HttpMethod.Patch, Map + query, "{}", type);
        Assert.Equal((422, message), (code, refused.Text("message")));
    }

    [Fact]
    public async Task A_status_writer_s_entry_changes_its_time_alone_and_the_object_does_not_grow()
    {
        FakeTimeProvider time = new();
        await using var api = await ApiServerFixture.StartAsync(time: time);
        await api.SendAsync(HttpMethod.Patch, Web + "?fieldManager=maker", Deployment, Apply);
        HashSet<int> lengths = [];
        for (int i = 0; i < 20; i++)
        {
            time.Advance(TimeSpan.FromSeconds(5));
            var (_, obj) = await api.SendAsync(HttpMethod.Patch, Web + "/status", $$$"""{"status":{"replicas":{{{10 + i}}}}}""", Merge);
            lengths.Add(obj["metadata"]!["managedFields"]!.ToJsonString().Length);
            Assert.Equal(2, obj.Items("metadata", "managedFields")!.Count);
        }
        Assert.Single(lengths);
    }

    [Fact]
    public async Task Binding_a_pod_notes_nobody()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.SendAsync(HttpMethod.Post, "api/v1/namespaces/default/pods", """{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}}""");
        var before = await api.Admin.GetAsync(Kinds.Pods, "default", "p", Token);
        await api.SendAsync(HttpMethod.Post, "api/v1/namespaces/default/pods/p/binding", """{"target":{"kind":"Node","name":"n"}}""");
        var bound = await api.Admin.GetAsync(Kinds.Pods, "default", "p", Token);
        Assert.Equal("n", bound.Text("spec", "nodeName"));
        Assert.Equal(before!["metadata"]!["managedFields"]!.ToJsonString(), bound!["metadata"]!["managedFields"]!.ToJsonString());
        Assert.Null(before["metadata"]!["managedFields"]![0]!["fieldsV1"]!["f:spec"]!["f:tolerations"]);
    }

    [Fact]
    public async Task The_count_is_taken_through_the_scale()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.SendAsync(HttpMethod.Patch, Web + "?fieldManager=maker", Deployment, Apply);
        const string Scale = """{"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"web"},"spec":{"replicas":5}}""";
        var (code, refused) = await api.SendAsync(HttpMethod.Patch, Web + "/scale?fieldManager=scaler", Scale, Apply);
        Assert.Equal((409, "Apply failed with 1 conflict: conflict with \"maker\": .spec.replicas"), (code, refused.Text("message")));
        await api.SendAsync(HttpMethod.Patch, Web + "/scale?fieldManager=scaler&force=true", Scale, Apply);
        var (_, scaled) = await api.SendAsync(HttpMethod.Get, Web);
        Assert.Equal(5, scaled.Whole("spec", "replicas"));
        var entry = scaled.Items("metadata", "managedFields")!.Single(e => e.Text("manager") == "scaler")!;
        Assert.Equal(("scale", "apps/v1", """{"f:spec":{"f:replicas":{}}}"""), (entry.Text("subresource"), entry.Text("apiVersion"), entry["fieldsV1"]!.ToJsonString()));
        (code, refused) = await api.SendAsync(HttpMethod.Patch, Web + "?fieldManager=maker", Deployment, Apply);
        Assert.Equal((409, "Apply failed with 1 conflict: conflict with \"scaler\" with subresource \"scale\": .spec.replicas"), (code, refused.Text("message")));
    }

    [Fact]
    public async Task Kubectl_goes_over_from_its_annotation_without_conflicts()
    {
        await using var api = await ApiServerFixture.StartAsync();
        const string Last = """{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"x\"},\"data\":{\"a\":\"1\",\"b\":\"1\"}}""";
        await api.SendAsync(HttpMethod.Post, "api/v1/namespaces/default/configmaps?fieldManager=kubectl-client-side-apply",
            $$$"""{"metadata":{"name":"x","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{{{Last}}}"}},"data":{"a":"1","b":"1"}}""");
        await api.SendAsync(HttpMethod.Patch, Map + "?fieldManager=other", """{"data":{"b":"2"}}""", Merge);
        Assert.Equal(409, (await api.SendAsync(HttpMethod.Patch, Map + "?fieldManager=else", Config("a: '3'"), Apply)).Code);
        var (code, refused) = await api.SendAsync(HttpMethod.Patch, Map + "?fieldManager=kubectl", Config("a: '3', b: '3'"), Apply);
        Assert.Equal((409, "Apply failed with 1 conflict: conflict with \"other\" using v1: .data.b"), (code, refused.Text("message")));
        var (_, applied) = await api.SendAsync(HttpMethod.Patch, Map + "?fieldManager=kubectl", Config("a: '3'"), Apply);
        Assert.Equal("3", applied.Text("data", "a"));
        Assert.Equal("""{"apiVersion":"v1","data":{"a":"3"},"kind":"ConfigMap","metadata":{"name":"x"}}""" + "\n", applied.Annotation("kubectl.kubernetes.io/last-applied-configuration"));
    }

    [Theory]
    [InlineData("""[{"manager":"m","operation":"Eat","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{}}]""", 422)]
    [InlineData("""[{"manager":"m","operation":"Update","apiVersion":"","fieldsType":"FieldsV1","fieldsV1":{}}]""", 200)]
    [InlineData("""[{"manager":"m","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV2","fieldsV1":{}}]""", 200)]
    [InlineData("""[{"manager":"m","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"k:{":{}}}]""", 200)]
    [InlineData("[]", 200)]
    [InlineData("3", 400)]
    [InlineData("[3]", 400)]
    public async Task Entries_that_cannot_be_are_passed_over_and_others_refused(string entries, int expected)
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.SendAsync(HttpMethod.Patch, Map + "?fieldManager=one", Config("a: '1'"), Apply);
        var (code, _) = await api.SendAsync(HttpMethod.Patch, Map, $$$"""{"metadata":{"managedFields":{{{entries}}}}}""", Merge);
        var (_, after) = await api.SendAsync(HttpMethod.Get, Map);
        Assert.Equal((expected, "one"), (code, string.Join(' ', Managers(after))));
    }

    [Fact]
    public async Task Entries_are_reset_by_an_empty_one_and_replaced_by_real_ones()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.SendAsync(HttpMethod.Patch, Map + "?fieldManager=one", Config("a: '1'"), Apply);
        var (_, moved) = await api.SendAsync(HttpMethod.Patch, Map,
            """[{"op":"replace","path":"/metadata/managedFields","value":[{"manager":"two","operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:a":{}}}}]}]""",
            "application/json-patch+json");
        Assert.Equal(["two"], Managers(moved));
        var (_, reset) = await api.SendAsync(HttpMethod.Patch, Map, """{"metadata":{"managedFields":[{}]}}""", Merge);
        Assert.Empty(Managers(reset));
        var (_, after) = await api.SendAsync(HttpMethod.Patch, Map + "?fieldManager=three", Config("b: '1'"), Apply);
        Assert.Equal(["three", "before-first-apply"], Managers(after));
    }

    [Theory]
    [InlineData("""[{"manager":"before","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:a":{},"f:gone":{}}}}]""", 201, "before maker", """{"f:data":{"f:gone":{}}}""")] // what it has not is left to them
    [InlineData("""[{"manager":"maker","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:gone":{}}}}]""", 201, "maker", """{"f:data":{".":{},"f:a":{},"f:gone":{}}}""")]
    [InlineData("""[{"manager":"before","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:a":{}}}}]""", 201, "maker", """{"f:data":{".":{},"f:a":{}}}""")]
    [InlineData("[{}]", 201, "maker", """{"f:data":{".":{},"f:a":{}}}""")]
    [InlineData("""[{"manager":"m","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV2","fieldsV1":{}}]""", 201, "maker", """{"f:data":{".":{},"f:a":{}}}""")]
    [InlineData("[3]", 400, "", "")]
    public async Task Entries_of_a_new_object_count_but_for_what_its_maker_states(string entries, int expected, string managers, string first)
    {
        await using var api = await ApiServerFixture.StartAsync();
        var (code, made) = await api.SendAsync(
            HttpMethod.Post, "api/v1/namespaces/default/configmaps?fieldManager=maker", $$$"""{"metadata":{"name":"x","managedFields":{{{entries}}}},"data":{"a":"1"}}""");
        Assert.Equal((expected, managers), (code, string.Join(' ', Managers(made))));
        if (expected == 201)
        {
            Assert.Equal(first, made.Items("metadata", "managedFields")![0]!["fieldsV1"]!.ToJsonString());
        }
    }

    [Fact]
    public async Task Two_who_apply_a_new_object_at_once_both_succeed()
    {
        await using var api = await ApiServerFixture.StartAsync(onDisk: true);
        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(i =>
            api.SendAsync(HttpMethod.Patch, Map + "?fieldManager=m" + i.ToString(CultureInfo.InvariantCulture), Config($"k{i}: '1'"), Apply)));
        Assert.Single(answers, a => a.Code == 201);
        Assert.All(answers, a => Assert.InRange(a.Code, 200, 201));
        Assert.Equal(4, ((JsonObject)(await api.Admin.GetAsync(Kinds.ConfigMaps, "default", "x", Token))!["data"]!).Count);
    }

    private const string Deployment = """
        {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{"replicas":2,"selector":{"matchLabels":{"app":"web"}},
        "template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}
        """;

    private static string Config(string data) => $"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata: {{{data}}}\n";

    private static string[] Managers(JsonObject obj) => [.. (obj.Items("metadata", "managedFields") ?? []).Select(e => e.Text("manager")!)];
}
