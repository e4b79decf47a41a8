using Ote.Cluster.Budgets;
using Ote.Cluster.Identity;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>One channel carrying a conversation. Sends only while there is something to send, so an idle link costs one pending read.</summary>
internal sealed partial class Link : ILink, IThreadPoolWorkItem
{
    private const long CloseGrace = 1000;

    private readonly TunnelRuntime runtime;
    private readonly Conversation conversation;
    private readonly IPacketChannel channel;
    private readonly ILinkHandler handler;
    private readonly LinkSetup setup;
    private readonly Action? detached;
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TokenBucket bucket;

    // Guarded by the conversation's Gate.
    private bool flushing;
    private bool ackTimed;
    private bool acksDue;
    private bool heldTimed;
    private string? aborted;
    private bool saidGoodbye;
    private string? closing;
    private long closingSince;
    private bool planned;
    private long roundTripTicks = -1;
    private long smoothTicks = -1;

    public Link(TunnelRuntime runtime, Conversation conversation, IPacketChannel channel, ILinkHandler handler, LinkSetup setup, Action? detached = null)
    {
        this.detached = detached;
        this.runtime = runtime;
        this.conversation = conversation;
        this.channel = channel;
        this.handler = handler;
        this.setup = setup;
        bucket = new TokenBucket(setup.Agreed.MaxMessagesPerSecond);
    }

    public PeerIdentity Peer => setup.Peer;

    public ProvisionalCertificate? Provisional => setup.Provisional;

    public ulong Epoch => setup.Epoch;

    public TimeSpan? RoundTrip => Interlocked.Read(ref roundTripTicks) is >= 0 and long ticks ? TimeSpan.FromTicks(ticks) : null;

    public TimeSpan? SmoothRoundTrip => Interlocked.Read(ref smoothTicks) is >= 0 and long ticks ? TimeSpan.FromTicks(ticks) : null;

    public LinkCost Cost
    {
        get
        {
            lock (conversation.Gate)
            {
                LinkLedger ledger = conversation.Ledger;
                return new LinkCost(RoundTrip, ledger.Sent, ledger.Received, ledger.Today, ledger.Budget, ledger.IsSpent);
            }
        }
    }

    public void Limit(LinkBudget? budget, ulong revision, LinkDay? today = null) =>
        conversation.Limit(budget, revision, attaching: false, today is null ? null : DayCount.From(today));

    public bool IsUp => conversation.Current == this && closing is null;

    public override string ToString() => $"{Peer.Name}@{Epoch}";

    /// <summary>
    /// Makes this the conversation's link: a former one is detached first. Call with Dispatch held, after the handshake's last
    /// frame was sent or received.
    /// </summary>
    public void AttachNeedsDispatch(Welcome welcome, IEnumerable<LaneCursor> peerReceived, Hello? hello)
    {
        conversation.Current?.DetachNeedsDispatch($"replaced by epoch {Epoch}");
        SessionEffects effects;
        long due;
        lock (conversation.Gate)
        {
            effects = conversation.Session.Connect(welcome.Session, welcome.Resumed, peerReceived, setup.Agreed, setup.Phase, runtime.Now);
            conversation.Current = this;
            due = conversation.Session.Due;
        }

        conversation.Apply(effects);
        runtime.Metrics.Links.Add(1, setup.SideTag);
        if (setup.IsLateral) runtime.Log.LateralAttached(Peer);
        else if (setup.IsParent) runtime.Log.ChildAttached(Peer, Epoch, welcome.Resumed);
        else runtime.Log.ParentAttached(Peer, Epoch, welcome.Resumed);
        try
        {
            handler.Attached(this, welcome, hello);
        }
#pragma warning disable CA1031 // A handler's fault must cost this link, not the process.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            runtime.Log.CallbackFailed(Peer, fault);
            Close("the handler failed");
        }

