using System.Diagnostics.Metrics;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;

namespace Ote.Tests.Kube.Server.Http;

/// <summary>The server inside somebody else's host.</summary>
public sealed class MountedServerTests
{
    [Fact]
    public async Task BelowAPrefix_ServesItsPaths_AndPointsBelowThePrefix()
    {
        await using var api = await ApiServerFixture.StartAsync();
        Assert.Equal("NamespaceList", (await GetAsync(api, "/api/v1/namespaces", UserInfo.Admin)).Body.Text("kind"));
        var index = (await GetAsync(api, "/openapi/v3", UserInfo.Admin)).Body;
        Assert.StartsWith("/clusters/c1/openapi/v3/apis/apps/v1", index.Text("paths", "apis/apps/v1", "serverRelativeURL"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithoutAWordFromTheHost_TheCallerIsNobody()
    {
        await using var api = await ApiServerFixture.StartAsync();
        Assert.Equal(401, (await GetAsync(api, "/api/v1/namespaces", null)).Code);
    }

    [Fact]
    public async Task Requests_AreCountedByVerbAndCode()
    {
        await using var api = await ApiServerFixture.StartAsync(options: o => o with { Name = "measured" });
        var seen = new List<string>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Name == "ote.kube.server.requests" && instrument.Meter.Tags!.Any(tag => tag.Value is "measured"))
                {
                    l.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, _, tags, _) => seen.Add(string.Join(' ', tags.ToArray().Select(tag => $"{tag.Value}"))));
        listener.Start();
        await GetAsync(api, "/api/v1/namespaces", UserInfo.Admin);
        await GetAsync(api, "/api/v1/namespaces/nope", UserInfo.Admin);
        Assert.Equal(["list 200", "get 404"], seen);
    }

    private static async Task<(int Code, JsonObject Body)> GetAsync(ApiServerFixture api, string path, UserInfo? user)
    {
        using var body = new MemoryStream();
        var context = new DefaultHttpContext { Request = { Method = "GET", PathBase = "/clusters/c1", Path = path }, Response = { Body = body } };
        if (user is not null)
        {
            context.Features.Set(new ApiUserFeature(user));
        }

        await api.Server.HandleAsync(context);
        await context.Response.BodyWriter.CompleteAsync();
        return (context.Response.StatusCode, (JsonObject)JsonNode.Parse(body.ToArray())!);
    }
}
