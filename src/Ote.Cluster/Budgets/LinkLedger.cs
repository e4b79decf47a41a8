namespace Ote.Cluster.Budgets;

/// <summary>
/// One end's books of the link with one peer, across reconnects: what went over it, and the budget that holds. Without a budget it only
/// counts. The owner serialises calls; times are milliseconds of one monotonic clock.
/// </summary>
/// <param name="time">For the calendar, which is looked at once a minute, and when something is decided by it.</param>
internal sealed class LinkLedger(TimeProvider time)
{
    private const long LookEvery = 60_000;

    private RateCount _rate;
    private DayCount _today;
    private long _looked = long.MinValue;

    /// <summary>The budget in force; null: none.</summary>
    public LinkBudget? Budget { get; private set; }

    /// <summary>The site's count of its budgets, which grows with each.</summary>
    public ulong Revision { get; private set; }

    /// <summary>Payload bytes sent since the books were opened.</summary>
    public long Sent { get; private set; }

    /// <summary>Payload bytes received since the books were opened.</summary>
    public long Received { get; private set; }

    /// <summary>Bytes that compression has saved this end from sending since the books were opened.</summary>
    public long Saved { get; private set; }

    /// <summary>Today's count, by the site's time.</summary>
    public DayCount Today => _today.On(BudgetRule.Day(Budget, time.GetUtcNow()));

    /// <summary>Whether the day's bytes are used up.</summary>
    public bool IsSpent => BudgetRule.IsSpent(Budget, _today, time.GetUtcNow());

    /// <summary>Another budget holds from now on, or none. What was spent today stays spent.</summary>
    public void Hold(LinkBudget? budget, ulong revision = 0)
    {
        Revision = revision;
        if (Budget?.BytesPerSecond != budget?.BytesPerSecond)
        {
            _rate = default;
        }

        Budget = budget is { IsEmpty: false } ? budget : null;
        _looked = long.MinValue;
    }

    /// <summary>Goes on from a count that another run, or the other end, has kept. One of another day is of no use.</summary>
    public void Resume(DayCount kept)
    {
        _today = kept.On(BudgetRule.Day(Budget, time.GetUtcNow()));
        _looked = long.MinValue;
    }

    /// <summary>The greater of a count that the other end has kept and this end's: what is on its way, the other end has not counted yet.</summary>
    public DayCount OrMore(DayCount kept)
    {
        var day = BudgetRule.Day(Budget, time.GetUtcNow());
        return kept.On(day).Bytes > Today.Bytes ? kept : Today;
    }

    /// <summary>Which lanes may send now.</summary>
    public Allowance Decide(long now) => Budget is { } budget ? BudgetRule.Decide(budget, _rate, _today, now, time.GetUtcNow()) : default;

    /// <summary>A packet goes out.</summary>
    public void CountSent(int bytes, int saved, long now)
    {
        Sent += bytes;
        Saved += saved;
        Count(bytes, saved, now);
        if (Budget?.BytesPerSecond is { } perSecond)
        {
            _rate = _rate.Spend(perSecond, bytes, now);
        }
    }

    /// <summary>A packet came in.</summary>
    public void CountReceived(int bytes, int saved, long now)
    {
        Received += bytes;
        Count(bytes, saved, now);
    }

    private void Count(int bytes, int saved, long now)
    {
        if (now - LookEvery >= _looked)
        {
            _looked = now;
            _today = Today;
        }

        _today = _today.Add(bytes, saved);
    }
}
