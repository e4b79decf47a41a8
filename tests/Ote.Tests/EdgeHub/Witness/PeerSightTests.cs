using Ote.EdgeHub.Witness;

namespace Ote.Tests.EdgeHub.Witness;

public sealed class PeerSightTests
{
    [Fact]
    public void One_that_is_reached_is_seen_at_once_and_missed_only_after_three_times_in_a_row()
    {
        Assert.Null(default(PeerSight).Sees);
        Assert.True(PeerSight.Reached.Miss().Miss().Sees);
        Assert.False(PeerSight.Reached.Miss().Miss().Miss().Sees);
        Assert.False(default(PeerSight).Miss().Miss().Miss().Miss().Sees);
    }
}
