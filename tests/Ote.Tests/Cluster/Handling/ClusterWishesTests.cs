using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Budgets;
using Ote.Cluster.Failover;
using Ote.Cluster.Handling;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Tests.Cluster.Handling;

public sealed class ClusterWishesTests
{
    private static readonly RouteEntry Entry = new() { Name = "c1", Uid = "u1", Parent = "root", Online = true, Epoch = 1 };
    private readonly FakeTimeProvider _time = new();
    private readonly List<Message> _sent = [];
    private readonly ClusterWishes _wishes;

    public ClusterWishesTests() => _wishes = new ClusterWishes(
        message =>
        {
            _sent.Add(message);
            return Task.CompletedTask;
        },
        _time,
        NullLogger.Instance);

    public static TheoryData<string> Specs => new("""{"linkBudget":{"bytesPerSecond":1000}}""", """{"pinnedParent":"north"}""", """{"tags":["cold"]}""");

    [Theory]
    [MemberData(nameof(Specs))]
    public async Task A_wish_that_was_lost_on_the_way_is_sent_again_ever_more_rarely(string spec)
    {
        var pauses = new List<double>();
        for (var i = 0; i < 9; i++)
        {
            var pause = (await _wishes.SendAsync(Wished(1, spec), Entry))!.Value;
            pauses.Add(pause.TotalMinutes);
            Assert.Equal(i + 1, _sent.Count);
            _time.Advance(pause / 2);
            Assert.Equal(pause / 2, await _wishes.SendAsync(Wished(1, spec), Entry)); // not yet
            _time.Advance(pause / 2);
        }

        Assert.Equal([1, 2, 4, 8, 16, 32, 60, 60, 60], pauses);
    }

    [Theory]
    [MemberData(nameof(Specs))]
    public async Task An_edit_and_a_new_attachment_send_at_once(string spec)
    {
        await _wishes.SendAsync(Wished(1, spec), Entry);
        await _wishes.SendAsync(Wished(2, spec), Entry);
        await _wishes.SendAsync(Wished(2, spec), Entry with { Epoch = 2 });
        Assert.Equal([1ul, 2, 2], _sent.Select(m => m.SetBudget?.Generation ?? m.SetPlacement?.Generation ?? m.SetTags.Generation));
    }

    [Fact]
    public async Task What_is_in_force_away_or_not_wished_is_not_sent()
    {
        var all = Wished(1, """{"linkBudget":{"bytesPerSecond":1000},"pinnedParent":"north","tags":["cold"]}""");
        Assert.True(BudgetSpec.TryRead((JsonObject)all["spec"]!["linkBudget"]!, out var budget, out _));
        var placement = PlacementDigest.Of(ClusterWishes.PlaceOf(all, "c1"));
        Assert.True(TagSet.TryCreate(["cold"], out var tags, out _));
        Assert.Null(await _wishes.SendAsync(all, Entry with { Budget = budget.Digest(), Placement = placement, Tags = tags }));
        Assert.Null(await _wishes.SendAsync(all, Entry with { Online = false }));
        Assert.Null(await _wishes.SendAsync(Wished(1, "{}"), Entry with { Budget = 7, Placement = 7, Tags = tags }));
        Assert.Empty(_sent);
    }

    [Fact]
    public async Task Each_kind_of_wish_waits_by_itself()
    {
        var both = Wished(1, """{"pinnedParent":"north","tags":["cold"]}""");
        await _wishes.SendAsync(both, Entry);
        Assert.Equal(2, _sent.Count);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(TimeSpan.FromMinutes(2), await _wishes.SendAsync(both, Entry with { Placement = PlacementDigest.Of(ClusterWishes.PlaceOf(both, "c1")) }));
        Assert.NotNull(Assert.Single(_sent.Skip(2)).SetTags);
    }

    [Fact]
    public async Task A_budget_that_limits_nothing_takes_the_former_back()
    {
        await _wishes.SendAsync(Wished(1, """{"linkBudget":{}}"""), Entry with { Budget = 7 });
        Assert.Equal(0ul, Assert.Single(_sent).SetBudget.Budget.BytesPerSecond);
    }

