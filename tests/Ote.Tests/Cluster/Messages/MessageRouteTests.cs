using Ote.Cluster.Messages;
using Ote.Cluster.Routing;

namespace Ote.Tests.Cluster.Messages;

public sealed class MessageRouteTests
{
    private readonly RouteTable _table = new(new RouteEntry { Name = "m", Uid = "u-m" });

    [Fact]
    public void A_message_for_this_cluster_is_here() => Assert.Equal(MessageStep.Here, Decide("m", isRoot: false, fromAbove: true).Step);

    [Fact]
    public void One_for_somebody_below_goes_down_wherever_it_comes_from()
    {
        _table.ChildAttached(new RouteEntry { Name = "c", Uid = "u-c", Epoch = 1 });
        Assert.Equal(new MessageRoute(MessageStep.Down, "c"), Decide("c", isRoot: false, fromAbove: true));
        Assert.Equal(new MessageRoute(MessageStep.Down, "c"), Decide("c", isRoot: true, fromAbove: false));
    }

    [Theory]
    [InlineData(false, false, nameof(MessageStep.Up))] // an ancestor may know another way
    [InlineData(false, true, nameof(MessageStep.Wait))] // never up again
    [InlineData(true, false, nameof(MessageStep.Wait))]
    public void One_for_somebody_who_is_away_goes_up_once_or_waits(bool isRoot, bool fromAbove, string step)
    {
        _table.ChildAttached(new RouteEntry { Name = "c", Uid = "u-c", Epoch = 1 });
        _table.ChildDetached("c", 0);
        Assert.Equal(step, Decide("c", isRoot, fromAbove).Step.ToString());
    }

    [Theory]
    [InlineData(false, false, false, nameof(MessageStep.Up))]
    [InlineData(false, true, false, nameof(MessageStep.Wait))]
    [InlineData(true, false, false, nameof(MessageStep.NoCluster))]
    [InlineData(true, false, true, nameof(MessageStep.Wait))]
    public void Only_the_root_says_that_nobody_has_a_name_and_not_of_one_it_has_just_lost(bool isRoot, bool fromAbove, bool mayReturn, string step) =>
        Assert.Equal(step, Decide("nobody", isRoot, fromAbove, mayReturn).Step.ToString());

    private MessageRoute Decide(string to, bool isRoot, bool fromAbove, bool mayReturn = false) => MessageRoute.Decide(_table, to, isRoot, fromAbove, _ => mayReturn);
}
