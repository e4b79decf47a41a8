using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Journal;
using Ote.Cluster.Tunnel;
using Ote.Flow;
using Ote.Protocol.Records;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Failover;

/// <summary>
/// The running side of a <see cref="FailoverPlan"/> and a <see cref="HomeWatch"/>: clock, disk, probes. What is known of possible parents
/// is on disk, so that a restart while cut off can use it. Thread-safe.
/// </summary>
public sealed class ParentSeeker : IParentChoice
{
    private const string Book = "self";
    private const string Key = "uplink";
    private readonly Lock _gate = new();
    private readonly FailoverOptions _options;
    private readonly FailoverPlan _plan;
    private readonly HomeWatch _watch;
    private readonly RootWatch _root;
    private readonly IJournal? _journal;
    private readonly TimeProvider _time;
    private readonly Func<double> _random;
    private readonly ILogger _log;
    private readonly long _started;
    private readonly Signal _unsaved = new();
    private SetPlacement _wish = new();
    private bool _leaving;
    private string _skipped = "";

    /// <summary>Makes a seeker.</summary>
    /// <param name="options">Figures.</param>
    /// <param name="home">Where the cluster was set up to attach.</param>
    /// <param name="alternates">Further parents that an operator named.</param>
    /// <param name="journal">What survives the process; null: nothing does.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Uniform in [0, 1). Thread-safe.</param>
    /// <param name="log">Where it logs.</param>
    public ParentSeeker(
        FailoverOptions options, Uri home, IEnumerable<Uri> alternates, IJournal? journal, TimeProvider time, Func<double> random, ILogger log)
    {
        (_options, _journal, _time, _random, _log) = (options, journal, time, random, log);
        (_plan, _watch, _root, _started) = (new FailoverPlan(options, home, alternates, random), new HomeWatch(options), new RootWatch(options), time.GetTimestamp());
        Restore();
    }

    /// <summary>Raised when what is known of possible parents, or the operator's wish, has changed; return quickly.</summary>
    internal event Action? Changed;

    /// <summary>The place a child takes below its parent; null when it needs none, as in a flat test.</summary>
    internal IPlace? Place { get; init; }

    /// <summary>Ends the present link so that another parent is dialled. Set before anything runs.</summary>
    internal Action<string, bool> Redial { get; set; } = (_, _) => { };

    /// <summary>The parent this cluster was set up with; its name is empty until it has answered.</summary>
    public ParentTarget Home => In(p => p.Home);

    /// <summary>The attached parent; null while there is none.</summary>
    public ParentTarget? Current => In(p => p.Current);

    /// <summary>What parents have named, best first.</summary>
    internal IReadOnlyList<Candidate> Learned => In(p => p.Learned.Select(FailoverPlan.ToWire).ToArray());

    /// <summary>The operator's wish in force.</summary>
    public SetPlacement Placement
    {
        get
        {
            lock (_gate)
            {
                return _wish;
            }
        }
    }

    private long Now => (long)_time.GetElapsedTime(_started).TotalMilliseconds;

    /// <inheritdoc/>
    public ParentStep Next() => In(p => p.Next(Now));

    /// <inheritdoc/>
    public TimeSpan Failed(ParentTarget target)
    {
        Place?.Leave();
        TimeSpan wait;
        string skipped;
        bool isNew;
        lock (_gate)
        {
            (wait, skipped) = (_plan.Failed(target, Now), string.Join(", ", _plan.Skipped()));
            (isNew, _skipped) = (skipped != _skipped, skipped);
        }

        if (isNew && skipped.Length > 0)
        {
            _log.Skips(skipped);
        }

        return wait;
    }

    /// <inheritdoc/>
    public TimeSpan Refused(ParentTarget target, Refuse refusal) => In(p => p.Refused(target, refusal, Now));

    /// <inheritdoc/>
    public string? Accept(ParentTarget target, PeerIdentity parent, Welcome welcome)
    {
        ArgumentNullException.ThrowIfNull(target);
        if ((target.Uid.Length > 0 && target.Uid != parent.Uid) || (target.Name.Length > 0 && target.Name != parent.Name))
        {
            return $"{target} was expected to be {target.Name} ({target.Uid}); its certificate says {parent}";
        }

        return Place is { } place && !place.TryTake(welcome)
            ? $"{parent.Name} does not stand above this cluster now; it will after the root's next beats, unless it hangs below this cluster itself"
            : null;
    }

