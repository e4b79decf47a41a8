using System.Globalization;
using Ote.Cluster.Budgets;

namespace Ote.Tests.Cluster.Budgets;

public sealed class BudgetHoldTests
{
    [Theory]
    [InlineData("", "+00:00", false, "12:00", null, null)]
    [InlineData("22:00-06:00", "+00:00", false, "21:59", null, null)]
    [InlineData("22:00-06:00", "+00:00", false, "22:00", "quiet hours", "2026-03-06 06:00")]
    [InlineData("22:00-06:00", "+08:00", false, "15:00", "quiet hours", "2026-03-05 22:00")]
    [InlineData("22:00-02:00 02:00-06:00", "+00:00", false, "23:00", "quiet hours", "2026-03-06 06:00")]
    [InlineData("", "+00:00", true, "12:00", "the used-up bytes of the day", "2026-03-06 00:00")]
    [InlineData("", "-02:00", true, "12:00", "the used-up bytes of the day", "2026-03-06 02:00")]
    [InlineData("00:00-06:00", "+00:00", true, "12:00", "the used-up bytes of the day", "2026-03-06 06:00")]
    [InlineData("22:00-23:00", "+00:00", true, "22:30", "quiet hours and the used-up bytes of the day", "2026-03-06 00:00")]
    public void Cause_and_latest_end_follow_from_the_budget(string quiet, string offset, bool isSpent, string at, string? cause, string? until)
    {
        Assert.True(BudgetSpec.TryReadOffset(offset, out var zone, out _));
        var budget = new LinkBudget { DailyBytes = LinkBudget.LeastDailyBytes, Offset = zone, QuietHours = [.. quiet.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Parse)] };
        var hold = BudgetHold.Of(budget, isSpent, DateTimeOffset.Parse($"2026-03-05T{at}:00Z", CultureInfo.InvariantCulture));
        Assert.Equal((cause, until is null ? null : $"until {until} UTC at the latest"), (hold?.Cause, hold?.UntilText));
    }

    [Fact]
    public void What_is_quiet_all_day_has_no_end()
    {
        var budget = new LinkBudget { QuietHours = [Parse("00:00-12:00"), Parse("11:00-00:00")] };
        var hold = BudgetHold.Of(budget, isSpent: false, new DateTimeOffset(2026, 3, 5, 12, 0, 0, TimeSpan.Zero));
        Assert.Null(hold!.Value.Until);
        Assert.Contains("until its budget is another", hold.Value.UntilText, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rate_holds_nothing_back_for_good() =>
        Assert.Null(BudgetHold.Of(new LinkBudget { BytesPerSecond = LinkBudget.LeastBytesPerSecond }, isSpent: false, DateTimeOffset.UnixEpoch));

    private static QuietHours Parse(string text) => QuietHours.TryParse(text, out var hours, out var wrong) ? hours : throw new FormatException(wrong);
}