    [Fact]
    public async Task A_place_is_taken_back_by_the_object_that_wished_it_and_by_no_other()
    {
        var mine = Wished(1, """{"pinnedParent":"north"}""");
        var pin = PlacementDigest.Of(ClusterWishes.PlaceOf(mine, "c1"));
        Write(mine, 0);
        Assert.False(InForce(mine));
        Write(mine, pin);
        Assert.True(InForce(mine));

        ((JsonObject)mine["spec"]!).Remove("pinnedParent");
        Write(mine, pin);
        Assert.False(InForce(mine));
        await _wishes.SendAsync(mine, Entry with { Placement = pin });
        Assert.Equal("", Assert.Single(_sent).SetPlacement.PinnedParent);

        Write(mine, 0); // it told of the pin and tells of none: nothing is on its way any more
        Assert.Null(InForce(mine));
        Write(mine, 9); // another control entry's wish
        Assert.Equal("WishedElsewhere", mine.Condition("PlacementInForce").Text("reason"));
        Assert.Null(await _wishes.SendAsync(mine, Entry with { Placement = 9 }));
        Assert.Single(_sent);
    }

    [Fact]
    public async Task A_place_that_is_taken_back_before_the_cluster_has_told_of_it_is_taken_back_all_the_same()
    {
        var mine = Wished(1, """{"pinnedParent":"north"}""");
        Write(mine, 0);
        await _wishes.SendAsync(mine, Entry);

        ((JsonObject)mine["spec"]!).Remove("pinnedParent");
        mine["metadata"]!["generation"] = 2;
        Write(mine, 0); // the pin is on its way
        Assert.NotNull(await _wishes.SendAsync(mine, Entry));
        Assert.Equal(["north", ""], _sent.Select(m => m.SetPlacement.PinnedParent));
        Write(mine, 0);
        Assert.False(InForce(mine));
        _time.Advance(TimeSpan.FromMinutes(1));
        Write(mine, 0);
        Assert.Null(InForce(mine));
    }

    [Fact]
    public async Task A_cluster_that_has_just_attached_and_tells_of_no_pin_yet_is_told_all_the_same_that_it_was_taken_back()
    {
        var mine = Wished(1, """{"pinnedParent":"north"}""");
        var pin = PlacementDigest.Of(ClusterWishes.PlaceOf(mine, "c1"));
        Write(mine, pin);
        await _wishes.SendAsync(mine, Entry with { Placement = pin });

        ((JsonObject)mine["spec"]!).Remove("pinnedParent");
        mine["metadata"]!["generation"] = 2;
        var again = Entry with { Epoch = 2 };
        Write(mine, 0, entry: again);
        Assert.False(InForce(mine));
        await _wishes.SendAsync(mine, again);
        Assert.Equal("", Assert.Single(_sent).SetPlacement.PinnedParent);
        Write(mine, 0, entry: again);
        Assert.False(InForce(mine));

        Write(mine, pin, entry: again);
        await _wishes.SendAsync(mine, again with { Placement = pin });
        Write(mine, 0, entry: again);
        Assert.Null(InForce(mine));
    }

    [Fact]
    public void A_pin_that_the_cluster_knows_of_and_does_not_follow_is_not_in_force()
    {
        var mine = Wished(1, """{"pinnedParent":"north"}""");
        var pin = PlacementDigest.Of(ClusterWishes.PlaceOf(mine, "c1"));
        Write(mine, pin, below: "south");
        Assert.Equal("NotBelowPinned", mine.Condition("PlacementInForce").Text("reason"));
        Assert.Contains("hangs below south", mine.Condition("PlacementInForce").Text("message"), StringComparison.Ordinal);

        Write(mine, pin);
        Assert.True(InForce(mine));
    }

    private void Write(JsonObject cluster, ulong inForce, string below = "north", RouteEntry? entry = null)
    {
        entry = (entry ?? Entry) with { Placement = inForce, Parent = below };
        ClusterStatus.WritePlacement((JsonObject)cluster["status"]!, ClusterWishes.PlaceOf(cluster, "c1"), entry, _wishes.IsPlaceTakenBack(cluster, entry), _time.GetUtcNow());
    }

    private static JsonObject Wished(long generation, string spec) => new()
    {
        ["metadata"] = new JsonObject { ["name"] = "c1", ["generation"] = generation },
        ["spec"] = JsonNode.Parse(spec),
        ["status"] = new JsonObject(),
    };

    private static bool? InForce(JsonObject cluster) => cluster.Condition("PlacementInForce") is { } condition ? condition.Text("status") == "True" : null;
}
