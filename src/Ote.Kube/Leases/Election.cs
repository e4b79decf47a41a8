namespace Ote.Kube.Leases;

/// <summary>
/// Who leads, as one of several candidates for one lease sees it. A lease counts as abandoned when this candidate has seen it unchanged for as
/// long as it is to be left alone, by its own monotonic clock: what the clocks of the others say does not matter. A leader stops leading
/// before that time can be over for anybody else. Pure; times are milliseconds of one monotonic clock; one owner.
/// </summary>
/// <param name="options">Figures.</param>
/// <param name="identity">Who this is; of this run of the process alone, so that a restart does not take its own lease for a living one.</param>
/// <param name="address">Where this candidate is to be found when it leads.</param>
public sealed class Election(ElectionOptions options, string identity, string address)
{
    private long _changedAt;
    private long _renewedAt;
    private bool _leads;

    /// <summary>The lease as it was last seen; null: none was.</summary>
    public LeaseRecord? Seen { get; private set; }

    /// <summary>Which leadership this candidate holds; 0 for none.</summary>
    public long Term => _leads ? Seen!.Term : 0;

    /// <summary>Until when this candidate leads unless it renews; in the past when it does not lead.</summary>
    public long LeadsUntil => _leads ? _renewedAt + (long)options.RenewDeadline.TotalMilliseconds : long.MinValue;

    /// <summary>Decides on the lease as it stands now.</summary>
    /// <param name="lease">What was read; null: there is none.</param>
    /// <param name="now">When.</param>
    /// <param name="clock">This machine's time, for people who read the lease, and for the first term of all.</param>
    /// <returns>What is to be written in its place, if it is still the same; null: nothing, another one leads.</returns>
    public LeaseRecord? Decide(LeaseRecord? lease, long now, DateTimeOffset clock)
    {
        if (lease != Seen)
        {
            (Seen, _changedAt) = (lease, now);
        }

        var own = lease?.Holder == identity;
        if (_leads && (!own || now >= LeadsUntil))
        {
            _leads = false; // someone else has it, or it was not renewed in time
        }

        if (lease is { Holder.Length: > 0 } && !own)
        {
            var left = lease.Duration > options.LeaseDuration ? lease.Duration : options.LeaseDuration;
            if (now - _changedAt < (long)left.TotalMilliseconds)
            {
                return null;
            }
        }

        // Terms are of the time where nobody remembers one: they grow over a lease that was deleted.
        var term = _leads ? lease!.Term : Math.Max((lease?.Term ?? 0) + 1, clock.ToUnixTimeSeconds());
        return new LeaseRecord(identity, address, term, LeaseRecord.Micro(clock), options.LeaseDuration);
    }

    /// <summary>What was decided is written.</summary>
    /// <param name="written">The lease now.</param>
    /// <param name="began">When the decision was made, before the write: others may count from then.</param>
    public void Written(LeaseRecord written, long began) => (Seen, _changedAt, _renewedAt, _leads) = (written, began, began, true);

    /// <summary>This candidate leads no more, by its own will or because its time is over.</summary>
    /// <returns>What to write so that others need not wait; null: it does not hold the lease.</returns>
    public LeaseRecord? Resign()
    {
        var held = _leads ? Seen : null;
        _leads = false;
        return held is null ? null : held with { Holder = "", Address = "" };
    }
}
