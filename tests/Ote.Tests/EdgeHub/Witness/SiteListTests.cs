using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.EdgeHub.Cache;
using Ote.EdgeHub.Witness;
using Ote.Kube.Client;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.EdgeHub.Witness;

public sealed class SiteListTests : IDisposable
{
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(5);
    private readonly FakeTimeProvider _time = new();
    private readonly Scratch _folder = new("site-list");
    private readonly Nodes _nodes = new();
    private readonly KubeClient _client;
    private NodeCache _cache;
    private SiteList _list;
    private string? _said = "shop";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public SiteListTests()
    {
        _client = new KubeClient(new HttpClient(_nodes) { BaseAddress = new Uri("https://api") });
        (_cache, _list) = Begin();
    }

    [Fact]
    public async Task A_site_whose_hubs_are_all_known_is_listed_once_in_sixty_looks()
    {
        _nodes.All = [Node("n1", hub: true), Node("n2", hub: true), Node("n3", hub: true)];
        Assert.Equal(["n2", "n3"], (await _list.ReadAsync(Ct))!.Select(peer => peer.Name));
        Assert.Equal(1, await ListsWithinAsync(SiteList.Seldom - 1));
        Assert.Equal(2, await ListsWithinAsync(1));
    }

    [Fact]
    public async Task While_a_hub_is_missing_it_is_listed_more_and_more_seldom()
    {
        _nodes.All = [Node("n1", hub: true), Node("n2", hub: false)];
        await _list.ReadAsync(Ct);
        Assert.Equal(1, await ListsWithinAsync(2));
        Assert.Equal(2, await ListsWithinAsync(1));
        Assert.Equal(2, await ListsWithinAsync(8));
        Assert.Equal(3, await ListsWithinAsync(1));
        _nodes.All = [Node("n1", hub: true), Node("n2", hub: true)];
        Assert.Equal(4, await ListsWithinAsync(27));
        Assert.Equal(4, await ListsWithinAsync(SiteList.Seldom - 1));
    }

    [Fact]
    public async Task A_new_start_asks_no_more_often_and_knows_the_same()
    {
        _nodes.All = [Node("n1", hub: true), Node("n2", hub: true)];
        var before = await _list.ReadAsync(Ct);
        _cache.Dispose();
        (_cache, _list) = Begin();
        Assert.Equal(before, await _list.ReadAsync(Ct));
        Assert.Equal(1, _nodes.Lists);
        _time.Advance(SiteList.Seldom * s_look);
        await _list.ReadAsync(Ct);
        Assert.Equal(2, _nodes.Lists);
    }

    [Fact]
    public async Task A_node_that_says_another_site_is_looked_up_at_once_and_one_that_is_not_registered_has_none()
    {
        _nodes.All = [];
        Assert.Null(await _list.ReadAsync(Ct));
        _nodes.All = [Node("n1", hub: true), Node("n2", hub: true)];
        Assert.Single((await _list.ReadAsync(Ct))!);
        _said = "depot";
        _nodes.All = [Node("n1", hub: true, "depot"), Node("n9", hub: true, "depot")];
        Assert.Equal("n9", Assert.Single((await _list.ReadAsync(Ct))!).Name);
    }

    [Fact]
    public async Task A_site_that_a_node_has_just_been_given_is_listed_soon_again_since_others_are_given_it_too()
    {
        _said = null;
        _nodes.All = [Node("n1", hub: true, "")];
        await _list.ReadAsync(Ct);
        _said = "shop";
        _nodes.All = [Node("n1", hub: true), Node("n2", hub: true)];
        Assert.Single((await _list.ReadAsync(Ct))!);
        _nodes.All = [Node("n1", hub: true), Node("n2", hub: true), Node("n3", hub: true)];
        await ListsWithinAsync(SiteList.Sooner * SiteList.Sooner);
        Assert.Equal(2, (await _list.ReadAsync(Ct))!.Count);
    }

    public void Dispose()
    {
        _client.Dispose();
        _cache.Dispose();
        _folder.Dispose();
    }

    private (NodeCache, SiteList) Begin()
    {
        var cache = new NodeCache(NodeDatabase.Open(_folder["data"], "n1", NullLogger.Instance), null, long.MaxValue, _time, NullLogger.Instance);
        return (cache, new SiteList("n1", _client, cache, () => _said, s_look, _time));
    }

    private async Task<int> ListsWithinAsync(int looks)
    {
        for (var i = 0; i < looks; i++)
        {
            _time.Advance(s_look);
            await _list.ReadAsync(Ct);
        }

        return _nodes.Lists;
    }

    private static JsonObject Node(string name, bool hub, string site = "shop") => new()
    {
        ["metadata"] = new JsonObject
        {
            ["name"] = name, ["resourceVersion"] = "1", ["labels"] = new JsonObject { [SitePeer.SiteLabel] = site },
            ["annotations"] = hub ? new JsonObject { [SitePeer.HubAnnotation] = $"https://{name}:10261", [SitePeer.PinAnnotation] = "AA==" } : null,
        },
    };

    /// <summary>An API server that has Nodes, and counts how often they are listed.</summary>
    private sealed class Nodes : HttpMessageHandler
    {
        public JsonObject[] All { get; set; } = [];

        public int Lists { get; private set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var one = request.RequestUri!.AbsolutePath.Split('/') is [.., "nodes", var name] ? name : null;
            Lists += one is null ? 1 : 0;
            var answer = one is null ? new JsonObject { ["metadata"] = new JsonObject { ["resourceVersion"] = "1" }, ["items"] = new JsonArray([.. All.Select(node => node.DeepClone())]) }
                : All.FirstOrDefault(node => (string?)node["metadata"]!["name"] == one)?.DeepClone();
            return Task.FromResult(new HttpResponseMessage(answer is null ? HttpStatusCode.NotFound : HttpStatusCode.OK)
            {
                Content = new StringContent(answer?.ToJsonString() ?? """{"kind":"Status","code":404,"reason":"NotFound"}""", Encoding.UTF8, "application/json"),
            });
        }
    }
}
