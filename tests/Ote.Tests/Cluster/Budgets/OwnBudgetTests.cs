using Ote.Cluster.Budgets;
using Ote.Cluster.Journal;

namespace Ote.Tests.Cluster.Budgets;

public sealed class OwnBudgetTests
{
    [Fact]
    public async Task A_budget_and_the_days_count_outlive_a_restart_and_each_budget_has_a_later_revision()
    {
        await using var journal = new MemoryJournal();
        var own = OwnBudget.Load(journal);
        Assert.Null(own.Current);
        var budget = new LinkBudget { DailyBytes = 200L << 20, LaneWeights = new LaneWeights(4, 2, 1, 1) };
        await own.SetAsync(budget, 3);
        await own.KeepAsync(new DayCount(739_680, 12_345, 678));

        var next = OwnBudget.Load(journal);
        Assert.Equal(budget, next.Current);
        Assert.Equal(1ul, next.Revision);
        Assert.Equal(new DayCount(739_680, 12_345, 678), next.Kept);

        await next.SetAsync(new LinkBudget(), 4);
        var last = OwnBudget.Load(journal);
        Assert.Null(last.Current);
        Assert.Equal(2ul, last.Revision); // so that an older word of it that is still on its way is ignored
    }
}
