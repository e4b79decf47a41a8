using Ote.Cluster.Identity;

namespace Ote.Tests.Cluster.Identity;

public sealed class RenewalScheduleTests
{
    private static readonly DateTimeOffset Begin = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(0, 0, 150)]
    [InlineData(0, 0.5, 175)]
    [InlineData(0, 0.999999, 200)]
    [InlineData(149, 0, 150)]
    public void Certificate_of_300_days_is_renewed_between_half_and_two_thirds_of_its_life(int today, double random, double due)
    {
        DateTimeOffset at = RenewalSchedule.Due(Begin, Begin.AddDays(300), Begin.AddDays(today), random);
        Assert.Equal(due, (at - Begin).TotalDays, 0.001);
        Assert.True(at <= RenewalSchedule.Latest(Begin, Begin.AddDays(300)));
    }

    [Theory]
    [InlineData(250, 60)]
    [InlineData(299, 60)]
    [InlineData(300, 10)] // it has ended: the cluster is offline until it has another
    [InlineData(10_000, 10)]
    public void What_is_overdue_is_renewed_within_a_minute_and_what_has_ended_within_ten_seconds_and_not_by_all_at_once(int today, double most)
    {
        DateTimeOffset now = Begin.AddDays(today);
        Assert.Equal(now, RenewalSchedule.Due(Begin, Begin.AddDays(300), now, 0));
        Assert.Equal(most / 2, (RenewalSchedule.Due(Begin, Begin.AddDays(300), now, 0.5) - now).TotalSeconds, 0.001);
    }

    [Fact]
    public void Due_is_never_in_the_past_whatever_the_times()
    {
        DateTimeOffset now = Begin.AddDays(1);
        Assert.Equal(now, RenewalSchedule.Due(Begin.AddDays(5), Begin, now.AddDays(9), 0.9) - TimeSpan.FromDays(9));
    }

    [Theory]
    [InlineData(10, 12)]
    [InlineData(1, 5)]
    [InlineData(525_600, 600)]
    public void Retries_come_often_enough_for_the_time_that_is_left(int lifeMinutes, int seconds) =>
        Assert.Equal(seconds, RenewalSchedule.RetryCeiling(Begin, Begin.AddMinutes(lifeMinutes)).TotalSeconds);

    [Fact]
    public void Shortest_life_leaves_room_for_many_retries_before_the_end()
    {
        TimeSpan life = CertificateAuthority.ShortestClusterLife;
        DateTimeOffset end = Begin + life;
        TimeSpan left = end - RenewalSchedule.Latest(Begin, end);
        Assert.True(left / RenewalSchedule.RetryCeiling(Begin, end) >= 10);
    }
}