    /// <inheritdoc/>
    public void Attached(ParentTarget target, PeerIdentity parent, Welcome welcome)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(welcome);
        lock (_gate)
        {
            _plan.Attached(target, parent.Name, parent.Uid, [.. welcome.Path], Now);
            _plan.Learn(welcome.Candidates);
            if (target.IsHome)
            {
                _watch.Arrived(_leaving, Now);
            }

            (_leaving, _skipped) = (false, "");
        }

        Save();
    }

    /// <inheritdoc/>
    public void Lost(TimeSpan lasted, bool planned)
    {
        TimeSpan damped;
        lock (_gate)
        {
            if (_plan.Current is { IsHome: true } && planned)
            {
                _watch.Left();
            }
            else if (_plan.Current is { IsHome: true })
            {
                _watch.Lost(Now);
            }

            damped = _plan.Lost(lasted, _leaving, Now);
        }

        if (damped > TimeSpan.Zero)
        {
            _log.Flapping(damped);
        }
    }

    /// <summary>The parent names others anew.</summary>
    public void Learn(IReadOnlyList<string> path, IEnumerable<Candidate> candidates)
    {
        lock (_gate)
        {
            _plan.Moved(path);
            _plan.Learn(candidates);
        }

        Save();
    }

    /// <summary>
    /// An operator's wish: completes when it is on disk; then the present parent is left if it is not allowed any more. An older wish of the same
    /// object changes nothing: one that made this cluster leave its parent comes again from there, should it attach there later.
    /// </summary>
    public async Task WishAsync(SetPlacement wish)
    {
        bool leave;
        lock (_gate)
        {
            if (wish.ObjectUid.Length > 0 && wish.ObjectUid == _wish.ObjectUid && wish.Generation < _wish.Generation)
            {
                return;
            }

            _wish = wish;
            leave = _plan.Wish(wish);
        }

        await StoreAsync().ConfigureAwait(false);
        Changed?.Invoke();
        if (leave)
        {
            Leave("an operator chose another parent");
        }
    }

    /// <summary>
    /// Probes home while away from it and returns when it has been well for long enough; leaves a parent that has lost the root for one that has not, and one
    /// that it only had to ask; keeps what is known on disk.
    /// </summary>
    /// <param name="dialer">Asks.</param>
    /// <param name="stop">Ends it.</param>
    internal async Task RunAsync(IDialer dialer, CancellationToken stop)
    {
        await Task.WhenAll(ProbeAsync(dialer, stop), SaveAsync(stop)).ConfigureAwait(false);
    }

    private async Task ProbeAsync(IDialer dialer, CancellationToken stop)
    {
        while (true)
        {
            await Task.Delay(_options.ProbeEvery * (0.9 + (0.2 * _random())), _time, stop).ConfigureAwait(false);
            if (In(p => p.HasAsked(Now)))
            {
                Leave("an operator does not allow this parent, and has not changed that");
                continue;
            }

            if (await ForsakesAsync(dialer, stop).ConfigureAwait(false))
            {
                continue;
            }

            var home = In(p => p.Current is { IsHome: false } && p.IsAllowed(p.Home) ? p.Home : null);
            if (home is null)
            {
                continue;
            }

            var answer = await AskAsync(dialer, home, stop).ConfigureAwait(false);
            bool due;
            lock (_gate)
            {
                // One that is drained stands no worse for it: when that is taken back, nothing has to be waited for.
                due = _watch.Probed(answer is not null, Now) && _plan.Current is { IsHome: false };
            }

            if (answer is null or { Draining: true })
            {
                Place?.Stay();
            }
            else if (due && Place?.MayMoveBelow(answer) != false)
            {
                lock (_gate)
                {
                    _plan.GoHome();
                }

                Leave("going home");
            }
        }
    }

    /// <summary>Asks others while nothing is heard of the root; whether the present parent is left for one that hears of it.</summary>
    private async Task<bool> ForsakesAsync(IDialer dialer, CancellationToken stop)
    {
        for (var asked = 0; asked < FailoverPlan.MaxCandidates; asked++)
        {
            ParentTarget? candidate, parent;
            int count;
            lock (_gate)
            {
                parent = _plan.Current;
                var hears = parent is null || Place?.IsRooted != false;
                var others = hears ? [] : _plan.Others();
                var before = _root.Since;
                candidate = _root.Ask(hears, parent?.Path.Count ?? 0, others, Now);
                count = others.Count;
                if (!hears && before < 0)
                {
                    _log.Unrooted(parent!.Name);
                }
            }

            if (candidate is null)
            {
                return false;
            }

            var answer = await AskAsync(dialer, candidate, stop).ConfigureAwait(false);
            bool leaves;
            lock (_gate)
            {
                leaves = _root.Answered(candidate, answer is { Draining: false }, count, Now) && _plan.Current?.Uid == parent!.Uid && Place?.IsRooted == false;
                if (leaves)
                {
                    _plan.Forsake(candidate);
                }
            }

            if (leaves)
            {
                _log.Forsakes(parent!.Name, candidate.ToString());
                Leave($"{parent.Name} hears nothing of the root, and {candidate} does", planned: false);
                return true;
            }
        }

        return false;
    }

    /// <summary>What a possible parent says when it is well: it is who it should be and knows of the root. Null when it is not. It may be drained.</summary>
    private async Task<ProbeAnswer?> AskAsync(IDialer dialer, ParentTarget target, CancellationToken stop)
    {
        try
        {
            using var late = new CancellationTokenSource(_options.ProbeEvery, _time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stop);
            var probe = await dialer.ProbeAsync(target.Address, either.Token).ConfigureAwait(false);
            lock (_gate)
            {
                _plan.Measured(target, probe.RoundTrip);
            }

            if (target.Uid.Length > 0 && probe.Parent.Uid != target.Uid)
            {
                return null;
            }

            return probe.Answer is { Rooted: true } well ? well : null;
        }
        catch (Exception away) when (away is IOException || (away is OperationCanceledException && !stop.IsCancellationRequested))
        {
            _log.NotWell(target.ToString(), away.Message);
            return null;
        }
    }

    private void Leave(string reason, bool planned = true)
    {
        lock (_gate)
        {
            _leaving = true;
        }

        Redial(reason, planned);
    }

    private T In<T>(Func<FailoverPlan, T> decide)
    {
        lock (_gate)
        {
            return decide(_plan);
        }
    }

    private void Restore()
    {
        var row = _journal?.Load(Book).FirstOrDefault(r => r.Key == Key) ?? default;
        if (row.Value is null)
        {
            return;
        }

        var kept = UplinkRecord.Parser.ParseFrom(row.Value);
        if (kept.HomeAddress == _plan.Home.Authority)
        {
            _plan.Restore(kept.HomeName, kept.HomeUid);
        }

        _wish = kept.Placement ?? new SetPlacement();
        _plan.Wish(_wish);
        _plan.Learn(kept.Candidates);
    }

    private void Save()
    {
        Changed?.Invoke();
        _unsaved.Set();
    }

    private async Task SaveAsync(CancellationToken stop)
    {
        while (true)
        {
            await _unsaved.WaitAsync(stop).ConfigureAwait(false);
            try
            {
                await StoreAsync().ConfigureAwait(false);
            }
            catch (JournalException broken)
            {
                // Only a restart while cut off would miss it; the parent names them anew at each attachment.
                _log.CandidatesNotKept(broken);
            }
        }
    }

    private async Task StoreAsync()
    {
        UplinkRecord record;
        lock (_gate)
        {
            record = new UplinkRecord
            {
                HomeName = _plan.Home.Name,
                HomeUid = _plan.Home.Uid,
                HomeAddress = _plan.Home.Authority,
                Candidates = { _plan.Remembered.Select(FailoverPlan.ToWire) },
                Placement = _wish,
            };
        }

        if (_journal is not null)
        {
            await _journal.WriteAsync(JournalChange.Put(Book, Key, record.ToByteArray())).ConfigureAwait(false);
        }
    }
}
