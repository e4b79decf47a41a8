using Ote.EdgeHub.Upstream;

namespace Ote.Tests.EdgeHub.Upstream;

public sealed class ServerChoiceTests
{
    private static readonly Candidate s_idle = new(MayBeAsked: true, IsLeaving: false, IsDoubted: false, Pending: 0);
    private static readonly Candidate s_busy = s_idle with { Pending = 5 };
    private static readonly Candidate s_down = s_idle with { MayBeAsked = false };
    private static readonly Candidate s_doubted = s_idle with { IsDoubted = true };
    private static readonly Candidate s_leaving = s_idle with { IsLeaving = true };

    [Fact]
    public void By_least_pending_the_one_with_the_fewest_requests_under_way_is_next_and_equals_take_turns()
    {
        Assert.Equal(1, ServerChoice.Next(Balance.LeastPending, [s_busy, s_idle, s_busy], 2));
        Assert.Equal([0, 1, 2], Turns(Balance.LeastPending, [s_idle, s_idle, s_idle]));
    }

    [Fact]
    public void By_round_robin_each_has_its_turn_however_much_runs_there() => Assert.Equal([0, 1, 2], Turns(Balance.RoundRobin, [s_idle, s_busy, s_busy with { Pending = 50 }]));

    [Fact]
    public void By_round_robin_the_turn_of_one_that_is_down_is_the_next_ones() => Assert.Equal([0, 2, 2], Turns(Balance.RoundRobin, [s_idle, s_down, s_idle]));

    [Fact]
    public void By_priority_the_first_that_is_up_is_next_whosever_turn_it_is_and_however_much_runs_there()
    {
        Assert.Equal([0, 0, 0], Turns(Balance.Priority, [s_busy, s_idle, s_idle]));
        Assert.Equal([1, 1, 1], Turns(Balance.Priority, [s_down, s_busy, s_idle]));
    }

    [Theory]
    [InlineData(Balance.LeastPending)]
    [InlineData(Balance.RoundRobin)]
    [InlineData(Balance.Priority)]
    public void One_that_is_doubted_is_asked_only_where_all_are_and_one_that_is_leaving_only_where_no_other_is_up(Balance balance)
    {
        Assert.Equal([1, 1], Turns(balance, [s_doubted, s_busy]));
        Assert.Equal([1, 1], Turns(balance, [s_leaving, s_doubted with { Pending = 9 }]));
        Assert.Equal([1, 1], Turns(balance, [s_down, s_leaving]));
    }

    [Theory]
    [InlineData(Balance.LeastPending)]
    [InlineData(Balance.RoundRobin)]
    [InlineData(Balance.Priority)]
    public void None_is_next_where_none_is_up(Balance balance) => Assert.Equal([-1, -1], Turns(balance, [s_down, s_down]));

    private static int[] Turns(Balance balance, Candidate[] servers) => [.. Enumerable.Range(0, servers.Length).Select(turn => ServerChoice.Next(balance, servers, turn))];
}
