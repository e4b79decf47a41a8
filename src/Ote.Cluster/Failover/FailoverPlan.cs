using System.Runtime.InteropServices;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Failover;

/// <summary>
/// Whom to dial next. Candidates are home, what parents have named (their siblings, their parent, the own siblings) and the operator's
/// list. The parent just lost is tried once more, then home, then the others: those that fail later, those that stand above first (only
/// they can take a cluster before the root's next beat), then by round trip in coarse steps, then in the order the parent gave, which
/// spreads its children over the others by load. A cluster that finds nobody it is allowed asks one it is not allowed, after a long while: what an
/// operator forbade may be allowed again, and nobody could tell it. When links break again and again right after they came up, nobody is dialled for a
/// while (<see cref="FlapDamping"/>). Pure; times are milliseconds of one monotonic clock; one owner.
/// </summary>
internal sealed class FailoverPlan
{
    /// <summary>Candidates remembered at most.</summary>
    public const int MaxCandidates = 32;

    private const long NearMilliseconds = 50;
    private const double Hurried = 0.25;
    private readonly FailoverOptions _options;
    private readonly Func<double> _random;
    private readonly IReadOnlyList<ParentTarget> _configured;
    private readonly FlapDamping _damping;
    private readonly Dictionary<string, Reach> _reach = new(StringComparer.Ordinal);
    private IReadOnlyList<ParentTarget> _learned = [];
    private SetPlacement _wish = new();
    private ParentTarget? _lost;
    private ParentTarget? _former;
    private ParentTarget? _elsewhere;
    private bool _forsakes;
    private int _depth = int.MaxValue;
    private long _holdUntil;
    private TimeSpan _strandedFor;
    private long _strandedAt;
    private long _attachedAt;
    private bool _asks;

    /// <summary>Makes a plan.</summary>
    /// <param name="options">Figures.</param>
    /// <param name="home">Where the cluster was set up to attach.</param>
    /// <param name="alternates">Further parents that an operator named.</param>
    /// <param name="random">Uniform in [0, 1).</param>
    public FailoverPlan(FailoverOptions options, Uri home, IEnumerable<Uri> alternates, Func<double> random)
    {
        (_options, _random, Home) = (options, random, new ParentTarget(home.Authority, true));
        _damping = new FlapDamping(options.Backoff, random);
        (_strandedFor, _strandedAt) = (options.StrandedFor, (long)options.StrandedFor.TotalMilliseconds);
        _configured = [.. alternates.Where(a => a.Authority != home.Authority).Select(a => new ParentTarget(a.Authority, false))];
    }

    /// <summary>Home, with its name and uid once they are known.</summary>
    public ParentTarget Home { get; private set; }

    /// <summary>The attached parent; null while there is none.</summary>
    public ParentTarget? Current { get; private set; }

    /// <summary>Parents that were named by parents, in their order.</summary>
    public IReadOnlyList<ParentTarget> Learned => _learned;

    /// <summary>
    /// The only parent an operator lets it have; empty: any. A name nobody has told the way to does not count: a cluster that held on to it
    /// would be out of reach for good, for the operator's next word too.
    /// </summary>
    public string Pinned => _wish.PinnedParent.Length > 0 && All().Any(t => t.Name == _wish.PinnedParent) ? _wish.PinnedParent : "";

    /// <summary>Puts back what an earlier run knew of home.</summary>
    public void Restore(string homeName, string homeUid) => Home = Home with { Name = homeName, Uid = homeUid };

    /// <summary>Takes what a parent says of others. What is said replaces what was said before; home and the own parent are left out.</summary>
    public void Learn(IEnumerable<Candidate> candidates)
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        string Once(string name) => CollectionsMarshal.GetValueRefOrAddDefault(names, name, out _) ??= name;

