using Ote.Cluster.Budgets;

namespace Ote.Tests.Cluster.Budgets;

public sealed class LinkReportTests
{
    private const long Mebi = 1 << 20;
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(6);
    private static readonly LinkReport Told = new(40, 100 * Mebi, 200 * Mebi, 10 * Mebi, false, 1000);

    [Fact]
    public void What_a_link_costs_is_told_when_it_was_never_told() => Assert.True(Told.IsNews(null, TimeSpan.Zero));

    [Fact]
    public void A_reached_another_or_a_renewed_cap_is_told_at_once()
    {
        Assert.True((Told with { IsSpent = true }).IsNews(Told, TimeSpan.Zero));
        Assert.True(Told.IsNews(Told with { IsSpent = true }, TimeSpan.Zero));
        Assert.True((Told with { DailyBytes = 0 }).IsNews(Told, TimeSpan.Zero));
    }

    [Theory]
    [InlineData(119, 40, 10, false)]
    [InlineData(121, 40, 10, true)]
    [InlineData(100, 49, 10, true)]
    [InlineData(100, 45, 10, false)]
    [InlineData(100, 40, 13, true)]
    public void More_than_a_fifth_more_is_told_after_five_minutes_and_not_before(long bytes, long trip, long saved, bool news)
    {
        var now = Told with { BytesToday = bytes * Mebi, RoundTripMilliseconds = trip, SavedToday = saved * Mebi };
        Assert.False(now.IsNews(Told, TimeSpan.FromMinutes(4)));
        Assert.Equal(news, now.IsNews(Told, Long));
    }

    [Fact]
    public void Little_of_little_is_not_told()
    {
        var idle = new LinkReport(1, 1000, 0, 0, false, 0);
        Assert.False((idle with { BytesToday = 50_000, RoundTripMilliseconds = 4 }).IsNews(idle, Long));
    }

    [Fact]
    public void A_new_day_is_told() => Assert.True((Told with { BytesToday = 0, SavedToday = 0 }).IsNews(Told, Long));

    [Fact]
    public void It_arrives_as_it_was_told_and_no_number_of_a_peer_breaks_it()
    {
        Assert.Equal(Told, LinkReport.From(Told.ToWire()));
        Assert.Equal(-1, LinkReport.From((Told with { RoundTripMilliseconds = -1 }).ToWire())!.RoundTripMilliseconds);
        Assert.Null(LinkReport.From(null));
        var wild = LinkReport.From(new Ote.Protocol.Tunnel.CostReport { BytesToday = ulong.MaxValue, AsOfUnixSeconds = ulong.MaxValue, RoundTripMilliseconds = uint.MaxValue })!;
        Assert.True(wild.BytesToday > 0);
        Ote.Cluster.Handling.ClusterStatus.WriteLink([], wild, DateTimeOffset.UnixEpoch);
    }
}
