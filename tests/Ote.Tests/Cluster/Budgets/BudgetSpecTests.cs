using System.Text.Json.Nodes;
using Ote.Cluster.Budgets;

namespace Ote.Tests.Cluster.Budgets;

public sealed class BudgetSpecTests
{
    [Fact]
    public void What_is_written_is_read_back()
    {
        Assert.True(QuietHours.TryParse("22:00-06:00", out var hours, out _));
        var budget = new LinkBudget
        {
            BytesPerSecond = 65_536, DailyBytes = 200L << 20, QuietHours = [hours], Offset = TimeSpan.FromHours(-3.5), LaneWeights = new LaneWeights(4, 2, 1, 1),
        };
        Assert.True(BudgetSpec.TryRead(BudgetSpec.ToJson(budget), out var read, out _));
        Assert.Equal(budget, read);
        Assert.True(BudgetSpec.TryRead([], out var none, out _));
        Assert.True(none.IsEmpty);
    }

    [Fact]
    public void A_lane_that_is_left_out_has_the_smallest_weight()
    {
        Assert.True(BudgetSpec.TryRead(new JsonObject { ["laneWeights"] = new JsonObject { ["commands"] = 5 } }, out var budget, out _));
        Assert.Equal(new LaneWeights(5, 1, 1, 1), budget.LaneWeights);
    }

    [Fact]
    public void All_that_is_wrong_is_told_together()
    {
        var spec = new JsonObject { ["bytesPerSecond"] = 1, ["quietHours"] = new JsonArray("noon"), ["offset"] = "+15:00" };
        Assert.False(BudgetSpec.TryRead(spec, out _, out var error));
        Assert.Contains("1 bytes a second", error, StringComparison.Ordinal);
        Assert.Contains("'noon'", error, StringComparison.Ordinal);
        Assert.Contains("'+15:00'", error, StringComparison.Ordinal);
    }
}