        runtime.Timers.Schedule(this, due, LinkTimer.Due);
        Flush();
    }

    /// <summary>Carries the link until it ends, for whatever reason; then it is detached and its channel disposed.</summary>
    public async Task RunAsync()
    {
        string reason = "failed";
        try
        {
            reason = await ReceiveAsync().ConfigureAwait(false);
        }
        catch (ProtocolViolation violation)
        {
            reason = violation.Message;
            runtime.Metrics.Violated(violation.Reason);
            runtime.Log.Violation(Peer, violation.Message);
            Close(violation.Message);
        }
#pragma warning disable CA1031 // Whatever happens on one link ends that link alone.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            bool own;
            lock (conversation.Gate) own = aborted is not null;
            if (!own) runtime.Log.LinkFailed(Peer, fault); // otherwise this is how waiting ends on a channel that was given up here
            Close("internal error");
        }

        lock (conversation.Gate)
        {
            reason = aborted ?? reason; // what the channel says of its end is then only that
        }

        lock (conversation.Dispatch)
        {
            if (conversation.Current == this) DetachNeedsDispatch(reason);
        }

        await Channels.LingerAsync(channel, runtime.Time).ConfigureAwait(false);
        await channel.DisposeAsync().ConfigureAwait(false);
        ended.TrySetResult();
    }

    public bool IsPlanned => Volatile.Read(ref planned);

    public void Close(string reason, bool planned = false)
    {
        lock (conversation.Gate)
        {
            if (closing is not null) return;
            closing = reason;
            this.planned = planned;
            closingSince = runtime.Now;
        }

        Flush();
    }

    /// <summary>Closes the link because this process is asked to end.</summary>
    public void Stop() => Close("stopping");

    /// <summary>Closes the link and waits until it has ended, not longer than its goodbye may take.</summary>
    public async Task StopAsync()
    {
        Stop();
        using CancellationTokenSource late = new(TimeSpan.FromMilliseconds(CloseGrace), runtime.Time);
        try
        {
            await ended.Task.WaitAsync(late.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Abort("stopping");
        }
    }

    /// <summary>Ends the link without a word.</summary>
    public void Abort(string reason)
    {
        lock (conversation.Gate)
        {
            closing ??= reason;
            aborted ??= reason;
            saidGoodbye = true;
        }

        channel.Abort();
    }

    /// <summary>A heartbeat may be due, or the lease may have run out.</summary>
    public void OnDue()
    {
        SessionState state;
        long due;
        string? abort = null;
        lock (conversation.Gate)
        {
            long now = runtime.Now;
            if (conversation.Current != this)
            {
                // Detached, but its reader may hang on a dead socket: it gets a moment for its goodbye.
                if (ended.Task.IsCompleted) return;
                if (now < closingSince + CloseGrace) runtime.Timers.Schedule(this, closingSince + CloseGrace, LinkTimer.Due);
                else channel.Abort();
                return;
            }

            state = conversation.Session.Tick(now, conversation.Ledger.Decide(now));
            due = conversation.Session.Due;
            if (closing is not null)
            {
                due = closingSince + CloseGrace;
                if (now >= due) abort = closing;
            }
            else if (state == SessionState.Lost)
            {
                abort = $"no sign of life for {setup.Agreed.Lease.TotalSeconds:0.#} s";
            }
        }

        if (abort is not null)
        {
            if (state == SessionState.Lost) runtime.Metrics.Lost.Add(1, setup.SideTag);
            Abort(abort);

            // The reader may hang in a dead socket's teardown: the peers' view must not wait for it.
            lock (conversation.Dispatch)
            {
                if (conversation.Current == this) DetachNeedsDispatch(abort);
            }

            return;
        }

        if (state == SessionState.Send)
        {
            Flush();
            due = Math.Max(due, runtime.Now + 20); // the flush moves the heartbeat on
        }

        runtime.Timers.Schedule(this, due, LinkTimer.Due);
    }

    /// <summary>What the budget held back may go.</summary>
    public void OnHeld()
    {
        lock (conversation.Gate) heldTimed = false;
        Flush();
    }

    /// <summary>Acknowledgements have waited long enough for company.</summary>
    public void OnSoon()
    {
        lock (conversation.Gate)
        {
            ackTimed = false;
            if (conversation.Current != this || conversation.Session.Acks() < AckNeed.Soon) return;
            acksDue = true;
        }

        Flush();
    }

    private void DetachNeedsDispatch(string reason)
    {
        lock (conversation.Gate)
        {
            if (closing is null)
            {
                closing = reason;
                closingSince = runtime.Now;
            }

            reason = closing;
            conversation.Current = null;
            conversation.Session.Disconnect();
        }

        conversation.WakeAll();
        detached?.Invoke();
        runtime.Metrics.Links.Add(-1, setup.SideTag);
        if (setup.IsLateral) runtime.Log.LateralDetached(Peer, reason);
        else if (setup.IsParent) runtime.Log.ChildDetached(Peer, Epoch, reason);
        else runtime.Log.ParentDetached(Peer, Epoch, reason);
        try
        {
            handler.Detached(this, reason);
        }
#pragma warning disable CA1031 // As above.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            runtime.Log.CallbackFailed(Peer, fault);
        }

        Flush(); // says goodbye when the channel still works
    }
}
