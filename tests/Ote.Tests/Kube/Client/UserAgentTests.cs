using System.Reflection;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;
using Ote.Tests.Ctl;
using Ote.Tests.Kube.Server.Http;

namespace Ote.Tests.Kube.Client;

/// <summary>Who wrote an object stands in its <c>managedFields</c>, by the name a client gives itself.</summary>
public sealed class UserAgentTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("ote-center/0.1.0 (linux)", null, "ote-center")]
    [InlineData("plain", null, "plain")]
    [InlineData(null, "from-the-transport/2", "from-the-transport")]
    [InlineData("asked-for/1", "from-the-transport/2", "asked-for")]
    [InlineData(null, null, null)]
    public async Task Object_names_the_client_that_wrote_it(string? agent, string? transports, string? manager)
    {
        await using var api = await ApiServerFixture.StartAsync();
        var http = new HttpClient(api.Server.CreateHandler(UserInfo.Admin)) { BaseAddress = new Uri("https://embedded/") };
        if (transports is not null)
        {
            http.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", transports);
        }

        using var client = new KubeClient(http, agent);
        var made = await client.CreateAsync(Kinds.ConfigMaps, "default", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "a" }, ["data"] = new JsonObject { ["k"] = "v" } }, Ct);
        // What is told nothing is called as the program.
        Assert.Equal(manager ?? Assembly.GetEntryAssembly()!.GetName().Name, made.Items("metadata", "managedFields")![0].Text("manager"));
    }

    [Fact]
    public async Task What_otectl_makes_is_otectls()
    {
        await using var world = await CtlWorld.StartAsync();
        await world.RunAsync("join-token", "create");
        var token = Assert.Single((await world.Api.ListAsync(Kinds.JoinTokens, null, null, Ct)).Items);
        Assert.Equal("otectl", token.Items("metadata", "managedFields")![0].Text("manager"));
    }
}
