using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Tests.Kube.Server.Http;

/// <summary>Custom objects that were stored under another schema, or in another version, than they are read by.</summary>
public sealed class StoredVersionsTests
{
    private const string Definitions = "apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    private const string V1 = "apis/test.ote/v1/namespaces/default/gears";
    private const string V2 = "apis/test.ote/v2/namespaces/default/gears";
    private const string OneField = """{"a":{"type":"string"},"b":{"type":"string"}}""";
    private const string Other = """{"a":{"type":"string"},"c":{"type":"string","default":"filled"}}""";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Object_stored_under_an_earlier_schema_is_read_by_the_one_of_now()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await DefineAsync(api, ("v1", OneField));
        await api.SendAsync(HttpMethod.Post, V1, """{"metadata":{"name":"g"},"spec":{"a":"1","b":"2"}}""");
        await DefineAsync(api, ("v1", Other));

        Assert.Equal("""{"a":"1","c":"filled"}""", Spec((await api.SendAsync(HttpMethod.Get, $"{V1}/g")).Body));
        Assert.Equal("""{"a":"1","c":"filled"}""", Spec((JsonObject)(await api.SendAsync(HttpMethod.Get, V1)).Body.Items("items")![0]!));
        Assert.Equal("""{"a":"1","c":"filled"}""", Spec((JsonObject)(await api.SendAsync(HttpMethod.Get, $"{V1}?limit=1")).Body.Items("items")![0]!));
        using var answer = await api.Admin.Http.GetAsync(new Uri($"{V1}?watch=1", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, Token);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(Token));
        Assert.Equal("""{"a":"1","c":"filled"}""", Spec((JsonObject)JsonNode.Parse((await lines.ReadLineAsync(Token))!)!["object"]!));

        var (_, patched) = await api.SendAsync(HttpMethod.Patch, $"{V1}/g", """{"metadata":{"labels":{"x":"y"}}}""", "application/merge-patch+json");
        Assert.Equal("""{"a":"1","c":"filled"}""", Spec(patched));
        Assert.Equal(1, patched.Generation()); // What reading makes of it is no change of the spec.
    }

    [Fact]
    public async Task Object_is_stored_in_the_storage_version_and_read_pruned_by_both()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await DefineAsync(api, ("v1", OneField), ("v2", Other));
        await api.SendAsync(HttpMethod.Post, V2, """{"metadata":{"name":"g"},"spec":{"a":"1","c":"2"}}""");
        var (_, read) = await api.SendAsync(HttpMethod.Get, $"{V2}/g");
        Assert.Equal(("test.ote/v2", """{"a":"1"}"""), (read.Text("apiVersion"), Spec(read)));

        await api.SendAsync(HttpMethod.Post, V1, """{"metadata":{"name":"h"},"spec":{"a":"1","b":"2"}}""");
        Assert.Equal("""{"a":"1","b":"2"}""", Spec((await api.SendAsync(HttpMethod.Get, $"{V1}/h")).Body));
        Assert.Equal("""{"a":"1"}""", Spec((await api.SendAsync(HttpMethod.Get, $"{V2}/h")).Body));
    }

    [Fact]
    public async Task Object_has_the_defaults_of_the_version_in_which_it_lies()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await DefineAsync(api, ("v1", Other), ("v2", OneField));
        await api.SendAsync(HttpMethod.Post, V2, """{"metadata":{"name":"g"},"spec":{"a":"1"}}""");
        Assert.Equal("""{"a":"1","c":"filled"}""", Spec((await api.SendAsync(HttpMethod.Get, $"{V1}/g")).Body));
        Assert.Equal("""{"a":"1"}""", Spec((await api.SendAsync(HttpMethod.Get, $"{V2}/g")).Body));
    }

    [Fact]
    public async Task Watch_ends_when_the_definition_changes_since_its_client_would_go_on_by_the_former_schema()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await DefineAsync(api, ("v1", OneField));
        await api.SendAsync(HttpMethod.Post, V1, """{"metadata":{"name":"g"},"spec":{"a":"1"}}""");
        using var answer = await api.Admin.Http.GetAsync(new Uri($"{V1}?watch=1", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, Token);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(Token));
        Assert.Contains("ADDED", await lines.ReadLineAsync(Token), StringComparison.Ordinal);
        await api.SendAsync(HttpMethod.Patch, $"{Definitions}/gears.test.ote", """{"metadata":{"labels":{"x":"y"}}}""", "application/merge-patch+json");
        await api.SendAsync(HttpMethod.Patch, $"{V1}/g", """{"metadata":{"labels":{"x":"y"}}}""", "application/merge-patch+json");
        Assert.Contains("MODIFIED", await lines.ReadLineAsync(Token), StringComparison.Ordinal); // A label of the definition changes nothing.
        await DefineAsync(api, ("v1", Other));
        Assert.Null(await lines.ReadLineAsync(Token));
    }

    /// <summary>The first version is the one that is stored.</summary>
    private static async Task DefineAsync(ApiServerFixture api, params (string Name, string Properties)[] versions)
    {
        var listed = string.Join(',', versions.Select((v, i) => $$$"""
            {"name":"{{{v.Name}}}","served":true,"storage":{{{(i == 0 ? "true" : "false")}}},"schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","properties":{{{v.Properties}}} } } } } }
            """));
        var names = """{"plural":"gears","kind":"Gear"}""";
        var (code, answer) = await api.SendAsync(HttpMethod.Patch, $"{Definitions}/gears.test.ote?fieldManager=t&force=true", $$$"""
            {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"gears.test.ote"},"spec":{"group":"test.ote","scope":"Namespaced","names":{{{names}}},"versions":[{{{listed}}}] } }
            """, "application/apply-patch+yaml");
        Assert.True(code is 200 or 201, answer.ToJsonString());
    }

    private static string Spec(JsonObject obj) => obj["spec"]!.ToJsonString();
}
