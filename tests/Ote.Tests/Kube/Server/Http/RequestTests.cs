using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Tests.Kube.Server.Http;

/// <summary>What comes back for requests good and bad: always an object or a Status, never a fault.</summary>
public sealed class RequestTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("GET", "api/v1/nothings", null, 404, "NotFound")]
    [InlineData("GET", "nowhere", null, 404, "NotFound")]
    [InlineData("GET", "apis/apps/v9/deployments", null, 404, "NotFound")]
    [InlineData("GET", "api/v1/namespaces/default/pods/x/log", null, 404, "NotFound")]
    [InlineData("GET", "api/v1/namespaces//pods", null, 404, "NotFound")]
    [InlineData("GET", "api/v1/namespaces/default/pods/x", null, 404, "NotFound")]
    [InlineData("POST", "api/v1/namespaces/default/pods/x", "{}", 405, "MethodNotAllowed")]
    [InlineData("POST", "api/v1/configmaps", "{}", 405, "MethodNotAllowed")]
    [InlineData("DELETE", "version", null, 405, "MethodNotAllowed")]
    [InlineData("POST", "api/v1/namespaces/default/configmaps", "", 400, "BadRequest")]
    [InlineData("POST", "api/v1/namespaces/default/configmaps", "[]", 400, "BadRequest")]
    [InlineData("POST", "api/v1/namespaces/default/configmaps", "{\"metadata\":3}", 400, "BadRequest")]
    [InlineData("POST", "api/v1/namespaces/default/configmaps", "{\"metadata\":{\"name\":3}}", 400, "BadRequest")]
    [InlineData("POST", "api/v1/namespaces/default/configmaps", "{\"a\":1,\"a\":2}", 400, "BadRequest")]
    [InlineData("POST", "api/v1/namespaces/default/configmaps", "{\"metadata\":{\"name\":\"x\",\"namespace\":\"other\"}}", 400, "BadRequest")]
    [InlineData("POST", "api/v1/namespaces/default/configmaps", "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"x\"}}", 400, "BadRequest")]
    [InlineData("POST", "api/v1/namespaces/default/configmaps", "{}", 422, "Invalid")]
    [InlineData("POST", "api/v1/namespaces/default/configmaps", "{\"metadata\":{\"name\":\"No Good\"}}", 422, "Invalid")]
    [InlineData("GET", "api/v1/pods?labelSelector=a%3D%3D%3D", null, 400, "BadRequest")]
    [InlineData("GET", "api/v1/pods?fieldSelector=spec.nope%3Da", null, 400, "BadRequest")]
    [InlineData("POST", "api/v1/namespaces/default/configmaps", "{\"metadata\":{\"name\":\"a\"},\"data\":{\"a\":\"\\ud800\"}}", 400, "BadRequest")]
    [InlineData("POST", "api/v1/namespaces/default/configmaps", "{\"metadata\":{\"name\":\"a\"},\"data\":{\"\\udc00\":\"a\"}}", 400, "BadRequest")]
    [InlineData("POST", "api/v1/namespaces/default/services", "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"ports\":[{\"port\":1e99999999999}]}}", 400, "BadRequest")]
    [InlineData("DELETE", "api/v1/namespaces/default/configmaps?fieldSelector=metadata.name%3Da%5C", null, 400, "BadRequest")]
    [InlineData("GET", "api/v1/pods?continue=eyJ2Ijoib3RlL3YxIiwicnYiOjEsInJ2IjoyLCJucyI6IiIsIm5hbWUiOiIifQ", null, 400, "BadRequest")] // rv twice
    [InlineData("GET", "api/v1/pods?limit=x", null, 400, "BadRequest")]
    [InlineData("GET", "api/v1/pods?continue=x", null, 400, "BadRequest")]
    [InlineData("GET", "api/v1/pods?resourceVersion=x", null, 400, "BadRequest")]
    [InlineData("GET", "api/v1/pods?resourceVersion=99999", null, 504, "Timeout")]
    [InlineData("GET", "api/v1/pods?watch=1&sendInitialEvents=true", null, 422, "Invalid")]
    [InlineData("POST", "api/v1/namespaces/default/configmaps?dryRun=Some", "{}", 422, "Invalid")]
    [InlineData("POST", "api/v1/namespaces/default/configmaps?dryRun=All&dryRun=Some", "{}", 422, "Invalid")]
    [InlineData("PUT", "api/v1/namespaces/default/configmaps/a?fieldValidation=Loose", "{}", 422, "Invalid")]
    public async Task BadRequest_IsAStatusWithItsReason(string method, string path, string? body, int code, string reason)
    {
        await using var api = await ApiServerFixture.StartAsync();
        var (answered, status) = await api.SendAsync(new HttpMethod(method), path, body);
        Assert.Equal((code, "Status", "Failure", reason), (answered, status.Text("kind"), status.Text("status"), status.Text("reason")));
        Assert.Equal(code, status.Whole("code"));
    }

    [Fact]
    public async Task Body_that_is_no_utf8_is_a_bad_request()
    {
        await using var api = await ApiServerFixture.StartAsync();
        using var content = new ByteArrayContent([.. "{\"metadata\":{\"name\":\"a\"},\"data\":{\"a\":\""u8, 0xff, 0xfe, .. "\"}}"u8]);
        content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        using var answer = await api.Admin.Http.PostAsync(new Uri("api/v1/namespaces/default/configmaps", UriKind.Relative), content, Token);
        Assert.Equal(400, (int)answer.StatusCode);
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/yaml")]
    public async Task Deepest_object_that_is_taken_can_be_listed_and_watched_by_its_fields_and_labels(string type)
    {
        await using var api = await ApiServerFixture.StartAsync();
        (int made, _) = await api.SendAsync(HttpMethod.Post, "apis/apiextensions.k8s.io/v1/customresourcedefinitions", """
            {"metadata":{"name":"nests.test.ote"},"spec":{"group":"test.ote","scope":"Namespaced","names":{"plural":"nests","kind":"Nest"},"versions":[{"name":"v1","served":true,"storage":true,
            "schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}}}]}}
            """);
        Assert.Equal(201, made);
        const string Nests = "apis/test.ote/v1/namespaces/default/nests";
        Assert.Equal(400, (await api.SendAsync(HttpMethod.Post, Nests, Nest("b", 64), type)).Code);
        Assert.Equal(201, (await api.SendAsync(HttpMethod.Post, Nests, Nest("a", 62), type)).Code);
        foreach (string query in (string[])["fieldSelector=metadata.name!%3Db", "labelSelector=!x", "fieldSelector=metadata.name!%3Db&watch=1&resourceVersion=1&timeoutSeconds=0"])
        {
            using var answer = await api.Admin.Http.GetAsync(new Uri($"{Nests}?{query}", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, Token);
            Assert.Equal((query, 200), (query, (int)answer.StatusCode));
        }

        static string Nest(string name, int depth) =>
            $$$"""{"apiVersion":"test.ote/v1","kind":"Nest","metadata":{"name":"{{{name}}}"},"spec":{{{string.Concat(Enumerable.Repeat("{\"a\":", depth))}}}1{{{new string('}', depth)}}}}""";
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/cbor")]
    public async Task Body_OfAnUnknownType_IsUnsupported(string type)
    {
        await using var api = await ApiServerFixture.StartAsync();
        Assert.Equal(415, (await api.SendAsync(HttpMethod.Post, "api/v1/namespaces/default/configmaps", "{}", type)).Code);
        Assert.Equal(415, (await api.SendAsync(HttpMethod.Patch, "api/v1/namespaces/default", "{}", type)).Code);
    }

    [Fact]
    public async Task Answer_InAFormNobodyHas_IsNotAcceptable()
    {
        await using var api = await ApiServerFixture.StartAsync();
        Assert.Equal(406, (await api.SendAsync(HttpMethod.Get, "api/v1/pods", accept: "application/vnd.kubernetes.protobuf")).Code);
    }

    [Fact]
    public async Task Body_BeyondTheLimit_IsTooLarge()
    {
        await using var api = await ApiServerFixture.StartAsync(options: o => o with { MaxBodyBytes = 1000 });
        var (code, status) = await api.SendAsync(HttpMethod.Post, "api/v1/namespaces/default/configmaps", new string(' ', 2000) + "{}");
        Assert.Equal((413, "RequestEntityTooLarge"), (code, status.Text("reason")));
    }

    [Fact]
    public async Task Body_NestedTooDeep_IsBad()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var deep = string.Concat(Enumerable.Repeat("{\"a\":", 200)) + "1" + new string('}', 200);
        Assert.Equal(400, (await api.SendAsync(HttpMethod.Post, "api/v1/namespaces/default/configmaps", deep)).Code);
    }

    [Fact]
    public async Task Body_InYaml_IsRead()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var (code, made) = await api.SendAsync(
            HttpMethod.Post, "api/v1/namespaces/default/configmaps", "metadata:\n  name: y\ndata:\n  port: \"80\"\n", "application/yaml");
        Assert.Equal((201, "80"), (code, made.Text("data", "port")));
    }

    [Theory]
    [InlineData("Strict", 400)]
    [InlineData("Warn", 201)]
    [InlineData("Ignore", 201)]
    public async Task UnknownField_IsRefusedOrDropped_AsAsked(string validation, int code)
    {
        await using var api = await ApiServerFixture.StartAsync();
        var (answered, body) = await api.SendAsync(
            HttpMethod.Post, $"api/v1/namespaces/default/configmaps?fieldValidation={validation}", """{"metadata":{"name":"x"},"dta":{}}""");
        Assert.Equal(code, answered);
        Assert.Null(body["dta"]);
        if (code == 400)
        {
            Assert.Contains("strict decoding error: unknown field \"dta\"", body.Text("message")!, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Pages_TogetherAreTheListAtOneVersion_WhileItChanges(bool onDisk)
    {
        await using var api = await ApiServerFixture.StartAsync(onDisk);
        for (var i = 0; i < 25; i++)
        {
            await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map($"m{i:00}"), Token);
        }

        var names = new List<string>();
        var versions = new HashSet<string?>();
        string? next = null;
        do
        {
            var (_, page) = await api.SendAsync(HttpMethod.Get, $"api/v1/namespaces/default/configmaps?limit=10&continue={next}");
            names.AddRange(page.Items("items")!.Select(item => ((JsonObject)item!).Name()));
            versions.Add(page.Text("metadata", "resourceVersion"));
            next = page.Text("metadata", "continue");
            await api.Admin.DeleteAsync(Kinds.ConfigMaps, "default", $"m{25 - versions.Count - names.Count / 10:00}", Token);
            await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map($"m{names.Count}z"), Token);
        }
        while (next is not null);
        Assert.Equal(Enumerable.Range(0, 25).Select(i => $"m{i:00}"), names);
        Assert.Single(versions);
    }

    [Fact]
    public async Task Continue_FromACompactedVersion_IsExpired()
    {
        await using var api = await ApiServerFixture.StartAsync(options: o => o with { HistoryKept = 10 });
        for (var i = 0; i < 5; i++)
        {
            await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map($"m{i}"), Token);
        }

        var (_, page) = await api.SendAsync(HttpMethod.Get, "api/v1/namespaces/default/configmaps?limit=2");
        for (var i = 0; i < 40; i++)
        {
            await api.Admin.PatchAsync(Kinds.ConfigMaps, "default", "m0", PatchKind.Merge, new JsonObject { ["data"] = new JsonObject { ["n"] = $"{i}" } }, Token);
        }

        var (code, status) = await api.SendAsync(HttpMethod.Get, $"api/v1/namespaces/default/configmaps?limit=2&continue={page.Text("metadata", "continue")}");
        Assert.Equal((410, "Expired"), (code, status.Text("reason")));
        var (exactly, old) = await api.SendAsync(HttpMethod.Get, $"api/v1/namespaces/default/configmaps?resourceVersionMatch=Exact&resourceVersion={page.ResourceVersion()}");
        Assert.Equal((410, "The resourceVersion for the provided list is too old.", null), (exactly, old.Text("message"), old.Text("metadata", "continue")));

        // The refusal says how to have the rest all the same, as it is now.
        await api.Admin.DeleteAsync(Kinds.ConfigMaps, "default", "m3", Token);
        var (goesOn, rest) = await api.SendAsync(HttpMethod.Get, $"api/v1/namespaces/default/configmaps?limit=1&continue={status.Text("metadata", "continue")}");
        Assert.Equal((200, "m2"), (goesOn, ((JsonObject)rest.Items("items")![0]!).Name()));
        await api.Admin.DeleteAsync(Kinds.ConfigMaps, "default", "m4", Token);
        var (_, end) = await api.SendAsync(HttpMethod.Get, $"api/v1/namespaces/default/configmaps?limit=5&continue={rest.Text("metadata", "continue")}");
        Assert.Equal(["m4"], end.Items("items")!.Select(item => ((JsonObject)item!).Name())); // All that follows is of one moment again.
        Assert.Equal(rest.ResourceVersion(), end.ResourceVersion());
    }

    [Fact]
    public async Task List_BySelectors_GivesWhatMatches()
    {
        await using var api = await ApiServerFixture.StartAsync();
        foreach (var (name, tier) in ((string, string)[])[("a", "edge"), ("b", "cloud"), ("c", "edge")])
        {
            var map = Map(name);
            map["metadata"]!["labels"] = new JsonObject { ["tier"] = tier };
            await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", map, Token);
        }

        Assert.Equal(["a", "c"], (await api.Admin.ListAsync(Kinds.ConfigMaps, "default", new ListQuery("tier in (edge)"), Token)).Items.Select(o => o.Name()));
        Assert.Equal(["b"], (await api.Admin.ListAsync(Kinds.ConfigMaps, null, new ListQuery(null, "metadata.name=b"), Token)).Items.Select(o => o.Name()));
    }

    [Fact]
    public async Task Table_AndMetadata_AreGivenWhenAskedFor()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var (_, table) = await api.SendAsync(HttpMethod.Get, "api/v1/namespaces", accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
        Assert.Equal(("Table", 4), (table.Text("kind"), table.Items("rows")!.Count));
        var (_, one) = await api.SendAsync(HttpMethod.Get, "api/v1/namespaces/default", accept: "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io");
        Assert.Equal(("PartialObjectMetadata", "default"), (one.Text("kind"), one.Name()));
    }

    [Fact]
    public async Task Scale_IsReadAndWritten()
    {
        await using var api = await ApiServerFixture.StartAsync();
        const string Path = "apis/apps/v1/namespaces/default/deployments";
        await api.SendAsync(HttpMethod.Post, Path, """
            {"metadata":{"name":"web"},"spec":{"replicas":1,"selector":{"matchLabels":{"a":"b"}},
             "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}
            """);
        var (_, scale) = await api.SendAsync(HttpMethod.Get, $"{Path}/web/scale");
        Assert.Equal(("Scale", 1, "a=b"), (scale.Text("kind"), scale.Whole("spec", "replicas"), scale.Text("status", "selector")));
        scale["spec"]!["replicas"] = 4;
        Assert.Equal(4, (await api.SendAsync(HttpMethod.Put, $"{Path}/web/scale", scale.ToJsonString())).Body.Whole("spec", "replicas"));
        Assert.Equal(409, (await api.SendAsync(HttpMethod.Put, $"{Path}/web/scale", scale.ToJsonString().Replace("4", "5", StringComparison.Ordinal))).Code);
        await api.SendAsync(HttpMethod.Patch, $"{Path}/web/scale", """{"spec":{"replicas":6}}""", "application/merge-patch+json");
        Assert.Equal(6, (await api.SendAsync(HttpMethod.Get, $"{Path}/web")).Body.Whole("spec", "replicas"));
    }

    [Fact]
    public async Task Apply_CreatesThenReplacesItsOwnFields_AndNamesItsManager()
    {
        await using var api = await ApiServerFixture.StartAsync();
        const string Path = "api/v1/namespaces/default/configmaps/x";
        const string Type = "application/apply-patch+yaml";
        var (created, _) = await api.SendAsync(HttpMethod.Patch, $"{Path}?fieldManager=me", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: '1'}\n", Type);
        var (merged, body) = await api.SendAsync(HttpMethod.Patch, $"{Path}?fieldManager=me", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {b: '2'}\n", Type);
        Assert.Equal((201, 200), (created, merged));
        Assert.Equal((null, "2"), (body.Text("data", "a"), body.Text("data", "b")));
        Assert.Equal(("me", "Apply"), (body.Items("metadata", "managedFields")![0].Text("manager"), body.Items("metadata", "managedFields")![0].Text("operation")));
        Assert.Equal(422, (await api.SendAsync(HttpMethod.Patch, Path, "metadata: {name: x}", Type)).Code);
    }

    [Fact]
    public async Task Patch_ByManyAtOnce_LosesNone()
    {
        await using var api = await ApiServerFixture.StartAsync(onDisk: true);
        await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map("x"), Token);
        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(i =>
            api.SendAsync(HttpMethod.Patch, "api/v1/namespaces/default/configmaps/x", $$$"""{"data":{"k{{{i}}}":"v"}}""", "application/merge-patch+json")));
        Assert.All(answers, answer => Assert.Equal(200, answer.Code));
        Assert.Equal(6, ((JsonObject)(await api.Admin.GetAsync(Kinds.ConfigMaps, "default", "x", Token))!["data"]!).Count);
    }

    [Theory]
    [InlineData("healthz")]
    [InlineData("readyz")]
    [InlineData("livez")]
    public async Task Health_IsOk(string path)
    {
        await using var api = await ApiServerFixture.StartAsync();
        Assert.Equal("ok", await api.Admin.Http.GetStringAsync(new Uri(path, UriKind.Relative), Token));
    }

    [Theory]
    [InlineData("api", "APIVersions")]
    [InlineData("apis", "APIGroupList")]
    [InlineData("api/v1", "APIResourceList")]
    [InlineData("apis/apps", "APIGroup")]
    [InlineData("apis/apps/v1", "APIResourceList")]
    public async Task Discovery_NamesItself(string path, string kind)
    {
        await using var api = await ApiServerFixture.StartAsync();
        var (code, body) = await api.SendAsync(HttpMethod.Get, path);
        Assert.Equal((200, kind), (code, body.Text("kind")));
    }

    [Fact]
    public async Task OpenApi_IsServedInAllThreeForms()
    {
        await using var api = await ApiServerFixture.StartAsync();
        Assert.Equal("2.0", (await api.SendAsync(HttpMethod.Get, "openapi/v2")).Body.Text("swagger"));
        Assert.NotNull((await api.SendAsync(HttpMethod.Get, "openapi/v3")).Body["paths"]!["apis/apps/v1"]);
        Assert.Equal("3.0.0", (await api.SendAsync(HttpMethod.Get, "openapi/v3/apis/apps/v1")).Body.Text("openapi"));
        using var request = new HttpRequestMessage(HttpMethod.Get, "openapi/v2");
        request.Headers.TryAddWithoutValidation("Accept", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf");
        using var answer = await api.Admin.Http.SendAsync(request, Token);
        var bytes = await answer.Content.ReadAsByteArrayAsync(Token);
        // Field 1, the text "2.0".
        Assert.Equal([0x0a, 3, (byte)'2', (byte)'.', (byte)'0'], bytes[..5]);
    }

    private static JsonObject Map(string name) => new() { ["metadata"] = new JsonObject { ["name"] = name } };
}
