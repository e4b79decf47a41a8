using System.Globalization;

namespace Ote.Cluster.Budgets;

/// <summary>Why a budget holds back what can wait (all but lanes Control and Commands), and for how long if neither it nor the traffic changes. Pure.</summary>
/// <param name="Cause">For people: quiet hours, the used-up bytes of the day, or both.</param>
/// <param name="Until">When it ends at the latest; null: quiet hours follow each other all day, so it ends with another budget only.</param>
public readonly record struct BudgetHold(string Cause, DateTimeOffset? Until)
{
    /// <summary>Decides.</summary>
    /// <param name="budget">What holds at the link; null: nothing.</param>
    /// <param name="isSpent">Whether the day's bytes are used up.</param>
    /// <param name="utc">Now.</param>
    /// <returns>Null when nothing is held back; a rate alone does not count, since it lets something pass all the time.</returns>
    public static BudgetHold? Of(LinkBudget? budget, bool isSpent, DateTimeOffset utc)
    {
        if (budget is null || !BudgetRule.HoldsWork(budget, isSpent, utc))
        {
            return null;
        }

        var cause = !isSpent ? "quiet hours" : QuietLeft(budget, utc) > TimeSpan.Zero ? "quiet hours and the used-up bytes of the day" : "the used-up bytes of the day";

        // Midnight or one part of the day may lead into the next part that is quiet; what still holds after two days holds for ever.
        var end = isSpent ? utc + TimeSpan.FromDays(1) - BudgetRule.Local(budget, utc).TimeOfDay : utc;
        while (QuietLeft(budget, end) is { Ticks: > 0 } more)
        {
            end += more;
            if (end > utc + TimeSpan.FromDays(2))
            {
                return new BudgetHold(cause, null);
            }
        }

        return new BudgetHold(cause, end);
    }

    /// <summary>Until when, for people.</summary>
    public string UntilText => Until is { } end
        ? string.Create(CultureInfo.InvariantCulture, $"until {end.UtcDateTime:yyyy-MM-dd HH:mm} UTC at the latest")
        : "until its budget is another, since it is quiet all day";

    private static TimeSpan QuietLeft(LinkBudget budget, DateTimeOffset utc) =>
        budget.QuietHours.Select(h => h.Left(BudgetRule.Local(budget, utc).TimeOfDay)).DefaultIfEmpty().Max();
}
