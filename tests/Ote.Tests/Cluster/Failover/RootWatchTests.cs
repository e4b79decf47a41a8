using Ote.Cluster.Failover;

namespace Ote.Tests.Cluster.Failover;

public sealed class RootWatchTests
{
    private static readonly ParentTarget Uncle = new("uncle:1", false), Brother = new("brother:1", false);
    private static readonly ParentTarget[] Both = [Uncle, Brother];
    private readonly RootWatch _watch = new(new FailoverOptions());

    [Fact]
    public void Nobody_is_asked_while_the_root_is_heard_of()
    {
        Assert.Null(_watch.Ask(hears: true, depth: 2, Both, 0));
        Assert.Null(_watch.Ask(hears: true, depth: 2, Both, 1_000_000));
    }

    [Fact]
    public void Who_hangs_deeper_waits_longer_so_that_a_branch_moves_with_its_head()
    {
        Assert.Equal(25_000, FirstAsked(depth: 2));
        Assert.Equal(30_000, FirstAsked(depth: 3));

        static long FirstAsked(int depth)
        {
            var watch = new RootWatch(new FailoverOptions());
            for (long now = 0; ; now += 1000)
            {
                if (watch.Ask(hears: false, depth, Both, now) is not null)
                {
                    return now;
                }
            }
        }
    }

    [Fact]
    public void One_that_hears_of_the_root_still_after_a_while_is_gone_to()
    {
        _watch.Ask(false, 2, Both, 0);
        Assert.Equal(Uncle, _watch.Ask(false, 2, Both, 25_000));
        Assert.False(_watch.Answered(Uncle, good: false, 2, 25_000));
        Assert.Equal(Brother, _watch.Ask(false, 2, Both, 25_000));
        Assert.False(_watch.Answered(Brother, good: true, 2, 25_000));
        Assert.Null(_watch.Ask(false, 2, Both, 39_000));
        Assert.Equal(Brother, _watch.Ask(false, 2, Both, 40_000));
        Assert.True(_watch.Answered(Brother, good: true, 2, 40_000));
    }

    [Fact]
    public void A_parent_that_hears_of_the_root_meanwhile_is_kept_and_all_begins_anew()
    {
        _watch.Ask(false, 2, Both, 0);
        _watch.Ask(false, 2, Both, 25_000);
        _watch.Answered(Uncle, good: true, 2, 25_000);
        Assert.Null(_watch.Ask(hears: true, 2, Both, 30_000));
        Assert.Null(_watch.Ask(false, 2, Both, 35_000));
        Assert.Null(_watch.Ask(false, 2, Both, 59_000));
        Assert.NotNull(_watch.Ask(false, 2, Both, 60_000));
    }

    [Fact]
    public void While_the_root_itself_is_away_candidates_are_asked_ever_more_seldom_up_to_once_a_minute()
    {
        long now = 25_000, asked = 0;
        _watch.Ask(false, 2, Both, 0);
        for (; now < 25_000 + 3_600_000; now += 1000)
        {
            while (_watch.Ask(false, 2, Both, now) is { } one)
            {
                Assert.False(_watch.Answered(one, good: false, 2, now));
                asked++;
            }
        }

        Assert.InRange(asked, 55, 75);
    }
}
