using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Lateral;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Tests.Cluster.Lateral;

public sealed class LateralWishesTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly List<SetLateral> _sent = [];
    private readonly Dictionary<string, RouteEntry> _routes = new()
    {
        ["c1"] = new RouteEntry { Name = "c1", Uid = "u1", Online = true, Epoch = 1, Lateral = LateralSet.None.Digest() },
        ["c2"] = new RouteEntry { Name = "c2", Uid = "u2", Online = true, Epoch = 1, Lateral = LateralSet.None.Digest(), Address = "10.0.0.2:8287" },
    };

    private readonly LateralWishes _wishes;

    public LateralWishesTests() => _wishes = new LateralWishes(
        name => _routes.GetValueOrDefault(name),
        message =>
        {
            _sent.Add(message.SetLateral);
            return Task.CompletedTask;
        },
        _time,
        NullLogger.Instance);

    [Fact]
    public async Task The_peers_identity_and_address_are_the_routes_and_a_changed_one_is_sent_at_once()
    {
        await _wishes.SendAsync(Wished("c2"), _routes["c1"]);
        await _wishes.SendAsync(Wished("c2"), _routes["c1"]);
        Assert.Equal(("u2", "10.0.0.2:8287"), (Assert.Single(_sent).Peers[0].Uid, _sent[0].Peers[0].Address));

        _routes["c2"] = _routes["c2"] with { Address = "10.0.0.3:8287" };
        Assert.Equal(["c1"], _wishes.Naming("c2"));
        await _wishes.SendAsync(Wished("c2"), _routes["c1"]);
        Assert.Equal("10.0.0.3:8287", _sent[1].Peers[0].Address);
    }

    [Fact]
    public async Task What_is_in_force_is_not_sent_again_and_what_was_lost_is()
    {
        Assert.Equal(TimeSpan.FromMinutes(1), await _wishes.SendAsync(Wished("c2"), _routes["c1"]));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(TimeSpan.FromMinutes(2), await _wishes.SendAsync(Wished("c2"), _routes["c1"]));
        Assert.Equal(2, _sent.Count);
        Assert.Null(await _wishes.SendAsync(Wished("c2"), _routes["c1"] with { Lateral = _wishes.Digest(Wished("c2")) }));
    }

    [Fact]
    public async Task Builds_that_know_nothing_of_it_are_neither_told_nor_named()
    {
        Assert.Null(await _wishes.SendAsync(Wished("c2"), _routes["c1"] with { Lateral = 0 }));
        _routes["c2"] = _routes["c2"] with { Lateral = 0 };
        await _wishes.SendAsync(Wished("c2", "nobody"), _routes["c1"] with { Lateral = 7 });
        Assert.Empty(Assert.Single(_sent).Peers);
    }

    [Fact]
    public async Task An_object_that_says_nothing_wishes_nothing_and_an_empty_list_takes_it_back()
    {
        Assert.Null(await _wishes.SendAsync(new JsonObject { ["metadata"] = new JsonObject { ["name"] = "c1" }, ["spec"] = new JsonObject() }, _routes["c1"] with { Lateral = 7 }));
        Assert.Empty(_sent);
        await _wishes.SendAsync(Wished(), _routes["c1"] with { Lateral = 7 });
        Assert.Empty(Assert.Single(_sent).Peers);
    }

    private static JsonObject Wished(params string[] peers) => new()
    {
        ["metadata"] = new JsonObject { ["name"] = "c1", ["generation"] = 1 },
        ["spec"] = new JsonObject { ["lateral"] = new JsonArray([.. peers.Select(p => (JsonNode)new JsonObject { ["peer"] = p })]) },
    };
}
