using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeHub.Proxy;

/// <summary>What a hub passes on as it is.</summary>
public sealed class ForwardingTests : HubTests
{
    [Fact]
    public async Task A_write_that_an_API_server_took_and_did_not_answer_is_undecided_and_one_that_nobody_took_is_refused()
    {
        World.WhenAsked = request =>
        {
            if (request is { Verb: "create", Resource: "configmaps" })
            {
                World.Cable.Cut();
            }
        };
        var undecided = await Assert.ThrowsAsync<KubeStatusException>(() => CreateAsync("first"));
        Assert.Equal((504, true), (undecided.Code, undecided.Message.Contains("did not answer a POST to its end", StringComparison.Ordinal)));
        Assert.Equal(503, (await Assert.ThrowsAsync<KubeStatusException>(() => CreateAsync("second"))).Code);
        Assert.Equal(1, World.Asked("create", "configmaps"));
    }

    /// <summary>The right to exec is that to create it, and who may get it alone may not.</summary>
    [Fact]
    public async Task An_upgrade_is_asked_for_by_the_method_it_came_with()
    {
        ConcurrentQueue<string> verbs = [];
        World.WhenAsked = request =>
        {
            if (request.Resource == "pods/exec")
            {
                verbs.Enqueue(request.Verb);
            }
        };
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri("api/v1/namespaces/default/pods/p/exec?command=ls", UriKind.Relative)) { Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        request.Headers.Connection.Add("Upgrade");
        request.Headers.Add("Upgrade", "SPDY/3.1");
        using var answer = await World.Node.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token);
        Assert.Equal(["create"], verbs);
    }

    private Task<JsonObject> CreateAsync(string name) => World.Node.CreateAsync(
        Kinds.ConfigMaps, "default", (JsonObject)JsonNode.Parse($$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{{name}}}"}}""")!, Token);
}
