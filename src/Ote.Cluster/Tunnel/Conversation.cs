using Ote.Cluster.Budgets;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>
/// One peer's session with what guards it, across links. Two locks: Gate for the session's state, held briefly and never while
/// calling out; Dispatch around calls of the handler, taken before Gate. Thread-safe.
/// </summary>
internal sealed class Conversation(TunnelRuntime runtime, TunnelOptions options)
{
    private TaskCompletionSource?[]? rooms;
    private PackingChoice? packing;
    private bool hasBudget;

    public Lock Gate { get; } = new();

    public Lock Dispatch { get; } = new();

    public Session Session { get; } = new(options);

    /// <summary>What went over the links, and what may; guarded by Gate.</summary>
    public LinkLedger Ledger { get; } = new(runtime.Time);

    /// <summary>Whether a budget holds; may be asked without Gate.</summary>
    public bool HasBudget => Volatile.Read(ref hasBudget);

    /// <summary>The budget in force; null: none.</summary>
    public LinkBudget? Budget
    {
        get
        {
            lock (Gate) return Ledger.Budget;
        }
    }

    /// <summary>Whether the budget holds messages between clusters back now, for longer than a rate does.</summary>
    public bool HoldsWork()
    {
        if (!HasBudget) return false;
        lock (Gate) return BudgetRule.HoldsWork(Ledger.Budget, Ledger.IsSpent, runtime.Time.GetUtcNow());
    }

    /// <summary>What it has cost so far, without a round trip, and the day's count.</summary>
    public (LinkCost Cost, DayCount Today) Account()
    {
        lock (Gate) return (new LinkCost(null, Ledger.Sent, Ledger.Received, Ledger.Today, Ledger.Budget, Ledger.IsSpent), Ledger.Today);
    }

    /// <summary>What was found worth compressing.</summary>
    public PackingChoice Packing => packing ?? LazyInitializer.EnsureInitialized(ref packing);

    /// <summary>The link that is up; guarded by Gate, changed only with Dispatch held as well.</summary>
    public Link? Current { get; set; }

    /// <summary>Completes when the lane may have room or the link is gone. Call with Gate held.</summary>
    public Task RoomNeedsGate(int lane) =>
        ((rooms ??= new TaskCompletionSource?[Lanes.Count])[lane] ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>Another budget holds from now on, on the present link too; null: none. Call without Gate.</summary>
    /// <param name="budget">The budget.</param>
    /// <param name="revision">The site's count of its budgets.</param>
    /// <param name="attaching">The site attaches: whatever it says holds. Otherwise an older word than the last is ignored.</param>
    /// <param name="today">A count to go on from; null leaves it as it is. On a link that is up, what this end has counted beyond it stays.</param>
    public void Limit(LinkBudget? budget, ulong revision, bool attaching, DayCount? today = null)
    {
        lock (Gate)
        {
            if (!attaching && revision < Ledger.Revision) return;
            Ledger.Hold(budget, revision);
            Volatile.Write(ref hasBudget, Ledger.Budget is not null);
            if (today is { } kept) Ledger.Resume(attaching ? kept : Ledger.OrMore(kept));
            Session.Weigh(Ledger.Budget?.LaneWeights);
        }

        Current?.Flush(); // what was held back may go now
    }

    /// <summary>Wakes whoever waits for room. Call without Gate.</summary>
    public void WakeAll()
    {
        for (int i = 0; i < Lanes.Count; i++) Wake(i);
    }

    /// <summary>Carries out what an acknowledgement or a connection brought. Call without Gate.</summary>
    public void Apply(in SessionEffects effects)
    {
        for (int i = 0; i < Lanes.Count; i++)
        {
            int freed = effects.Freed[i];
            if (freed == 0) continue;
            runtime.Metrics.Queued(i, -freed);
            Wake(i);
        }

        if (effects.Tickets is null) return;
        foreach (object ticket in effects.Tickets) ((TaskCompletionSource)ticket).TrySetResult();
    }

    /// <summary>Gives everything up: what waits for an acknowledgement fails. Returns how many messages that were.</summary>
    public int Abandon(PeerIdentity peer, string reason)
    {
        SessionEffects effects;
        lock (Gate) effects = Session.Abandon();
        int count = 0;
        for (int i = 0; i < Lanes.Count; i++)
        {
            count += effects.Freed[i];
            runtime.Metrics.Queued(i, -effects.Freed[i]);
        }

        foreach (object ticket in effects.Tickets ?? []) ((TaskCompletionSource)ticket).TrySetException(new LinkClosedException(peer, reason));
        WakeAll();
        return count;
    }

    private void Wake(int lane)
    {
        TaskCompletionSource? room;
        lock (Gate)
        {
            if (rooms is null) return;
            room = rooms[lane];
            rooms[lane] = null;
        }

        room?.TrySetResult();
    }
}
