using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Budgets;
using Ote.Cluster.Handling;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Tests.Cluster.Handling;

public sealed class BudgetWishesTests
{
    private static readonly RouteEntry Entry = new() { Name = "c1", Uid = "u1", Parent = "root", Online = true, Epoch = 1 };
    private readonly FakeTimeProvider _time = new();
    private readonly List<SetBudget> _sent = [];
    private readonly BudgetWishes _wishes;

    public BudgetWishesTests() => _wishes = new BudgetWishes(
        message =>
        {
            _sent.Add(message.SetBudget);
            return Task.CompletedTask;
        },
        _time,
        NullLogger.Instance);

    [Fact]
    public async Task A_wish_that_was_lost_on_the_way_is_sent_again_ever_more_rarely()
    {
        var pauses = new List<double>();
        for (var i = 0; i < 9; i++)
        {
            var pause = (await _wishes.SendAsync(Wished(1), Entry))!.Value;
            pauses.Add(pause.TotalMinutes);
            Assert.Equal(i + 1, _sent.Count);
            _time.Advance(pause / 2);
            Assert.Equal(pause / 2, await _wishes.SendAsync(Wished(1), Entry)); // not yet
            _time.Advance(pause / 2);
        }

        Assert.Equal([1, 2, 4, 8, 16, 32, 60, 60, 60], pauses);
    }

    [Fact]
    public async Task An_edit_and_a_new_attachment_send_at_once()
    {
        await _wishes.SendAsync(Wished(1), Entry);
        await _wishes.SendAsync(Wished(2), Entry);
        await _wishes.SendAsync(Wished(2), Entry with { Epoch = 2 });
        Assert.Equal([1ul, 2, 2], _sent.Select(s => s.Generation));
    }

    [Fact]
    public async Task What_is_in_force_away_or_not_wished_is_not_sent()
    {
        Assert.True(BudgetSpec.TryRead((JsonObject)Wished(1)["spec"]!["linkBudget"]!, out var budget, out _));
        Assert.Null(await _wishes.SendAsync(Wished(1), Entry with { Budget = budget.Digest() }));
        Assert.Null(await _wishes.SendAsync(Wished(1), Entry with { Online = false }));
        Assert.Null(await _wishes.SendAsync(new JsonObject { ["spec"] = new JsonObject() }, Entry with { Budget = 7 }));
        Assert.Empty(_sent);
    }

    [Fact]
    public async Task A_budget_that_limits_nothing_takes_the_former_back()
    {
        await _wishes.SendAsync(new JsonObject { ["spec"] = new JsonObject { ["linkBudget"] = new JsonObject() } }, Entry with { Budget = 7 });
        Assert.Equal(0ul, Assert.Single(_sent).Budget.BytesPerSecond);
    }

    private static JsonObject Wished(long generation) => new()
    {
        ["metadata"] = new JsonObject { ["name"] = "c1", ["generation"] = generation },
        ["spec"] = new JsonObject { ["linkBudget"] = new JsonObject { ["bytesPerSecond"] = 1000 } },
    };
}