        _learned = [.. candidates.Select(c => ParentTarget.From(c, Once)).OfType<ParentTarget>().Where(c => !IsSame(c, Home)).DistinctBy(c => c.Authority).Take(MaxCandidates)];
        var kept = All().Select(t => t.Authority).ToHashSet(StringComparer.Ordinal);
        foreach (var gone in _reach.Keys.Where(a => !kept.Contains(a)).ToArray())
        {
            _reach.Remove(gone);
        }
    }

    /// <summary>Takes an operator's wish.</summary>
    /// <returns>Whether the present parent is not allowed any more.</returns>
    public bool Wish(SetPlacement wish)
    {
        var former = _wish.PinnedParent;
        _wish = wish;
        if (wish.PinnedParent.Length > 0 && wish.PinnedParent != former)
        {
            // What it said before may not hold any more, as after an undrain, and there is nobody else to go to meanwhile.
            foreach (var pinned in All().Where(t => t.Name == wish.PinnedParent))
            {
                ReachOf(pinned).Succeeded();
            }
        }

        return Current is { } current && !IsAllowed(current);
    }

    /// <summary>Whom to dial now, or how long to wait.</summary>
    public ParentStep Next(long now)
    {
        if (_damping.Until > now)
        {
            return new ParentStep(null, TimeSpan.FromMilliseconds(_damping.Until - now));
        }

        var allowed = All().Where(t => MayDial(t, now)).ToArray();
        if (Elsewhere(now) is { } leader)
        {
            return new ParentStep(leader, TimeSpan.Zero, Patience(leader, allowed.Length));
        }

        if (Retry(now) is { } again)
        {
            return new ParentStep(again, TimeSpan.Zero, Patience(again, allowed.Length), IsHurried: allowed.Length > 1);
        }

        if (allowed.Length == 0)
        {
            var left = Math.Max(1, _strandedAt - now);
            return new ParentStep(null, left < _options.Backoff.Maximum.TotalMilliseconds ? TimeSpan.FromMilliseconds(left) : _options.Backoff.Maximum);
        }

        var others = allowed.Any(t => !t.IsHome && (_lost is null || !IsSame(t, _lost)));
        var first = Math.Max(allowed.Min(t => ReachOf(t).NextTry), others ? _holdUntil : 0);
        if (first > now)
        {
            // Who is allowed may have to be left alone for longer than it takes until the others may be asked.
            return new ParentStep(null, TimeSpan.FromMilliseconds((_strandedAt > now ? Math.Min(first, _strandedAt) : first) - now));
        }

        var best = allowed.Where(t => ReachOf(t).NextTry <= now).Select((target, order) => (target, order)).MinBy(c => Rank(c.target, c.order));
        var next = allowed.Contains(Home) && IsOwnOutage(best.target, allowed, now) ? Home : best.target;
        return new ParentStep(next, TimeSpan.Zero, Patience(next, allowed.Length));
    }

    /// <summary>It could not be reached, or is not who it should be.</summary>
    /// <returns>How long it is left alone.</returns>
    public TimeSpan Failed(ParentTarget target, long now)
    {
        Hold(target, now);
        return ReachOf(target).Silent(now, _options.Backoff.Maximum);
    }

    /// <summary>It said no.</summary>
    /// <returns>How long it is left alone.</returns>
    public TimeSpan Refused(ParentTarget target, Refuse refusal, long now)
    {
        Hold(target, now);
        if (refusal.Reason == Refuse.Types.Reason.NotLeader)
        {
            // The same cluster at another address, not another cluster: it is dialled next, and not remembered beyond that.
            _elsewhere = refusal.Candidates.Select(c => ParentTarget.From(c)).OfType<ParentTarget>()
                .Where(c => target.Uid.Length == 0 || c.Uid == target.Uid).Select(c => c with { IsHome = target.IsHome }).FirstOrDefault();
        }
        else if (refusal.Candidates.Count > 0)
        {
            Learn([.. _learned.Select(ToWire), .. refusal.Candidates]);
        }

        return refusal.Never
            ? ReachOf(target).RefusedForGood(now, _options.RefusedRetry)
            : ReachOf(target).Failed(now, TimeSpan.FromMilliseconds(refusal.RetryAfterMilliseconds), _options.RefusedRetry);
    }

    /// <summary>A link is up.</summary>
    /// <param name="target">Who was dialled.</param>
    /// <param name="name">Who answered, by its certificate.</param>
    /// <param name="uid">Its uid.</param>
    /// <param name="path">From the root down to and including it.</param>
    /// <param name="now">When.</param>
    public ParentTarget Attached(ParentTarget target, string name, string uid, IReadOnlyList<string> path, long now)
    {
        var known = target with { Name = name, Uid = uid, Path = path };
        if (target.IsHome)
        {
            Home = known with { Authority = Home.Authority }; // a replica of it may have answered elsewhere
        }
        else
        {
            _former = known;
        }

        (Current, _depth) = (known, path.Count);
        _lost = null;
        _attachedAt = now;
        _asks = !IsAllowed(known);
        if (_asks)
        {
            _strandedFor = Least(_strandedFor * 2, _options.MaxStrandedFor);
        }

        return known;
    }

    /// <summary>The link is lost.</summary>
    /// <param name="lasted">How long it was up.</param>
    /// <param name="leaves">The cluster ends it itself to go elsewhere: the parent is not the first to try.</param>
    /// <param name="now">When.</param>
    /// <returns>How long nobody is dialled, because links break again and again right after they came up; 0 as a rule.</returns>
    public TimeSpan Lost(TimeSpan lasted, bool leaves, long now)
    {
        if (Current is not { } parent)
        {
            return TimeSpan.Zero;
        }

        Current = null;
        _lost = leaves ? null : parent;
        _holdUntil = 0;
        var held = lasted >= _options.Calm;
        if (_asks && !IsAllowed(parent))
        {
            _strandedAt = now + (long)_strandedFor.TotalMilliseconds;
        }
        else if (held || _asks)
        {
            // A parent that takes it and at once cuts it off is none that was found; one that was asked, and is allowed by now, is.
            (_strandedFor, _strandedAt) = (_options.StrandedFor, now + (long)_options.StrandedFor.TotalMilliseconds);
        }

        var forsakes = leaves && _forsakes;
        _forsakes = false;
        if (held || forsakes)
        {
            ReachOf(parent).Succeeded();
            _damping.Held();
            if (forsakes)
            {
                ReachOf(parent).Failed(now, _options.UnrootedFor, _options.RefusedRetry);
            }

            return TimeSpan.Zero;
        }

        ReachOf(parent).Broke(now);
        return leaves ? TimeSpan.Zero : _damping.Broke(now);
    }

    /// <summary>The present parent stands elsewhere now.</summary>
    public void Moved(IReadOnlyList<string> path)
    {
        if (Current is not null)
        {
            (Current, _depth) = (Current with { Path = path }, path.Count);
        }
    }

    /// <summary>The measured round trip to a parent.</summary>
    public void Measured(ParentTarget target, TimeSpan trip) => ReachOf(target).RoundTrip = (long)trip.TotalMilliseconds;

    /// <summary>Whom the cluster could hang below in place of its present parent, best first.</summary>
    public IReadOnlyList<ParentTarget> Others() =>
        [.. All().Where(t => IsAllowed(t) && (Current is null || !IsSame(t, Current))).Select((target, order) => (target, order)).OrderBy(c => Rank(c.target, c.order)).Select(c => c.target)];

    /// <summary>The present parent is about to be left because it hears nothing of the root: this one, which does, is dialled next, and that one not for a while.</summary>
    public void Forsake(ParentTarget better)
    {
        (_elsewhere, _forsakes) = (better, true);
        ReachOf(better).Succeeded();
    }

    /// <summary>Home may be dialled at once.</summary>
    public void GoHome() => ReachOf(Home).Succeeded();

    /// <summary>Whether an operator lets it be the parent.</summary>
    public bool IsAllowed(ParentTarget target) =>
        (Pinned.Length == 0 || target.Name == _wish.PinnedParent || (target.IsHome && target.Name.Length == 0))
        && (target.Name.Length == 0 || !_wish.ForbiddenParents.Contains(target.Name));

    /// <summary>Who is known and not dialled, because an operator does not allow it.</summary>
    public IReadOnlyList<ParentTarget> Skipped() => [.. All().Where(t => !IsAllowed(t))];

    /// <summary>Whether the present parent is one that only had to be asked, and has had the time to answer.</summary>
    public bool HasAsked(long now) => Current is { } current && !IsAllowed(current) && now - _attachedAt >= _options.AskFor.TotalMilliseconds;

    /// <summary>Whom a restart must still know the way to: the last parent beside home, which names others and not itself, and whom it named.</summary>
    public IEnumerable<ParentTarget> Remembered => _former is null || _learned.Any(l => IsSame(l, _former)) ? _learned : [_former, .. _learned];

    /// <summary>As it is kept.</summary>
    public static Candidate ToWire(ParentTarget target) =>
        new() { Name = target.Name, Uid = target.Uid, Address = target.Authority, Path = { target.Path }, Children = target.Children };

    private static TimeSpan Least(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static bool IsSame(ParentTarget a, ParentTarget b) => a.Authority == b.Authority || (a.Uid.Length > 0 && a.Uid == b.Uid);

    private bool MayDial(ParentTarget target, long now) => IsAllowed(target) || now >= _strandedAt;

    /// <summary>The replica of a parent that another replica has named, once and at once; unless it has just been tried itself.</summary>
    private ParentTarget? Elsewhere(long now)
    {
        var leader = _elsewhere;
        _elsewhere = null;
        return leader is not null && MayDial(leader, now) && ReachOf(leader).NextTry <= now ? leader : null;
    }

    /// <summary>The lost parent, once and at once: most losses are a cut that is over already, and there the session goes on.</summary>
    private ParentTarget? Retry(long now) =>
        _lost is { } lost && IsAllowed(lost) && ReachOf(lost) is { Failures: 0 } reach && reach.NextTry <= now ? lost : null;

    /// <summary>
    /// Short at first, since another may answer; longer when it has failed before: a way that is only slow would otherwise never be gone to its end.
    /// </summary>
    private double Patience(ParentTarget target, int choices) => choices > 1 ? Math.Min(1, Hurried * (1 << Math.Min(ReachOf(target).Failures, 8))) : 1;

    /// <summary>
    /// When nobody answers, the fault is most likely the site's own, and when that is over, whoever is dialled next answers: it should not be chance
    /// whose wait ends first, so home is dialled once more before another, though not more than some sixteen times in its longest wait.
    /// </summary>
    private bool IsOwnOutage(ParentTarget best, ParentTarget[] allowed, long now) =>
        !best.IsHome && ReachOf(Home) is { IsSilent: true } home && allowed.Any(t => ReachOf(t).FailedAt > home.FailedAt)
        && now - home.FailedAt >= _options.Backoff.Maximum.TotalMilliseconds / 16 && allowed.All(t => ReachOf(t).IsSilent);

    /// <summary>The lost parent is really gone: orphans spread what they do next over a moment.</summary>
    private void Hold(ParentTarget target, long now)
    {
        if (_lost is not null && IsSame(_lost, target) && _holdUntil == 0)
        {
            _holdUntil = now + (long)(_options.Spread * _random()).TotalMilliseconds;
        }
    }

    /// <summary>Everyone it could hang below, in the order of preference when nothing else tells them apart.</summary>
    private IEnumerable<ParentTarget> All()
    {
        IEnumerable<ParentTarget> more = _former is null ? _configured : [_former, .. _configured];
        return [Home, .. _learned, .. more.Where(m => !_learned.Any(l => IsSame(l, m)))];
    }

    private (int Failures, int Kind, int Distance, int Order) Rank(ParentTarget target, int order)
    {
        var reach = ReachOf(target);
        var kind = !IsAllowed(target) ? 3 : target.IsHome ? 0 : target.Path.Count > 0 && target.Path.Count <= _depth ? 1 : 2;
        var distance = reach.RoundTrip <= NearMilliseconds ? 0 : (int)Math.Log2((double)reach.RoundTrip / NearMilliseconds) + 1;
        return (Math.Min(reach.Failures, 8), kind, distance, order);
    }

    private Reach ReachOf(ParentTarget target)
    {
        if (!_reach.TryGetValue(target.Authority, out var reach))
        {
            _reach[target.Authority] = reach = new Reach(_options.Backoff, _random);
        }

        return reach;
    }
}
