namespace Ote.Cluster.Budgets;

/// <summary>
/// Which lanes a budget lets send now, and when to ask again. Pure: the same answer for the same budget, state and time. Whoever asks
/// books each packet (<see cref="RateCount.Spend"/>, <see cref="DayCount.Add"/>) and asks before the next.
/// </summary>
internal static class BudgetRule
{
    /// <summary>Decides.</summary>
    /// <param name="budget">What holds.</param>
    /// <param name="rate">What went out of late.</param>
    /// <param name="today">What the link has carried.</param>
    /// <param name="now">Milliseconds of a monotonic clock, that of <paramref name="rate"/>.</param>
    /// <param name="utc">The same moment by the calendar.</param>
    public static Allowance Decide(LinkBudget budget, in RateCount rate, DayCount today, long now, DateTimeOffset utc)
    {
        Allowance allowance = default;
        if (budget.BytesPerSecond is { } perSecond && rate.Wait(perSecond, now) is > 0 and var wait)
        {
            allowance = allowance.Hold(Allowance.BelowControl, now + wait);
        }

        var local = Local(budget, utc);
        if (IsSpent(budget, today, utc))
        {
            allowance = allowance.Hold(Allowance.BelowCommands, now + Milliseconds(TimeSpan.FromDays(1) - local.TimeOfDay));
        }

        foreach (var hours in budget.QuietHours)
        {
            if (hours.Left(local.TimeOfDay) is { Ticks: > 0 } left)
            {
                allowance = allowance.Hold(Allowance.BelowCommands, now + Milliseconds(left));
            }
        }

        return allowance;
    }

    /// <summary>Whether the day's bytes are used up.</summary>
    public static bool IsSpent(LinkBudget? budget, DayCount today, DateTimeOffset utc) =>
        budget is { DailyBytes: { } cap } && today.On(Day(budget, utc)).Bytes >= cap;

    /// <summary>Whether messages between clusters wait for the end of a day or of quiet hours, whatever the rate.</summary>
    public static bool HoldsWork(LinkBudget? budget, bool isSpent, DateTimeOffset utc) =>
        budget is not null && (isSpent || budget.QuietHours.Any(h => h.Left(Local(budget, utc).TimeOfDay) > TimeSpan.Zero));

    /// <summary>The day it is at the site; without a budget, by UTC.</summary>
    public static int Day(LinkBudget? budget, DateTimeOffset utc) => (int)(Local(budget, utc).Ticks / TimeSpan.TicksPerDay);

    /// <summary>The site's time; without a budget, UTC.</summary>
    public static DateTime Local(LinkBudget? budget, DateTimeOffset utc) => utc.UtcDateTime + (budget?.Offset ?? TimeSpan.Zero);

    private static long Milliseconds(TimeSpan time) => (long)Math.Ceiling(time.TotalMilliseconds);
}
