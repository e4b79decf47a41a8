using Google.Protobuf;
using Ote.Cluster.Budgets;
using Ote.Cluster.Failover;
using Ote.Cluster.Identity;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Tunnel;

/// <summary>
/// The child's end: keeps one link to the parent for as long as it runs and never gives up; a parent that cannot be reached, now or at
/// the start, is a wait, not an error. What was queued survives reconnects. Thread-safe.
/// </summary>
public sealed class EdgeTunnel
{
    // More parents than a cluster remembers.
    private const int MostCauses = 64;

    private readonly TunnelRuntime runtime;
    private readonly EdgeTunnelOptions options;
    private readonly PeerIdentity self;
    private readonly IParentChoice parents;
    private readonly IDialer dialer;
    private readonly ILinkHandler handler;
    private readonly EdgeFacts facts;
    private readonly Conversation conversation;
    private readonly Lock gate = new();
    private volatile bool reattaches;
    private TaskCompletionSource wake = NewSignal();
    private EdgeTunnelStatus status;

    // Why each of those tried since the last link was not reached.
    private readonly Dictionary<string, string> causes = new(StringComparer.Ordinal);

    /// <summary>Makes a tunnel that connects once run.</summary>
    /// <param name="runtime">Shared parts.</param>
    /// <param name="options">Figures.</param>
    /// <param name="self">Our own name and uid, as in our certificate.</param>
    /// <param name="parents">Asked before each attempt whom to dial, and told what came of it.</param>
    /// <param name="dialer">Opens channels.</param>
    /// <param name="handler">Gets the link and its messages.</param>
    /// <param name="facts">What to tell the parent.</param>
    /// <exception cref="ArgumentException">The options make no sense.</exception>
    public EdgeTunnel(
        TunnelRuntime runtime, EdgeTunnelOptions options, PeerIdentity self, IParentChoice parents, IDialer dialer, ILinkHandler handler, EdgeFacts facts)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        ArgumentNullException.ThrowIfNull(options);
        options.Tunnel.Validate();
        this.runtime = runtime;
        this.options = options;
        this.self = self;
        this.parents = parents;
        this.dialer = dialer;
        this.handler = handler;
        this.facts = facts;
        conversation = new Conversation(runtime, options.Tunnel);
        conversation.Limit(facts.Budget(), facts.BudgetRevision(), attaching: true);
        status = new EdgeTunnelStatus(EdgeTunnelPhase.Connecting, "not tried yet", null, runtime.Time.GetUtcNow());
    }

    /// <summary>Raised after each change of <see cref="Status"/>, on the tunnel's own thread: return quickly.</summary>
    public event Action<EdgeTunnelStatus>? StatusChanged;

    /// <summary>The link to the parent; null while there is none.</summary>
    public ILink? Link => conversation.Current;

    /// <summary>What the tunnel is doing.</summary>
    public EdgeTunnelStatus Status => Volatile.Read(ref status);

    /// <summary>What the link to the parent costs: the books go on over reconnects and from parent to parent. A snapshot.</summary>
    public LinkCost Cost
    {
        get
        {
            lock (conversation.Gate)
            {
                LinkLedger ledger = conversation.Ledger;
                return new LinkCost(Link?.RoundTrip, ledger.Sent, ledger.Received, ledger.Today, ledger.Budget, ledger.IsSpent);
            }
        }
    }

    /// <summary>Another budget holds at this end from now on; null: none. The parent is told by the caller, or at the next attempt.</summary>
    /// <param name="budget">The budget.</param>
    /// <param name="revision">Counts this cluster's budgets.</param>
    public void Limit(LinkBudget? budget, ulong revision) => conversation.Limit(budget, revision, attaching: false);

    /// <summary>What the link has carried today, at the site's time.</summary>
    internal DayCount Today
    {
        get
        {
            lock (conversation.Gate) return conversation.Ledger.Today;
        }
    }

    /// <summary>Goes on from a count that an earlier run has kept; before <see cref="RunAsync"/>.</summary>
    internal void Resume(DayCount kept)
    {
        lock (conversation.Gate) conversation.Ledger.Resume(kept);
    }

    /// <summary>Ends the present link and any wait, and dials anew: the certificate or the parent has changed.</summary>
    /// <param name="reason">Told to the parent and logged.</param>
    /// <param name="planned">Somebody wished it: nothing is wrong with the parent.</param>
    public void Redial(string reason, bool planned)
    {
        conversation.Current?.Close(reason, planned);
        lock (gate) wake.TrySetResult();
    }

    /// <summary>Ends the present link, if any, and dials the same parent again at once: nothing is wrong with it, however short the link was.</summary>
    public void Reattach(string reason)
    {
        reattaches = conversation.Current is not null;
        Redial(reason, planned: true);
    }

    /// <summary>Keeps the link until <paramref name="stop"/>; then says goodbye and returns. Call once.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        bool first = true;
        while (!stop.IsCancellationRequested)
        {
            lock (gate) wake = NewSignal();
            ParentStep step = parents.Next();
            if (step.Target is not { } target)
            {
                await PauseAsync(step.Wait, stop).ConfigureAwait(false);
                continue;
            }

            if (!first) runtime.Metrics.Reconnects.Add(1);
            first = false;
            try
            {
                await AttemptAsync(target, options.DialTimeout * step.Patience, step.IsHurried, stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                break;
            }
            catch (ProtocolViolation violation)
            {
                runtime.Metrics.Violated(violation.Reason);
                NotReached(target, violation.Message, parents.Failed(target));
            }
            catch (IOException e)
            {
                NotReached(target, e.Message, parents.Failed(target));
            }
#pragma warning disable CA1031 // The tunnel never gives up, whatever a dialer or handler does.
            catch (Exception e)
#pragma warning restore CA1031
            {
                runtime.Log.EdgeFailed(target.Address, parents.Failed(target), e);
                Become(EdgeTunnelPhase.Connecting, e.Message, null);
            }
        }

        conversation.Abandon(default, "the tunnel was stopped");
        Become(EdgeTunnelPhase.Stopped, "stopped", null);
    }

    // One attempt, and the link when it succeeds.
    private async Task AttemptAsync(ParentTarget target, TimeSpan patience, bool isHurried, CancellationToken stop)
    {
        Dialed dialed = await DialAsync(target.Address, patience, isHurried, stop).ConfigureAwait(false);
        Link? link = null;
        try
        {
            Hello hello = Hello(target);
            await dialed.Channel.SendAsync(FrameWriter.Packet(Frame.KindOneofCase.Hello, hello), stop).ConfigureAwait(false);
            Frame answer = await Channels.ReadSingleAsync(dialed.Channel, options.Tunnel.HandshakeTimeout, runtime.Time, stop).ConfigureAwait(false);
            switch (answer.KindCase)
            {
                case Frame.KindOneofCase.Refuse:
                    Refused(target, answer.Refuse);
                    return;
                case Frame.KindOneofCase.Close:
                    throw new IOException("the parent closed: " + answer.Close.Reason);
                case Frame.KindOneofCase.Welcome:
                    break;
                default:
                    throw new ProtocolViolation(ViolationReason.UnexpectedFrame, $"{answer.KindCase} instead of Welcome");
            }

            link = Attach(target, dialed, hello, answer.Welcome, stop);
        }
        finally
        {
            if (link is null) await dialed.Channel.DisposeAsync().ConfigureAwait(false);
        }

        causes.Clear();
        Become(EdgeTunnelPhase.Up, $"attached to {dialed.Parent.Name}", null);
        long began = runtime.Now;
        using (stop.UnsafeRegister(static link => ((Link)link!).Stop(), link))
        {
            await link.RunAsync().ConfigureAwait(false);
        }

        parents.Lost(reattaches ? TimeSpan.MaxValue : TimeSpan.FromMilliseconds(runtime.Now - began), link.IsPlanned);
        reattaches = false;
        Become(EdgeTunnelPhase.Connecting, "the link ended", null);
    }

    private async Task<Dialed> DialAsync(Uri target, TimeSpan patience, bool isHurried, CancellationToken stop)
    {
        using CancellationTokenSource late = new(patience, runtime.Time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stop);
        try
        {
            return await dialer.DialAsync(target, Reached, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !stop.IsCancellationRequested)
        {
            throw new IOException($"no answer within {patience.TotalSeconds:0.#} s");
        }

        // It is there: whoever gave up now would come again later, and both would have done half a handshake for nothing.
        void Reached()
        {
            if (isHurried) return; // a machine answers also for a process that hangs
            try
            {
                patience = options.DialTimeout;
                late.CancelAfter(patience);
            }
            catch (ObjectDisposedException)
            {
                // Given up at the same moment.
            }
        }
    }

    private Hello Hello(ParentTarget target)
    {
        Hello hello = new()
        {
            Name = self.Name,
            Uid = self.Uid,
            Incarnation = ByteString.CopyFrom(runtime.Incarnation.Span),
            Epoch = facts.NextEpoch(0),
            AdvertisedAddress = AdvertisedAddress.Normalize(facts.AdvertisedAddress()) ?? "",
            Version = facts.Version,
            Protocol = ProtocolLimits.Version,
            Position = facts.Position().ToWire(),
            Home = target.IsHome,
            HomeName = facts.HomeName(),
            Revocations = facts.Revocations(),
            Trust = facts.Trust(),
            Membership = UnsafeByteOperations.UnsafeWrap(facts.Membership()),
        };
        hello.Tags.Add(facts.Tags());
        if (options.Tunnel.Compress) hello.Compressions.Add(Compression.Brotli);
        lock (conversation.Gate)
        {
            hello.Session = conversation.Session.Id;
            hello.Received.Add(conversation.Session.Received());
            LinkLedger ledger = conversation.Ledger;
            if (ledger.Revision > 0 || ledger.Budget is not null) hello.Budget = BudgetWire.ToWire(ledger.Budget, ledger.Revision);
            if (ledger.Budget is not null || ledger.Today.Bytes > 0) hello.Today = ledger.Today.ToWire(); // without a budget too: one that comes later counts the whole day
        }

        return hello;
    }

    private Link Attach(ParentTarget target, Dialed dialed, Hello hello, Welcome welcome, CancellationToken stop)
    {
        TunnelOptions agreed;
        try
        {
            agreed = options.Tunnel.With(welcome.Limits);
            if (welcome.Compression == Compression.None) agreed = agreed with { Compress = false };
        }
        catch (ArgumentException e)
        {
            throw new IOException("the parent's limits make no sense: " + e.Message, e);
        }

        LinkSetup setup = new(dialed.Parent, hello.Epoch, agreed, IsParent: false, runtime.Random(), facts.Digest is { } digest ? () => new BeatFacts(digest(), TreePosition.None) : null, stop);
        Link link = new(runtime, conversation, dialed.Channel, handler, setup);
        lock (conversation.Dispatch)
        {
            lock (conversation.Gate)
            {
                if (Handshake.Check(welcome, hello, dialed.Parent, conversation.Session) is { } problem) throw new IOException(problem);
            }

            if (parents.Accept(target, dialed.Parent, welcome) is { } unfit) throw new IOException(unfit);
            parents.Attached(target, dialed.Parent, welcome);
            link.AttachNeedsDispatch(welcome, welcome.Received, null);
        }

        return link;
    }

    private void Refused(ParentTarget target, Refuse refusal)
    {
        runtime.Metrics.Refusals.Add(1, new("peer", "parent"), new("reason", refusal.Reason.ToString()));
        if (refusal is { Reason: Refuse.Types.Reason.OldEpoch, KnownEpoch: > 0 and <= Handshake.MaxToldEpoch })
        {
            runtime.Log.EpochBehind(refusal.KnownEpoch);
            facts.NextEpoch(refusal.KnownEpoch);
        }

        TimeSpan wait = parents.Refused(target, refusal);
        if (refusal is { Reason: Refuse.Types.Reason.NotLeader, Candidates.Count: > 0 }) runtime.Log.SentOn(target.Address, refusal.Text);
        else if (refusal.Never) runtime.Log.RefusedForGood(target.Address, refusal.Reason, refusal.Text, wait);
        else if (refusal.Reason == Refuse.Types.Reason.Draining) runtime.Log.Drained(target.Address, refusal.Text);
        else runtime.Log.RefusedForNow(target.Address, refusal.Reason, refusal.Text, wait);
        Become(refusal.Never ? EdgeTunnelPhase.RefusedForGood : EdgeTunnelPhase.Refused, refusal.Text, refusal);
    }

    private void NotReached(ParentTarget target, string cause, TimeSpan wait)
    {
        string same = TunnelTls.WithoutClock(cause);
        if (causes.TryGetValue(target.Authority, out string? before) && before == same) runtime.Log.StillNotReached(target.Address, cause, wait);
        else runtime.Log.NotReached(target.Address, cause, wait);
        if (causes.Count >= MostCauses) causes.Clear();
        causes[target.Authority] = same;
        Become(EdgeTunnelPhase.Connecting, cause, null);
    }

    private async Task PauseAsync(TimeSpan wait, CancellationToken stop)
    {
        Task woken;
        lock (gate) woken = wake.Task;
        if (stop.IsCancellationRequested || woken.IsCompleted) return;
        try
        {
            await woken.WaitAsync(wait, runtime.Time, stop).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            // Waited long enough, or stopping: the loop knows.
        }
    }

    private void Become(EdgeTunnelPhase phase, string text, Refuse? refusal)
    {
        EdgeTunnelStatus now = new(phase, text, refusal, runtime.Time.GetUtcNow());
        Volatile.Write(ref status, now);
        StatusChanged?.Invoke(now);
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
