using Google.Protobuf;
using Ote.Cluster.Journal;
using Ote.Protocol.Records;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Budgets;

/// <summary>The budget of the own link to the parent, and what that has carried today: both outlive a restart. One caller at a time.</summary>
internal sealed class OwnBudget
{
    private const string Book = "self";
    private const string Key = "budget";
    private const string DayKey = "link-day";
    private readonly IJournal _journal;

    private OwnBudget(IJournal journal, LinkBudget? budget, ulong revision, DayCount kept) => (_journal, Current, Revision, Kept) = (journal, budget, revision, kept);

    /// <summary>The budget in force; null: none.</summary>
    public LinkBudget? Current { get; private set; }

    /// <summary>Counts the budgets of this cluster.</summary>
    public ulong Revision { get; private set; }

    /// <summary>The day's count as it is on disk.</summary>
    public DayCount Kept { get; private set; }

    /// <summary>Reads what the last run has kept.</summary>
    public static OwnBudget Load(IJournal journal)
    {
        var rows = journal.Load(Book).ToDictionary(r => r.Key, r => r.Value, StringComparer.Ordinal);
        var record = rows.TryGetValue(Key, out var kept) ? BudgetRecord.Parser.ParseFrom(kept) : new BudgetRecord();
        var day = rows.TryGetValue(DayKey, out var counted) ? DayCount.From(LinkDay.Parser.ParseFrom(counted)) : default;
        return new OwnBudget(journal, BudgetWire.TryRead(record.Budget, out var budget, out _) && !budget.IsEmpty ? budget : null, record.Budget?.Revision ?? 0, day);
    }

    /// <summary>Another budget; completes when it is on disk.</summary>
    public async Task SetAsync(LinkBudget budget, ulong generation)
    {
        var record = new BudgetRecord { Budget = BudgetWire.ToWire(budget, Revision + 1), Generation = generation };
        await _journal.WriteAsync(JournalChange.Put(Book, Key, record.ToByteArray())).ConfigureAwait(false);
        (Current, Revision) = (budget.IsEmpty ? null : budget, Revision + 1);
    }

    /// <summary>Keeps the day's count, if it is another than the one on disk.</summary>
    public async Task KeepAsync(DayCount today)
    {
        if (today != Kept)
        {
            await _journal.WriteAsync(JournalChange.Put(Book, DayKey, today.ToWire().ToByteArray())).ConfigureAwait(false);
            Kept = today;
        }
    }
}
