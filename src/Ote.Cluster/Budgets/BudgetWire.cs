using System.Diagnostics.CodeAnalysis;
using Wire = Ote.Protocol.Tunnel;

namespace Ote.Cluster.Budgets;

/// <summary>Between <see cref="LinkBudget"/> and its form on the link and in the journal. Pure.</summary>
internal static class BudgetWire
{
    public static Wire.Budget ToWire(LinkBudget? budget, ulong revision = 0)
    {
        var wire = new Wire.Budget { Revision = revision };
        if (budget is null)
        {
            return wire;
        }

        wire.BytesPerSecond = (ulong)(budget.BytesPerSecond ?? 0);
        wire.DailyBytes = (ulong)(budget.DailyBytes ?? 0);
        wire.OffsetMinutes = (int)budget.Offset.TotalMinutes;
        wire.QuietHours.Add(budget.QuietHours.Select(h => new Wire.DayPart { FromMinute = (uint)h.From, ToMinute = (uint)h.To }));
        if (budget.LaneWeights is { } weights)
        {
            wire.LaneWeights = new Wire.LaneShare
            {
                Commands = (uint)weights.Commands, Work = (uint)weights.Work, Reports = (uint)weights.Reports, Bulk = (uint)weights.Bulk,
            };
        }

        return wire;
    }

    /// <summary>Reads what a peer or a former run wrote; nothing of it is believed unchecked. Nothing said is a budget that limits nothing.</summary>
    public static bool TryRead(Wire.Budget? wire, [NotNullWhen(true)] out LinkBudget? budget, [NotNullWhen(false)] out string? error)
    {
        (budget, error) = (new LinkBudget(), null);
        if (wire is null)
        {
            return true;
        }

        budget = new LinkBudget
        {
            BytesPerSecond = Number(wire.BytesPerSecond),
            DailyBytes = Number(wire.DailyBytes),
            Offset = TimeSpan.FromMinutes(wire.OffsetMinutes),
            QuietHours = [.. wire.QuietHours.Take(LinkBudget.MostQuietHours + 1).Select(h => new QuietHours(Whole(h.FromMinute), Whole(h.ToMinute)))],
            LaneWeights = wire.LaneWeights is { } w ? new LaneWeights(Whole(w.Commands), Whole(w.Work), Whole(w.Reports), Whole(w.Bulk)) : null,
        };
        var faults = string.Join("; ", budget.Faults());
        if (faults.Length == 0)
        {
            return true;
        }

        (budget, error) = (null, "a link budget with " + faults);
        return false;
    }

    private static long? Number(ulong value) => value == 0 ? null : (long)Math.Min(value, long.MaxValue);

    private static int Whole(uint value) => (int)Math.Min(value, int.MaxValue);
}
