using Ote.Cluster.Failover;

namespace Ote.Tests.Cluster.Failover;

public sealed class HomeWatchTests
{
    private readonly HomeWatch watch = new(new FailoverOptions { StableFor = TimeSpan.FromSeconds(30), MaxStableFor = TimeSpan.FromMinutes(2) });

    [Fact]
    public void Home_isReturnedTo_afterItStoodWellWithoutABreak()
    {
        Assert.False(watch.Probed(true, 0));
        Assert.False(watch.Probed(true, 29_000));
        Assert.False(watch.Probed(false, 29_500));
        Assert.False(watch.Probed(true, 30_000));
        Assert.False(watch.Probed(true, 59_999));
        Assert.True(watch.Probed(true, 60_000));
    }

    [Fact]
    public void AHomeThatIsLostSoonAfterAReturn_mustStandWellForTwiceAsLong_upToALimit()
    {
        foreach (int expected in (int[])[60, 120, 120])
        {
            watch.Arrived(returned: true, 0);
            watch.Lost(5_000);
            Assert.Equal(expected * 1000, watch.Required);
        }
    }

    [Fact]
    public void AReturnThatLasts_earnsTrustBack()
    {
        watch.Arrived(returned: true, 0);
        watch.Lost(5_000);
        watch.Arrived(returned: true, 100_000);
        watch.Lost(1_000_000);

        Assert.Equal(30_000, watch.Required);
    }

    [Fact]
    public void AHomeThatIsLeftBecauseSomebodyWishedIt_needNotStandWellForLonger()
    {
        watch.Arrived(returned: true, 0);
        watch.Left();
        watch.Lost(5_000); // it was not there
        Assert.Equal(30_000, watch.Required);
        Assert.False(watch.Probed(true, 6_000));
        Assert.True(watch.Probed(true, 36_000));
    }

    [Fact]
    public void ALossWithoutAReturnBefore_changesNothing()
    {
        watch.Arrived(returned: false, 0);
        watch.Lost(1_000);

        Assert.Equal(30_000, watch.Required);
    }
}
