using CsCheck;
using Ote.Cluster.Budgets;

namespace Ote.Tests.Cluster.Budgets;

public sealed class BudgetRuleTests
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 5, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void No_budget_of_rate_lets_more_through_than_its_rate_one_second_of_it_and_one_packet() =>
        Gen.Select(Gen.Long[LinkBudget.LeastBytesPerSecond, 1_000_000], Gen.Select(Gen.Int[1, 16_352], Gen.Int[0, 500]).Array[1, 300]).Sample((perSecond, packets) =>
        {
            var budget = new LinkBudget { BytesPerSecond = perSecond };
            RateCount rate = default;
            long now = 0, sent = 0;
            var most = 0;
            foreach (var (bytes, pause) in packets)
            {
                now += pause;
                var allowance = BudgetRule.Decide(budget, rate, default, now, Noon);
                if (allowance.Held != 0)
                {
                    Assert.True(allowance.Again > now);
                    now = allowance.Again;
                    Assert.Equal(0, BudgetRule.Decide(budget, rate, default, now, Noon).Held); // the time to ask again is the right one
                }

                rate = rate.Spend(perSecond, bytes, now);
                sent += bytes;
                most = Math.Max(most, bytes);
                Assert.True(sent <= (perSecond * (1 + (now / 1000.0))) + most, $"{sent} bytes after {now} ms");
            }
        });

    [Fact]
    public void A_used_up_rate_holds_all_but_control_until_there_is_some_again()
    {
        var budget = new LinkBudget { BytesPerSecond = 1000 };
        var rate = default(RateCount).Spend(1000, 3000, 50_000);
        var allowance = BudgetRule.Decide(budget, rate, default, 50_000, Noon);
        Assert.Equal(Allowance.BelowControl, allowance.Held);
        Assert.InRange(allowance.Again, 52_000, 52_001);
        Assert.True(allowance.Lets(0));
    }

    [Fact]
    public void A_spent_day_lets_control_and_commands_pass_until_midnight_at_the_site()
    {
        var budget = new LinkBudget { DailyBytes = 5_000_000, Offset = TimeSpan.FromHours(8) };
        var today = new DayCount(BudgetRule.Day(budget, Noon), 5_000_000, 0);
        var allowance = BudgetRule.Decide(budget, default, today, 1000, Noon);
        Assert.Equal(Allowance.BelowCommands, allowance.Held);
        Assert.True(allowance.Lets(1));
        Assert.Equal(1000 + (4 * 3_600_000), allowance.Again);
        Assert.Equal(0, BudgetRule.Decide(budget, default, today, 0, Noon.AddHours(4)).Held);
    }

    [Theory]
    [InlineData("22:00-06:00", "21:59:59", 0)]
    [InlineData("22:00-06:00", "22:00:00", 8 * 60)]
    [InlineData("22:00-06:00", "03:30:00", 150)]
    [InlineData("22:00-06:00", "06:00:00", 0)]
    [InlineData("09:00-10:00", "09:30:00", 30)]
    [InlineData("09:00-10:00", "10:00:00", 0)]
    public void Quiet_hours_hold_all_but_control_and_commands_until_they_end(string text, string at, int minutesLeft)
    {
        Assert.True(QuietHours.TryParse(text, out var hours, out _));
        var utc = Noon.Date + TimeSpan.Parse(at, System.Globalization.CultureInfo.InvariantCulture);
        var allowance = BudgetRule.Decide(new LinkBudget { QuietHours = [hours] }, default, default, 0, new DateTimeOffset(utc, TimeSpan.Zero));
        Assert.Equal(minutesLeft > 0 ? Allowance.BelowCommands : 0, allowance.Held);
        Assert.Equal(minutesLeft * 60_000L, allowance.Again);
    }

    [Fact]
    public void Quiet_hours_go_by_the_sites_time()
    {
        Assert.True(QuietHours.TryParse("20:00-21:00", out var hours, out _));
        var budget = new LinkBudget { QuietHours = [hours], Offset = TimeSpan.FromHours(8) };
        Assert.NotEqual(0, BudgetRule.Decide(budget, default, default, 0, Noon.AddMinutes(30)).Held);
        Assert.Equal(0, BudgetRule.Decide(budget with { Offset = TimeSpan.Zero }, default, default, 0, Noon.AddMinutes(30)).Held);
    }

    [Theory]
    [InlineData("")]
    [InlineData("22:00")]
    [InlineData("22:00-22:00")]
    [InlineData("24:00-06:00")]
    [InlineData("22:00-06:00:00")]
    public void What_are_no_quiet_hours_is_refused_with_an_example(string text)
    {
        Assert.False(QuietHours.TryParse(text, out _, out var error));
        Assert.Contains("22:00-06:00", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_budget_that_travels_arrives_the_same_and_one_out_of_range_is_refused()
    {
        Assert.True(QuietHours.TryParse("22:00-06:00", out var hours, out _));
        var budget = new LinkBudget
        {
            BytesPerSecond = 65_536, DailyBytes = 200L << 20, QuietHours = [hours], Offset = TimeSpan.FromHours(-5), LaneWeights = new LaneWeights(4, 2, 1, 1),
        };
        Assert.True(BudgetWire.TryRead(BudgetWire.ToWire(budget), out var read, out _));
        Assert.Equal(budget, read);
        Assert.Equal(budget.Digest(), read.Digest());
        Assert.Equal(0ul, new LinkBudget().Digest());
        var wrong = BudgetWire.ToWire(budget);
        (wrong.BytesPerSecond, wrong.LaneWeights.Bulk, wrong.OffsetMinutes) = (1, 0, 10_000);
        Assert.False(BudgetWire.TryRead(wrong, out _, out var error));
        Assert.Contains("1 bytes a second; 128 to", error, StringComparison.Ordinal);
        Assert.Contains("weights are 1 to 1000", error, StringComparison.Ordinal);
        Assert.Contains("+14:00", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_clock_set_back_over_midnight_does_not_begin_the_day_before_anew()
    {
        var count = new DayCount(100, 7, 1);
        Assert.Equal(7, count.On(99).Bytes);
        Assert.Equal(0, count.On(101).Bytes);
        Assert.Equal(0, count.On(50).Bytes);
    }
}
