namespace Ote.Cluster.Failover;

/// <summary>
/// When to leave a parent that has lost the root, for one that has not: a parent whose own uplink alone is cut keeps its children's links
/// up and cannot tell them what to do. The children of such a parent wait until it had its time to find another for all of them; who hangs deeper
/// waits longer, so that a branch moves with its head. Then candidates are asked in turns, and one that hears of the root, and does so still when the own parent
/// had as much time again to hear of it, is gone to. While the root itself is away nobody hears of it, and nobody moves. Pure; times are milliseconds of one
/// monotonic clock; one owner.
/// </summary>
internal sealed class RootWatch(FailoverOptions options)
{
    private readonly long _probeEvery = (long)options.ProbeEvery.TotalMilliseconds;
    private long _since = -1;
    private long _next;
    private int _turn;
    private ParentTarget? _found;

    /// <summary>Since when nothing was heard of the root through the present parent; negative: something was.</summary>
    public long Since => _since;

    /// <summary>Whom to ask now whether it hears of the root; null: nobody.</summary>
    /// <param name="hears">Whether the own parent still hears of it, or there is none.</param>
    /// <param name="depth">How many clusters stand above, the root included.</param>
    /// <param name="candidates">Whom the cluster may hang below beside its parent, best first.</param>
    /// <param name="now">When.</param>
    public ParentTarget? Ask(bool hears, int depth, IReadOnlyList<ParentTarget> candidates, long now)
    {
        if (hears)
        {
            (_since, _turn, _found) = (-1, 0, null);
            return null;
        }

        if (_since < 0)
        {
            (_since, _next) = (now, now + (long)options.UnrootedFor.TotalMilliseconds + (Math.Min(depth, 64) * _probeEvery));
        }

        return now < _next || candidates.Count == 0 ? null
            : _found is { } found && candidates.FirstOrDefault(c => c.Authority == found.Authority) is { } again ? again
            : candidates[_turn % candidates.Count];
    }

    /// <summary>It was asked. True: go there now.</summary>
    /// <param name="candidate">Who was asked.</param>
    /// <param name="good">It answered, is who it should be, hears of the root and takes children.</param>
    /// <param name="candidates">How many there are.</param>
    /// <param name="now">When.</param>
    public bool Answered(ParentTarget candidate, bool good, int candidates, long now)
    {
        if (!good)
        {
            // All of them once quickly; then, most likely, the root itself is away, and all the tree asks.
            (_found, _turn) = (null, _turn + 1);
            _next = now + (_turn < candidates ? 0 : Math.Min(_probeEvery << Math.Min(_turn / Math.Max(candidates, 1), 8), (long)options.MaxUnrootedWait.TotalMilliseconds));
            return false;
        }

        if (_found?.Authority == candidate.Authority)
        {
            (_found, _next) = (null, now + (long)options.UnrootedFor.TotalMilliseconds); // should it come to nothing
            return true;
        }

        (_found, _next) = (candidate, now + (long)options.UnrootedFor.TotalMilliseconds);
        return false;
    }
}
