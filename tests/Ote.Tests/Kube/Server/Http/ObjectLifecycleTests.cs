using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Tests.Kube.Server.Http;

/// <summary>Create, read, change and delete as clients see them, on both kinds of store.</summary>
public sealed class ObjectLifecycleTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Create_GivesTheServersFields(bool onDisk)
    {
        await using var api = await ApiServerFixture.StartAsync(onDisk);
        var made = await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map("a"), Token);
        Assert.Equal("default", made.Namespace());
        Assert.True(Guid.TryParse(made.Uid(), out _));
        Assert.True(long.Parse(made.ResourceVersion(), System.Globalization.CultureInfo.InvariantCulture) > 0);
        Assert.NotNull(made.Time("metadata", "creationTimestamp"));
        Assert.Equal("Update", made.Items("metadata", "managedFields")![0].Text("operation"));
        Assert.Equal(made.ToJsonString(), (await api.Admin.GetAsync(Kinds.ConfigMaps, "default", "a", Token))!.ToJsonString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Create_ThatExists_IsAlreadyExists(bool onDisk)
    {
        await using var api = await ApiServerFixture.StartAsync(onDisk);
        await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map("a"), Token);
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map("a"), Token));
        Assert.Equal((409, "AlreadyExists", "configmaps \"a\" already exists"), (refused.Code, refused.Reason, refused.Message));
    }

    [Fact]
    public async Task Object_that_leaves_out_what_defaults_say_is_no_change()
    {
        await using var api = await ApiServerFixture.StartAsync();
        const string Sets = "apis/apps/v1/namespaces/default/daemonsets";
        const string Set = """{"metadata":{"name":"s"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}""";
        await api.SendAsync(HttpMethod.Post, Sets, Set);
        var (_, made) = await api.SendAsync(HttpMethod.Get, $"{Sets}/s");
        var (_, labelled) = await api.SendAsync(HttpMethod.Put, $"{Sets}/s", Set.Replace("\"s\"}", "\"s\",\"labels\":{\"x\":\"y\"}}", StringComparison.Ordinal));
        Assert.Equal((1L, "1", "y"), (labelled.Generation(), labelled.Annotation("deprecated.daemonset.template.generation"), labelled.Text("metadata", "labels", "x")));
        var (_, patched) = await api.SendAsync(HttpMethod.Patch, $"{Sets}/s", """{"spec":{"unknown":1,"revisionHistoryLimit":null}}""", "application/merge-patch+json");
        Assert.Equal((1L, labelled.ResourceVersion()), (patched.Generation(), patched.ResourceVersion()));
        Assert.NotEqual(made.ResourceVersion(), labelled.ResourceVersion());
        var (_, changed) = await api.SendAsync(HttpMethod.Patch, $"{Sets}/s", """{"spec":{"revisionHistoryLimit":3}}""", "application/merge-patch+json");
        Assert.Equal(2L, changed.Generation());
    }

    [Fact]
    public async Task Create_InANamespaceThatIsNotThere_IsNotFound()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => api.Admin.CreateAsync(Kinds.ConfigMaps, "nowhere", Map("a"), Token));
        Assert.Equal((404, "namespaces \"nowhere\" not found"), (refused.Code, refused.Message));
    }

    [Fact]
    public async Task Create_WithAPrefix_MakesDifferentNames()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var prefixed = new JsonObject { ["metadata"] = new JsonObject { ["generateName"] = "job-" } };
        var first = await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", prefixed.Copy(), Token);
        var second = await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", prefixed.Copy(), Token);
        Assert.Matches("^job-[a-z0-9]{5}$", first.Name());
        Assert.NotEqual(first.Name(), second.Name());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Replace_OfAnOlderVersion_IsAConflict(bool onDisk)
    {
        await using var api = await ApiServerFixture.StartAsync(onDisk);
        var made = await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map("a"), Token);
        var stale = made.Copy();
        made["data"] = new JsonObject { ["k"] = "new" };
        await api.Admin.ReplaceAsync(Kinds.ConfigMaps, made, Token);
        stale["data"] = new JsonObject { ["k"] = "late" };
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => api.Admin.ReplaceAsync(Kinds.ConfigMaps, stale, Token));
        Assert.True(refused.IsConflict);
        Assert.Equal(
            "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again", refused.Message);
    }

    [Fact]
    public async Task Replace_WithNothingNew_KeepsTheVersion()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var made = await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map("a"), Token);
        Assert.Equal(made.ResourceVersion(), (await api.Admin.ReplaceAsync(Kinds.ConfigMaps, made, Token)).ResourceVersion());
    }

    [Fact]
    public async Task Generation_CountsSpecs_NotLabelsOrStatus()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var made = await api.Admin.CreateAsync(Kinds.Deployments, "default", Deployment("web", 1), Token);
        Assert.Equal(1, made.Generation());
        var labelled = await api.Admin.PatchAsync(Kinds.Deployments, "default", "web", PatchKind.Merge, Json("""{"metadata":{"labels":{"a":"b"}}}"""), Token);
        Assert.Equal(1, labelled.Generation());
        var reported = await api.Admin.PatchAsync(Kinds.Deployments, "default", "web", PatchKind.Merge, Json("""{"status":{"replicas":1}}"""), Token, "status");
        Assert.Equal((1, 1), (reported.Generation(), reported.Whole("status", "replicas")));
        var scaled = await api.Admin.PatchAsync(Kinds.Deployments, "default", "web", PatchKind.Merge, Json("""{"spec":{"replicas":3}}"""), Token);
        Assert.Equal(2, scaled.Generation());
    }

    [Fact]
    public async Task Status_IsWrittenByItsSubresourceAlone()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.Admin.CreateAsync(Kinds.Deployments, "default", Deployment("web", 1), Token);
        var main = await api.Admin.PatchAsync(Kinds.Deployments, "default", "web", PatchKind.Merge, Json("""{"status":{"replicas":9}}"""), Token);
        Assert.Null(main.Whole("status", "replicas"));
        var status = await api.Admin.PatchAsync(
            Kinds.Deployments, "default", "web", PatchKind.Merge, Json("""{"spec":{"replicas":7},"status":{"replicas":9}}"""), Token, "status");
        Assert.Equal((1, 9), (status.Whole("spec", "replicas"), status.Whole("status", "replicas")));
        // As kube-controller-manager notes a deployment's revision.
        var noted = await api.Admin.PatchAsync(
            Kinds.Deployments, "default", "web", PatchKind.Merge, Json("""{"metadata":{"annotations":{"revision":"2"},"labels":{"no":"no"}},"status":{"replicas":9}}"""), Token, "status");
        Assert.Equal(("2", null), (noted.Annotation("revision"), noted.Labels()?["no"]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Delete_WithAFinalizer_WaitsUntilItIsTakenOff(bool onDisk)
    {
        await using var api = await ApiServerFixture.StartAsync(onDisk);
        var held = Map("a");
        held["metadata"]!["finalizers"] = new JsonArray("test.ote/hold");
        await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", held, Token);
        await api.Admin.DeleteAsync(Kinds.ConfigMaps, "default", "a", Token);
        var going = await api.Admin.GetAsync(Kinds.ConfigMaps, "default", "a", Token);
        Assert.True(going!.IsDeleting());
        await api.Admin.PatchAsync(Kinds.ConfigMaps, "default", "a", PatchKind.Merge, Json("""{"metadata":{"finalizers":null}}"""), Token);
        Assert.Null(await api.Admin.GetAsync(Kinds.ConfigMaps, "default", "a", Token));
    }

    [Fact]
    public async Task Delete_OfAnotherUid_IsAConflict()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map("a"), Token);
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => api.Admin.DeleteAsync(Kinds.ConfigMaps, "default", "a", Token, uid: "other"));
        Assert.True(refused.IsConflict);
    }

    [Fact]
    public async Task DryRun_TellsWhatWouldBe_AndLeavesNothing()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var (code, body) = await api.SendAsync(HttpMethod.Post, "api/v1/namespaces/default/configmaps?dryRun=All", Map("a").ToJsonString());
        Assert.Equal((201, "a"), (code, body.Name()));
        Assert.Null(await api.Admin.GetAsync(Kinds.ConfigMaps, "default", "a", Token));
    }

    private static JsonObject Map(string name) => new() { ["metadata"] = new JsonObject { ["name"] = name }, ["data"] = new JsonObject { ["k"] = "v" } };

    private static JsonObject Json(string text) => (JsonObject)JsonNode.Parse(text)!;

    private static JsonObject Deployment(string name, int replicas) => Json("""
        {"metadata":{"name":"NAME"},"spec":{"replicas":REPLICAS,"selector":{"matchLabels":{"app":"NAME"}},
         "template":{"metadata":{"labels":{"app":"NAME"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}
        """.Replace("NAME", name, StringComparison.Ordinal).Replace("REPLICAS", $"{replicas}", StringComparison.Ordinal));
}
