using Ote.Cluster.Lateral;

namespace Ote.Tests.Cluster.Lateral;

public sealed class LateralChoiceTests
{
    private static readonly Way Away = new(IsOpen: false, null);

    [Theory]
    [InlineData(10, 20, 20, true)]
    [InlineData(40, 20, 20, false)]
    [InlineData(0, 0, 0, true)] // one controller less has to write it down
    [InlineData(39, 20, 20, false)] // not worth a change
    public void The_shorter_measured_way_is_taken_when_it_pays(int lateral, int up, int down, bool taken) =>
        Assert.Equal(taken, LateralChoice.Takes(Ms(lateral), [Ms(up), Ms(down)], 100, isTaken: false));

    [Fact]
    public void A_way_that_was_chosen_is_kept_for_a_small_difference_and_left_for_a_large_one()
    {
        Assert.True(LateralChoice.Takes(Ms(45), [Ms(20), Ms(20)], 100, isTaken: true));
        Assert.False(LateralChoice.Takes(Ms(60), [Ms(20), Ms(20)], 100, isTaken: true));
    }

    [Fact]
    public void A_slow_rate_of_the_link_to_the_parent_counts_by_the_size_of_the_message()
    {
        var metered = Ms(1) with { BytesPerSecond = 1000 };
        Assert.False(LateralChoice.Takes(Ms(100), [metered, Ms(1)], 10, isTaken: false));
        Assert.True(LateralChoice.Takes(Ms(100), [metered, Ms(1)], 10_000, isTaken: false));
        Assert.False(LateralChoice.Takes(metered, [Ms(20), Ms(20)], 10_000, isTaken: false));
    }

    [Fact]
    public void While_the_tree_does_not_lead_there_any_open_lateral_link_does()
    {
        Assert.True(LateralChoice.Takes(Ms(900), [Away, Ms(1)], 100, isTaken: false));
        Assert.True(LateralChoice.Takes(Ms(900), [Ms(1), Away], 100, isTaken: false)); // quiet hours at the peer, or no parent there
        Assert.True(LateralChoice.Takes(new Way(IsOpen: true, null), [Away], 100, isTaken: false));
        Assert.False(LateralChoice.Takes(Away, [Away], 100, isTaken: true));
    }

    [Fact]
    public void The_tree_leads_there_when_each_link_that_is_known_is_open()
    {
        Assert.True(LateralChoice.Leads([Ms(1), new Way(IsOpen: true, null)]));
        Assert.False(LateralChoice.Leads([Ms(1), Away]));
    }

    [Fact]
    public void What_was_not_measured_is_not_called_short()
    {
        Assert.False(LateralChoice.Takes(new Way(IsOpen: true, null), [Ms(500), Ms(500)], 100, isTaken: false));
        Assert.False(LateralChoice.Takes(Ms(30), [new Way(IsOpen: true, null), Ms(20)], 100, isTaken: false)); // the tree may be fast
    }

    private static Way Ms(int roundTrip) => new(IsOpen: true, TimeSpan.FromMilliseconds(roundTrip));
}
