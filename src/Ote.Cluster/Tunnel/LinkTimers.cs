namespace Ote.Cluster.Tunnel;

/// <summary>
/// Two timers for any number of links: one for heartbeats, leases and what a budget holds back, due one by one, and one for
/// acknowledgements, due together. A link has at most one entry of each kind. Thread-safe.
/// </summary>
internal sealed class LinkTimers : IDisposable
{
    // Times are rounded up to this many milliseconds, so that the heartbeats of many links go out in one turn.
    private const long Grain = 20;

    private readonly TunnelRuntime runtime;
    private readonly ITimer dueTimer;
    private readonly ITimer soonTimer;
    private readonly Lock gate = new();
    private readonly PriorityQueue<(Link Link, LinkTimer What), long> due = new();
    private readonly Lock soonGate = new();
    private List<Link> soon = [];
    private List<Link> spare = [];
    private long armedFor = long.MaxValue;
    private bool disposed;

    public LinkTimers(TunnelRuntime runtime)
    {
        this.runtime = runtime;
        dueTimer = runtime.Time.CreateTimer(static self => ((LinkTimers)self!).OnDue(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        soonTimer = runtime.Time.CreateTimer(static self => ((LinkTimers)self!).OnSoon(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Calls the link at a time; only when it has no entry of this kind yet.</summary>
    public void Schedule(Link link, long at, LinkTimer what)
    {
        lock (gate)
        {
            if (disposed) return;
            at = (at + Grain - 1) / Grain * Grain;
            due.Enqueue((link, what), at);
            if (at < armedFor) Arm(at);
        }
    }

    /// <summary>Calls the link's OnSoon after the acknowledgement delay; only when it has no entry yet.</summary>
    public void Soon(Link link, TimeSpan delay)
    {
        lock (soonGate)
        {
            if (disposed) return;
            soon.Add(link);
            if (soon.Count == 1) soonTimer.Change(delay, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose()
    {
        lock (gate)
        lock (soonGate)
        {
            disposed = true;
            due.Clear();
            soon.Clear();
        }

        dueTimer.Dispose();
        soonTimer.Dispose();
    }

    private void OnDue()
    {
        List<(Link Link, LinkTimer What)> ready = [];
        lock (gate)
        {
            long now = runtime.Now;
            while (due.TryPeek(out _, out long at) && at <= now) ready.Add(due.Dequeue());
            armedFor = long.MaxValue;
            if (due.TryPeek(out _, out long next)) Arm(next);
        }

        foreach ((Link link, LinkTimer what) in ready)
        {
            if (what == LinkTimer.Due) link.OnDue();
            else link.OnHeld();
        }
    }

    private void OnSoon()
    {
        List<Link> ready;
        lock (soonGate)
        {
            ready = soon;
            soon = spare;
            spare = [];
        }

        foreach (Link link in ready) link.OnSoon();
        if (ready.Count > 1024) return;
        ready.Clear();
        lock (soonGate) spare = ready;
    }

    private void Arm(long at)
    {
        if (disposed) return;
        armedFor = at;
        dueTimer.Change(TimeSpan.FromMilliseconds(Math.Max(0, at - runtime.Now)), Timeout.InfiniteTimeSpan);
    }
}

/// <summary>What a link is called for.</summary>
internal enum LinkTimer : byte
{
    /// <summary>A heartbeat may be due, or the lease may have run out.</summary>
    Due,

    /// <summary>What its budget held back may go.</summary>
    Held,
}
