using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Objects;

namespace Ote.Tests.Kube.Server.Http;

/// <summary>Lists that are read in several pieces.</summary>
public sealed class LargeListTests
{
    private const string Maps = "api/v1/namespaces/default/configmaps";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("application/json", "items")]
    [InlineData("application/json;as=Table;v=v1;g=meta.k8s.io", "rows")]
    [InlineData("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", "items")]
    public async Task Whole_list_is_the_same_as_its_pages_put_together(string accept, string items)
    {
        await using var api = await ApiServerFixture.StartAsync(time: new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(56))); // ages stand still
        await Task.WhenAll(Enumerable.Range(0, 620).Select(i => api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map($"m{i:000}", 10), Token)));
        var whole = await GetAsync(api, Maps, accept);
        Assert.Equal(Enumerable.Range(0, 620).Select(i => $"m{i:000}"), whole.Items(items)!.Select(NameOf));
        var first = await GetAsync(api, $"{Maps}?limit=600", accept);
        var second = await GetAsync(api, $"{Maps}?limit=600&continue={Uri.EscapeDataString(first.Text("metadata", "continue")!)}", accept);
        Assert.Null(second.Text("metadata", "continue"));
        Assert.Equal(600, first.Items(items)!.Count);
        var together = new JsonArray([.. first.Items(items)!.Concat(second.Items(items)!).Select(n => n!.DeepClone())]);
        Assert.True(JsonNode.DeepEquals(whole[items], together));
        Assert.Equal((whole.Text("kind"), whole.Text("apiVersion"), whole.ResourceVersion()), (first.Text("kind"), first.Text("apiVersion"), first.ResourceVersion()));
        Assert.True(JsonNode.DeepEquals(whole["columnDefinitions"], first["columnDefinitions"]));

        string NameOf(JsonNode? item) => (items == "rows" ? (JsonObject)item!["object"]! : (JsonObject)item!).Name();
    }

    [Fact]
    public async Task Page_of_large_objects_ends_early_and_says_how_to_go_on()
    {
        await using var api = await ApiServerFixture.StartAsync();
        for (var i = 0; i < 12; i++)
        {
            await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map($"m{i:000}", 900_000), Token);
        }

        var first = await GetAsync(api, $"{Maps}?limit=500", "application/json");
        Assert.Equal(10, first.Items("items")!.Count); // the tenth fills 8 MiB
        var second = await GetAsync(api, $"{Maps}?limit=500&continue={Uri.EscapeDataString(first.Text("metadata", "continue")!)}", "application/json");
        Assert.Equal(["m010", "m011"], second.Items("items")!.Select(item => ((JsonObject)item!).Name()));
        Assert.Null(second.Text("metadata", "continue"));
    }

    private static JsonObject Map(string name, int size) => new()
    {
        ["metadata"] = new JsonObject { ["name"] = name }, ["data"] = new JsonObject { ["text"] = new string('x', size) },
    };

    private static async Task<JsonObject> GetAsync(ApiServerFixture api, string path, string accept) =>
        (await api.SendAsync(HttpMethod.Get, path, accept: accept)).Body;
}
