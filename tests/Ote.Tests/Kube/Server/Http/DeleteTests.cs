using Ote.Kube.Objects;

namespace Ote.Tests.Kube.Server.Http;

/// <summary>How much is deleted, and when nothing is.</summary>
public sealed class DeleteTests
{
    private const string Pods = "api/v1/namespaces/default/pods";
    private const string Maps = "api/v1/namespaces/default/configmaps";
    private const string Pod = """{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}}""";

    [Theory]
    [InlineData("", """{"metadata":{"name":"p"},"deleteOptions":{"dryRun":["All"]}}""")]
    [InlineData("?dryRun=All", """{"metadata":{"name":"p"}}""")]
    public async Task Eviction_that_is_only_tried_leaves_the_pod(string query, string eviction)
    {
        await using var api = await ApiServerFixture.StartAsync();
        Assert.Equal(201, (await api.SendAsync(HttpMethod.Post, Pods, Pod)).Code);
        Assert.Equal(201, (await api.SendAsync(HttpMethod.Post, $"{Pods}/p/eviction{query}", eviction)).Code);
        Assert.Null((await api.SendAsync(HttpMethod.Get, $"{Pods}/p")).Body.Text("metadata", "deletionTimestamp"));
        Assert.Equal(200, (await api.SendAsync(HttpMethod.Get, $"{Pods}/p")).Code);

        Assert.Equal(201, (await api.SendAsync(HttpMethod.Post, $"{Pods}/p/eviction", """{"metadata":{"name":"p"},"deleteOptions":{"gracePeriodSeconds":0}}""")).Code);
        Assert.Equal(404, (await api.SendAsync(HttpMethod.Get, $"{Pods}/p")).Code);
    }

    [Theory]
    [InlineData("""{"metadata":{"name":"other"}}""", 400)]
    [InlineData("""{"metadata":{"name":"p"},"deleteOptions":{"dryRun":["Some"]}}""", 422)]
    [InlineData("""{"metadata":{"name":"p"},"deleteOptions":{"dryRun":[1]}}""", 400)]
    public async Task Eviction_that_contradicts_itself_is_refused(string eviction, int expected)
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.SendAsync(HttpMethod.Post, Pods, Pod);
        Assert.Equal(expected, (await api.SendAsync(HttpMethod.Post, $"{Pods}/p/eviction", eviction)).Code);
        Assert.Equal(200, (await api.SendAsync(HttpMethod.Get, $"{Pods}/p")).Code);
    }

    [Theory]
    [InlineData("", """{"orphanDependents":true,"propagationPolicy":"Orphan"}""", "propagationPolicy: Invalid value: \"Orphan\": orphanDependents and deletionPropagation cannot be both set")]
    [InlineData("?orphanDependents=false&propagationPolicy=Background", null, "propagationPolicy: Invalid value: \"Background\": orphanDependents and deletionPropagation cannot be both set")]
    [InlineData("", """{"dryRun":["Some"]}""", "dryRun: Unsupported value: [\"Some\"]: supported values: \"All\"")]
    [InlineData("?dryRun=Some", null, "dryRun: Unsupported value: [\"Some\"]: supported values: \"All\"")]
    [InlineData("?propagationPolicy=What", null, "propagationPolicy: Unsupported value: \"What\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"")]
    public async Task Deletion_whose_options_contradict_each_other_is_invalid(string query, string? options, string fault)
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.SendAsync(HttpMethod.Post, Maps, """{"metadata":{"name":"m"}}""");
        var (code, status) = await api.SendAsync(HttpMethod.Delete, $"{Maps}/m{query}", options);
        Assert.Equal((422, $"DeleteOptions.meta.k8s.io \"\" is invalid: {fault}"), (code, status.Text("message")));
        Assert.Equal(200, (await api.SendAsync(HttpMethod.Get, $"{Maps}/m")).Code);
    }

    [Fact]
    public async Task Deletion_takes_its_options_from_the_body_when_there_is_one()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.SendAsync(HttpMethod.Post, Maps, """{"metadata":{"name":"m","finalizers":["test.ote/hold"]}}""");
        Assert.Equal(400, (await api.SendAsync(HttpMethod.Delete, $"{Maps}/m", """{"kind":"Pod","apiVersion":"v1"}""")).Code);
        Assert.Equal(400, (await api.SendAsync(HttpMethod.Delete, $"{Maps}/m", """{"gracePeriodSeconds":"x"}""")).Code);
        Assert.Equal(400, (await api.SendAsync(HttpMethod.Delete, $"{Maps}/m?gracePeriodSeconds=x")).Code);
        Assert.False((await api.SendAsync(HttpMethod.Get, $"{Maps}/m")).Body.IsDeleting());
        var (code, going) = await api.SendAsync(HttpMethod.Delete, $"{Maps}/m?propagationPolicy=Foreground", """{"orphanDependents":true}""");
        Assert.Equal((200, "test.ote/hold,orphan"), (code, string.Join(',', going.Items("metadata", "finalizers")!.Select(f => f.Text()))));
    }

    [Fact]
    public async Task Collection_is_deleted_up_to_the_limit()
    {
        await using var api = await ApiServerFixture.StartAsync();
        for (var i = 0; i < 6; i++)
        {
            await api.SendAsync(HttpMethod.Post, Maps, $$$"""{"metadata":{"name":"m{{{i}}}"}}""");
        }

        var (code, deleted) = await api.SendAsync(HttpMethod.Delete, Maps + "?limit=2");
        Assert.Equal((200, 2), (code, deleted.Items("items")!.Count));
        Assert.Equal(4, (await api.SendAsync(HttpMethod.Get, Maps)).Body.Items("items")!.Count);
        await api.SendAsync(HttpMethod.Delete, Maps);
        Assert.Empty((await api.SendAsync(HttpMethod.Get, Maps)).Body.Items("items")!);
    }
}
