using System.Net;
using System.Text.Json.Nodes;
using Ote.EdgeHub.Offline;
using Ote.EdgeHub.Upstream;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeHub;

/// <summary>A hub that was told of one API server and learns of another from the cluster's endpoints; both are reached by relays that can be cut.</summary>
public sealed class DiscoveredServersTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task After_a_restart_while_the_named_server_is_gone_the_node_reaches_the_cluster_by_the_one_that_was_discovered()
    {
        await using var world = await HubWorld.StartAsync(discovers: true);
        await TellAsync(world, world.Cable.Port, world.Other.Port);
        await UpAsync(world, 2);
        await world.StopHubAsync();
        world.Cable.Cut();

        await world.StartHubAsync();

        await HubWorld.UntilAsync(() => Task.FromResult(world.Hub.State == ConnectionState.Connected), "connected by the other server");
        await world.CreatePodAsync("a");
        Assert.Equal("a", (await world.Node.GetAsync(Kinds.Pods, "default", "a", Token))!.Name());
    }

    [Fact]
    public async Task A_hub_that_is_not_to_discover_them_is_cut_off_with_its_named_server()
    {
        await using var world = await HubWorld.StartAsync();
        await TellAsync(world, world.Cable.Port, world.Other.Port);
        await world.CutAsync();
        Assert.Equal(0, world.Other.BytesDown);
    }

    [Fact]
    public async Task When_the_named_server_dies_the_watch_of_a_component_goes_on_by_the_one_that_was_discovered_and_the_node_is_not_cut_off()
    {
        await using var world = await HubWorld.StartAsync(discovers: true);
        await TellAsync(world, world.Cable.Port, world.Other.Port);
        await UpAsync(world, 2);
        var list = await world.Node.SendAsync(HttpMethod.Get, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1&resourceVersion=0", null, null, Token);
        await using var watch = world.Node.WatchAsync(Kinds.Pods, null, new ListQuery(FieldSelector: "spec.nodeName=n1"), list.Text("metadata", "resourceVersion")!, Token).GetAsyncEnumerator(Token);
        var next = watch.MoveNextAsync();

        world.Cable.Cut();
        await UpAsync(world, 1);
        await world.CreatePodAsync("a");

        Assert.True(await next);
        Assert.Equal("a", watch.Current.Object.Name());
        Assert.Equal(ConnectionState.Connected, world.Hub.State);
    }

    [Fact]
    public async Task One_that_is_gone_from_the_endpoints_is_asked_no_more_and_endpoints_without_any_are_not_believed()
    {
        await using var world = await HubWorld.StartAsync(discovers: true);
        await TellAsync(world, world.Cable.Port, world.Other.Port);
        await UpAsync(world, 2);
        await TellAsync(world, []);
        await TellAsync(world, world.Cable.Port);
        await HubWorld.UntilAsync(() => Task.FromResult(Remembered(world) == $"https://127.0.0.1:{world.Cable.Port}/"), "the list that is remembered has the one server");
        await TellAsync(world, []);
        await TellAsync(world, world.Cable.Port, world.Other.Port);
        await HubWorld.UntilAsync(() => Task.FromResult(Remembered(world) == $"https://127.0.0.1:{world.Cable.Port}/\nhttps://127.0.0.1:{world.Other.Port}/"), "the list that is remembered has both again");
        await UpAsync(world, 2);
    }

    [Fact]
    public async Task Where_the_Service_kubernetes_leads_to_the_hub_on_this_node_the_hub_is_not_taken_for_a_server()
    {
        await using var world = await HubWorld.StartAsync(IPAddress.Parse("10.96.0.1"), discovers: true);
        await TellAsync(world, world.Cable.Port, world.Other.Port);
        using var proxy = world.ClientOf("proxy");
        var shown = await proxy.SendAsync(HttpMethod.Get, "api/v1/endpoints?resourceVersion=0", null, null, Token);
        Assert.Equal("10.1.2.3", Assert.Single(shown.Items("items")!).Items("subsets")![0].Items("addresses")![0].Text("ip"));
        await UpAsync(world, 2);
        Assert.Equal($"https://127.0.0.1:{world.Cable.Port}/\nhttps://127.0.0.1:{world.Other.Port}/", Remembered(world));
    }

    private static string? Remembered(HubWorld world) => new RememberedServers(world.Folder).Read();

    private static Task UpAsync(HubWorld world, int servers) => HubWorld.UntilAsync(() => Task.FromResult(world.Hub.ServersUp == servers), $"{servers} servers are up");

    /// <summary>Writes the cluster's endpoints, as its API servers do.</summary>
    private static async Task TellAsync(HubWorld world, params int[] ports)
    {
        var endpoints = new JsonObject
        {
            ["apiVersion"] = "v1", ["kind"] = "Endpoints", ["metadata"] = new JsonObject { ["name"] = "kubernetes", ["namespace"] = "default" },
            ["subsets"] = new JsonArray([.. ports.Select(port => (JsonNode)new JsonObject
            {
                ["addresses"] = new JsonArray(new JsonObject { ["ip"] = "127.0.0.1" }), ["ports"] = new JsonArray(new JsonObject { ["name"] = "https", ["port"] = port }),
            })]),
        };
        if (await world.Upstream.GetAsync(Kinds.Endpoints, "default", "kubernetes", Token) is { } there)
        {
            endpoints["metadata"]!["resourceVersion"] = there.ResourceVersion();
            await world.Upstream.ReplaceAsync(Kinds.Endpoints, endpoints, Token);
        }
        else
        {
            await world.Upstream.CreateAsync(Kinds.Endpoints, "default", endpoints, Token);
        }
    }
}
