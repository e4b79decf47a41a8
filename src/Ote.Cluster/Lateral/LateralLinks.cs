using System.Collections.Frozen;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Budgets;
using Ote.Cluster.Handling;
using Ote.Cluster.Journal;
using Ote.Cluster.Tunnel;
using Ote.Flow;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Lateral;

/// <summary>
/// The lateral links of one cluster, with those an operator has allowed: for messages between clusters alone. They make nobody a parent, carry no
/// routes and no commands, and so make no cycle. Both ends must have been told of each other by the tree. Thread-safe.
/// </summary>
/// <param name="shake">Makes links.</param>
/// <param name="own">Whom it may have links with.</param>
/// <param name="days">What they carried today, on disk.</param>
/// <param name="routes">Who is below.</param>
/// <param name="uplink">Who is above.</param>
/// <param name="budget">What the link to the parent costs and may carry; null: nothing is known.</param>
/// <param name="revocations">Who is shut out.</param>
/// <param name="parts">Clock, meters and chance.</param>
/// <param name="log">Where it logs.</param>
internal sealed class LateralLinks(
    LateralShake shake, OwnLateral own, LateralDays days, RouteKeeper routes, Uplink uplink, Func<LinkCost?> budget, RevocationKeeper revocations, TunnelRuntime parts, ILogger log) : ILateralDoor, IDisposable
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan KeepEvery = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(100);
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly Dictionary<string, LateralLink> _links = new(StringComparer.Ordinal);
    private readonly Dictionary<string, LateralBooks> _books = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (LateralPeer Peer, CancellationTokenSource Stop, Task Running)> _dialling = new(StringComparer.Ordinal);
    private readonly Signal _signal = new();
    private readonly (CancellationTokenSource Source, CancellationToken Token) _stop = NewStop();
    private volatile LateralLink[] _up = [];

    /// <summary>A link came, went, or its peer stands elsewhere: what waits may have a way. Raised on the thread that brought it: queue, do not work.</summary>
    public event Action? Changed;

    /// <summary>Takes a message that a lateral peer brought. The flag says whether it may speak in that name.</summary>
    public required Func<ILink, Message, bool, Task> Take { get; init; }

    /// <summary>Says of the own cluster which wish is in force and how its lateral links are; null leaves the latter as told.</summary>
    public required Action<ulong, LateralReports?> Say { get; init; }

    /// <summary>How each allowed lateral link is; a snapshot.</summary>
    public IReadOnlyList<LateralStatus> Statuses
    {
        get
        {
            lock (_gate)
            {
                return [.. own.Current.Peers.Select(p => Books(p.Name).Status(p.Name, _links.GetValueOrDefault(p.Name), Cannot(p)))];
            }
        }
    }

    /// <summary>An operator's wish: completes when it is on disk and in force. Links with those it does not name end.</summary>
    public async Task WishAsync(SetLateral wish)
    {
        if (!LateralSet.TryRead(wish, out var set, out var fault))
        {
            log.ParentMessageRefused("SetLateral", fault);
            return;
        }

        await _one.WaitAsync().ConfigureAwait(false);
        try
        {
            await own.SetAsync(wish, set).ConfigureAwait(false);
        }
        finally
        {
            _one.Release();
        }

        List<LateralLink> over = [];
        lock (_gate)
        {
            foreach (var link in _links.Values)
            {
                if (set.Find(link.Allowed.Name) is { } allowed && allowed.Uid == link.Allowed.Uid)
                {
                    link.Allowed = allowed;
                    link.Conversation.Limit(allowed.Budget, 0, attaching: true);
                }
                else
                {
                    over.Add(link);
                }
            }

            foreach (var gone in _books.Keys.Where(n => set.Find(n) is null).ToArray())
            {
                _books.Remove(gone);
            }
        }

        over.ForEach(static link => link.Link.Close("an operator does not allow this lateral link any more"));
        log.LateralSet(set.Peers.Count == 0 ? "nobody" : string.Join(", ", set.Peers.Select(p => p.Name)));
        Say(set.Digest(), null);
        _signal.Set();
    }

    /// <summary>Whom a message goes to over a lateral link, instead of up; null: nobody, it goes up.</summary>
    /// <param name="from">Whose it is.</param>
    /// <param name="to">Whom it is for.</param>
    /// <param name="bytes">Its size.</param>
    /// <param name="isRepeat">It went across before, and its sender has heard nothing: it goes by the tree while that leads there.</param>
    public string? Choose(string from, string to, int bytes, bool isRepeat)
    {
        var up = _up;
        if (up.Length == 0)
        {
            return null;
        }

        var (self, parent) = (routes.Self.Name, uplink.Link);
        var mine = OwnWay(parent);
        LateralLink? best = null;
        foreach (var link in up)
        {
            if (!Leads(link, to) || !link.Knows(self, from))
            {
                continue;
            }

            // Over the tree it goes to the own parent and comes to the peer from its own; when the peer is that parent, it is there already.
            var tree = parent?.Peer.Name == link.Allowed.Name ? (ReadOnlySpan<Way>)[mine] : [mine, link.Standing.Uplink];
            link.IsTaken = LateralChoice.Takes(link.Way, tree, bytes, link.IsTaken);
            if (link.IsTaken && !(isRepeat && LateralChoice.Leads(tree)) && (best is null || LateralChoice.Cost(link.Way, bytes) < LateralChoice.Cost(best.Way, bytes)))
            {
                best = link;
            }
        }

        return best?.Allowed.Name;
    }

    /// <summary>The link to a lateral peer while it is up.</summary>
    public ILink? LinkTo(string peer) => _up.FirstOrDefault(l => l.Allowed.Name == peer) is { Link.IsUp: true } link ? link.Link : null;

    /// <summary>Routes have changed, or the link to the parent: lateral peers are told in a moment.</summary>
    public void Stir()
    {
        if (_up.Length > 0)
        {
            _signal.Set();
        }
    }

    /// <inheritdoc/>
    public async Task<Link?> AnswerAsync(IPacketChannel channel, PeerIdentity peer, Hello hello)
    {
        ulong known;
        lock (_gate)
        {
            known = _books.GetValueOrDefault(peer.Name)?.Epoch ?? 0;
        }

        var allowed = own.Current.Find(peer.Name) is { } found && found.Is(peer) ? found : null;
        return await shake.AnswerAsync(channel, peer, hello, known, revocations.Objection(peer), allowed, Make, _stop.Token).ConfigureAwait(false);
    }

    /// <summary>Dials those it may dial, and tells peers and the tree how things are, until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        LateralReports? told = null;
        var (toldAt, keptAt) = (parts.Time.GetTimestamp(), parts.Time.GetTimestamp());
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stop); // a wait must not outlive its loop
        Task? word = null;
        Dial(stop);
        try
        {
            while (true)
            {
                word ??= _signal.WaitAsync(ending.Token).AsTask();
                await NextAsync(word, stop).ConfigureAwait(false);
                if (word.IsCompleted)
                {
                    await word.ConfigureAwait(false);
                    word = null;
                    await Task.Delay(Gathering, parts.Time, stop).ConfigureAwait(false); // what belongs together comes together
                }

                Dial(stop);
                TellPeers();
                if (parts.Time.GetElapsedTime(keptAt) >= KeepEvery)
                {
                    keptAt = parts.Time.GetTimestamp();
                    await KeepDaysAsync(static allowed => allowed.Budget?.DailyBytes is not null).ConfigureAwait(false);
                }

                var report = LateralStatus.Report(Statuses, parts.Time.GetUtcNow());
                if (LateralStatus.IsNews(told, report, parts.Time.GetElapsedTime(toldAt)))
                {
                    (told, toldAt) = (report, parts.Time.GetTimestamp());
                    Say(own.Current.Digest(), report);
                }
            }
        }
        finally
        {
            await ending.CancelAsync().ConfigureAwait(false);
            if (stop.IsCancellationRequested)
            {
                await KeepDaysAsync(static _ => true).ConfigureAwait(false); // before peers that are slow to say goodbye
                await EndAsync().ConfigureAwait(false); // otherwise links and who dials them go on, and this is called again
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Source.Dispose();
        _one.Dispose();
    }

    /// <summary>Ends the links of those who were shut out.</summary>
    public void Revoked()
    {
        foreach (var link in _up)
        {
            if (revocations.Objection(link.Link.Peer) is { } revoked)
            {
                link.Link.Close(revoked);
            }
        }
    }

    internal void Attached(LateralLink link)
    {
        Publish();
        link.Tell(State(link.Allowed.Subtree));
        _signal.Set();
        Changed?.Invoke();
    }

    internal void Detached(LateralLink link)
    {
        lock (_gate)
        {
            if (_links.GetValueOrDefault(link.Allowed.Name) == link)
            {
                _links.Remove(link.Allowed.Name);
            }

            if (own.Current.Find(link.Allowed.Name) is not null)
            {
                Books(link.Allowed.Name).Close(link);
            }
        }

        Publish();
        _signal.Set();
        Changed?.Invoke();
    }

    internal void Heard() => Changed?.Invoke();

    internal void Violated(ILink link, ViolationReason reason, string what)
    {
        log.LateralViolated(link.Peer, what);
        parts.Metrics.Violated(reason);
        link.Close($"{what} has no place on a lateral link");
    }

    /// <summary>The peer speaks for itself, and where that is allowed for what it says is below it, but for nobody that is known to be elsewhere.</summary>
    internal Task TakeAsync(LateralLink from, ILink link, Message message)
    {
        var name = message.ClusterMessage.From;
        from.Brought++;
        return Take(link, message, from.IsBehind(name) && (name == from.Allowed.Name || !IsElsewhere(name)));
    }

    // Whom a listener brings may be answered while this ends: the token is there after its source.
    private static (CancellationTokenSource Source, CancellationToken Token) NewStop()
    {
        var source = new CancellationTokenSource();
        return (source, source.Token);
    }

    private bool Leads(LateralLink link, string to) => link.IsBehind(to) && (to == link.Allowed.Name || !IsElsewhere(to));

    private bool IsElsewhere(string name) =>
        uplink.Path.Contains(name) || routes.Read(t => t.Find(name) is { } known && (known.Online || name == t.Self.Name));

    // Registers a link that both ends want; null: it is allowed no more, or a newer one is there.
    private LateralLink? Make(LateralPeer allowed, ulong epoch, bool isAnswer, Func<LateralLink, Link> make)
    {
        LateralLink? former;
        LateralLink link;
        lock (_gate)
        {
            var books = Books(allowed.Name);
            if (own.Current.Find(allowed.Name)?.Uid != allowed.Uid || (isAnswer && epoch <= books.Epoch))
            {
                return null;
            }

            link = new LateralLink(this, new Conversation(parts, shake.Options), allowed);
            link.Conversation.Limit(allowed.Budget, 0, attaching: true, books.Today);
            link.Link = make(link);
            former = _links.GetValueOrDefault(allowed.Name);
            _links[allowed.Name] = link;
            books.Epoch = isAnswer ? epoch : books.Epoch;
        }

        former?.Link.Close("another lateral link with the same peer");
        return link;
    }

    private LateralBooks Books(string peer) => _books.TryGetValue(peer, out var books) ? books : _books[peer] = new LateralBooks(days.Of(peer));

    private string Cannot(LateralPeer peer) => peer.Address.Length == 0 && routes.Self.Address.Length == 0
        ? $"neither {routes.Self.Name} nor {peer.Name} can be dialled; start one of them with --listen"
        : "";

    // A count without a cap matters only when there is one some day; it is kept at a stop.
    private async Task KeepDaysAsync(Func<LateralPeer, bool> which)
    {
        await _one.WaitAsync().ConfigureAwait(false);
        try
        {
            (string, DayCount)[] counts;
            lock (_gate)
            {
                counts = [.. own.Current.Peers.Where(which).Select(p => (p.Name, Books(p.Name).Count(_links.GetValueOrDefault(p.Name))))];
            }

            await days.KeepAsync(counts, own.Current).ConfigureAwait(false);
        }
        catch (JournalException broken)
        {
            log.JournalFailed("the count of lateral links", broken); // it is written again; at worst a day's count is short by what was not kept
        }
        finally
        {
            _one.Release();
        }
    }

    private void Publish()
    {
        lock (_gate)
        {
            _up = [.. _links.Values.Where(static l => l.Link.IsUp)];
        }
    }

    private Way OwnWay(ILink? parent)
    {
        var cost = budget();
        return new Way(parent is not null && !BudgetRule.HoldsWork(cost?.Budget, cost?.IsSpent == true, parts.Time.GetUtcNow()), parent?.SmoothRoundTrip, cost?.Budget?.BytesPerSecond);
    }

    private LateralState State(bool withBelow)
    {
        var below = withBelow ? routes.Read(static t => t.Below.Where(static e => e.Online).Select(static e => e.Name).Take(LateralState.MostBelow + 1).ToArray()) : [];
        return new LateralState(OwnWay(uplink.Link), below.Length > LateralState.MostBelow ? FrozenSet<string>.Empty : below.ToFrozenSet(StringComparer.Ordinal));
    }

    private void TellPeers()
    {
        var up = _up;
        if (up.Length > 0)
        {
            var state = State(up.Any(static l => l.Allowed.Subtree));
            Array.ForEach(up, link => link.Tell(state));
        }
    }

    // A cluster without lateral links has no timer for them.
    private async Task NextAsync(Task word, CancellationToken stop)
    {
        if (own.Current.Peers.Count == 0)
        {
            await word.ConfigureAwait(false);
            return;
        }

        using var round = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await Task.WhenAny(word, Task.Delay(LookEvery, parts.Time, round.Token)).ConfigureAwait(false);
        await round.CancelAsync().ConfigureAwait(false);
        stop.ThrowIfCancellationRequested();
    }

    private void Dial(CancellationToken stop)
    {
        var wanted = own.Current.Peers.Where(p => p.IsDialled(routes.Self.Name, routes.Self.Address)).ToDictionary(p => p.Name, StringComparer.Ordinal);
        foreach (var (name, (peer, ending, running)) in _dialling.ToArray())
        {
            if (!wanted.TryGetValue(name, out var still) || still.Uid != peer.Uid || still.Address != peer.Address)
            {
                _dialling.Remove(name);
                _ = EndAsync(ending, running); // its task ends by itself
            }
        }

        foreach (var peer in wanted.Values.Where(p => !_dialling.ContainsKey(p.Name)))
        {
            var ending = CancellationTokenSource.CreateLinkedTokenSource(stop);
            _dialling[peer.Name] = (peer, ending, KeepAsync(peer, ending.Token));
        }
    }

    private async Task EndAsync()
    {
        await _stop.Source.CancelAsync().ConfigureAwait(false);
        LateralLink[] all;
        lock (_gate)
        {
            all = [.. _links.Values];
        }

        await Task.WhenAll(all.Select(static l => l.Link.StopAsync()).Concat(_dialling.Values.Select(static d => d.Running))).ConfigureAwait(false);
        foreach (var (_, ending, _) in _dialling.Values)
        {
            ending.Dispose();
        }

        _dialling.Clear();
    }

    // Who dials does not let go of what ends it: it may be ended while it ends by itself.
    private static async Task EndAsync(CancellationTokenSource ending, Task running)
    {
        await ending.CancelAsync().ConfigureAwait(false);
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        ending.Dispose();
    }

    // Keeps one link for as long as it is wanted.
    private async Task KeepAsync(LateralPeer peer, CancellationToken stop)
    {
        await Task.Yield(); // the caller goes on
        var redial = new LateralRedial(parts.Random);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (LinkTo(peer.Name) is null)
                {
                    var began = parts.Time.GetTimestamp();
                    var allowed = own.Current.Find(peer.Name) ?? peer;
                    var link = await shake.DialAsync(allowed, () => revocations.Objection(new PeerIdentity(peer.Name, peer.Uid)), Make, _stop.Token, stop).ConfigureAwait(false);
                    Tried(peer.Name, "");
                    using (stop.UnsafeRegister(static link => ((Link)link!).Close("it is not wanted any more"), link))
                    {
                        await link.RunAsync().ConfigureAwait(false);
                    }

                    redial.Lasted(parts.Time.GetElapsedTime(began));
                }

                await Task.Delay(redial.Next(null), parts.Time, stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is IOException or ProtocolViolation)
            {
                var wait = redial.Next((e as LateralRefusedException)?.Wait);
                if (redial.IsNewCause(e.Message))
                {
                    log.LateralNotMade(peer.Name, peer.Address, e.Message, wait);
                }

                Tried(peer.Name, e.Message);
                await PauseAsync(wait, stop).ConfigureAwait(false);
            }
#pragma warning disable CA1031 // A link is dialled for as long as it is wanted, whatever a dialer does.
            catch (Exception e)
#pragma warning restore CA1031
            {
                log.LateralFailed(peer.Name, e);
                Tried(peer.Name, e.Message);
                await PauseAsync(redial.Next(null), stop).ConfigureAwait(false);
            }
        }
    }

    private void Tried(string peer, string cause)
    {
        lock (_gate)
        {
            Books(peer).Cause = cause;
        }

        _signal.Set();
    }

    private async Task PauseAsync(TimeSpan wait, CancellationToken stop)
    {
        try
        {
            await Task.Delay(wait, parts.Time, stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The loop knows.
        }
    }
}
