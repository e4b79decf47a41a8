using System.Text.Json.Nodes;
using Ote.Cluster.Observing;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Commands;

/// <summary>
/// One ClusterController object in the hands of the <see cref="CommandController"/>. Receipts come from many threads and go in under
/// the lock; everything else is the reconcile loop's, which never runs twice at once on one object.
/// <para>
/// Detached, it belongs to a run that nobody asks for any more, because its object was deleted or edited: its clusters are told to
/// end, until each has answered or the deadline has passed, and their results go nowhere.
/// </para>
/// </summary>
/// <param name="key">Namespace and name of the object.</param>
/// <param name="uid">Uid of the object; of a superseded run, with its generation.</param>
/// <param name="patience">How long clusters may be silent before they are asked again.</param>
internal sealed class Work(string key, string uid, TimeSpan patience)
{
    private static readonly TimeSpan GonePause = TimeSpan.FromMinutes(1);
    private readonly Lock _gate = new();
    private readonly HashSet<string> _again = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _ready = NewSource();
    private readonly Repeating _repeating = new(patience);
    private PendingResults _pending = PendingResults.None();
    private PendingResults? _storing;
    private bool _unsent;
    private bool _mayBeGone;
    private DateTimeOffset _goneDue;
    private bool _abandoned;

    /// <summary>What it is queued as.</summary>
    public string Id { get; } = IdOf(key, uid);

    public string Key => key;

    public string Uid => uid;

    /// <summary>Completes when receipts can be taken: the object was read, and what an earlier run of this process knew with it.</summary>
    public Task Ready => _ready.Task;

    /// <summary>The generation begun or finished; 0 before the first.</summary>
    public long Generation { get; private set; }

    /// <summary>The run that is not over; null before and after.</summary>
    public CommandRun? Run { get; private set; }

    public ResultPages? Pages { get; private set; }

    /// <summary>Nobody asks for results.</summary>
    public bool IsDetached { get; private set; }

    /// <summary>What the pages hold is not known for certain: a write failed.</summary>
    public bool PagesUncertain { get; set; }

    /// <summary>Results of a small fan-out, for its status.</summary>
    public List<Receipt> Inline { get; } = [];

    /// <summary>Who was observed; stays when the run is over. Null when nothing of it can be.</summary>
    public Observation? Observation { get; private set; }

    /// <summary>The object as last written.</summary>
    public JsonObject? LastWritten { get; set; }

    /// <summary>When the status may be written next.</summary>
    public DateTimeOffset StatusDue { get; set; }

    /// <summary>When clusters that have not answered are asked again.</summary>
    public DateTimeOffset AskDue => _repeating.Due;

    public bool HasPending
    {
        get
        {
            lock (_gate)
            {
                return _pending.Results.Count > 0 || _storing is not null;
            }
        }
    }

    public static string IdOf(string key, string uid) => $"{key} {uid}";

    /// <summary>Whether what waits fills a page, or is all there will be: otherwise more may join it for a moment.</summary>
    public bool IsWorthStoring
    {
        get
        {
            lock (_gate)
            {
                return _pending.Results.Count >= ResultPages.MostItems || Run is not { IsOver: false };
            }
        }
    }

    public void Begin(long generation, CommandRun run, ResultPages pages)
    {
        lock (_gate)
        {
            // What came of the run before is of no interest any more.
            _pending.Done.TrySetResult();
            _pending = PendingResults.None();
            (Generation, Run, Pages, _unsent, _mayBeGone, LastWritten) = (generation, run, pages, true, true, null);
            Inline.Clear();
        }

        _ready.TrySetResult();
    }

    /// <summary>Looks from now on for what the run does, in place of what a former one did.</summary>
    public void Observe(Observation? observation)
    {
        Observation?.End();
        Observation = observation;
    }

    /// <summary>
    /// An edit that only wishes the run that is under way to end is taken up by that run, also when it is over and not yet told so: then
    /// there is nothing left to cancel. True when that is what it was.
    /// </summary>
    public bool TakeWish(JsonObject obj)
    {
        lock (_gate)
        {
            if (Run is not { } run || obj.Truth("spec", "cancel") != true)
            {
                return false;
            }

            run.Spec = run.Spec with { Cancel = true };
            (Generation, _unsent) = (obj.Generation(), true);
            return true;
        }
    }

    /// <summary>The run is over and stored, or there is none.</summary>
    public void Finish(long generation)
    {
        lock (_gate)
        {
            (Generation, Run, Pages, LastWritten) = (generation, null, null, null);
            Inline.Clear();
        }

        _ready.TrySetResult();
    }

    /// <summary>Nobody asks for this run any more; its clusters are to end it.</summary>
    public void Detach(CommandRun? run = null)
    {
        lock (_gate)
        {
            Run ??= run;
            if (!IsDetached && Run is { } ending)
            {
                ending.Spec = ending.Spec with { Cancel = true };
                _unsent = true;
            }

            (IsDetached, LastWritten) = (true, null);
            Inline.Clear();
            Release();
        }

        _ready.TrySetResult();
    }

    /// <summary>The controller stops: what is not stored is not acknowledged.</summary>
    public void Abandon()
    {
        lock (_gate)
        {
            (Run, _abandoned) = (null, true);
            _storing?.Done.TrySetCanceled();
            _pending.Done.TrySetCanceled();
        }

        _ready.TrySetCanceled();
    }

    /// <summary>
    /// Takes receipts, once <see cref="Ready"/>. The task ends when the results among them are stored, also those that came before and
    /// are still being stored.
    /// </summary>
    public Task Take(IReadOnlyList<Receipt> receipts)
    {
        lock (_gate)
        {
            if (_abandoned)
            {
                return Task.FromCanceled(new CancellationToken(canceled: true));
            }

            if (Run is not { } run)
            {
                return Task.CompletedTask;
            }

            var own = receipts.Where(r => r.Generation == run.Spec.Command.Generation).ToArray();
            var results = own.Where(r => run.Take(r)).ToArray();
            if (IsDetached)
            {
                return Task.CompletedTask;
            }

            if (results.Length > 0)
            {
                _pending.Results.AddRange(results);
                return _pending.Done.Task;
            }

            return !own.Any(run.IsOutcome) ? Task.CompletedTask
                : _pending.Results.Count > 0 ? _pending.Done.Task
                : _storing?.Done.Task ?? Task.CompletedTask;
        }
    }

    /// <summary>Ends open targets, for instance because the deadline passed. True when there were any.</summary>
    /// <param name="stage">How.</param>
    /// <param name="error">The machine's word.</param>
    /// <param name="text">For people.</param>
    /// <param name="at">When.</param>
    /// <param name="which">Only targets at such a stage; null: all.</param>
    /// <param name="names">Only these; null: all.</param>
    public bool End(Stage stage, string error, string text, DateTimeOffset at, Func<TargetStage, bool>? which = null, IReadOnlySet<string>? names = null)
    {
        lock (_gate)
        {
            Receipt[] ends = [.. Run?.End(stage, error, text, at, which).Where(r => names?.Contains(r.Cluster) != false && Run.Take(r, own: true)) ?? []];
            if (!IsDetached)
            {
                _pending.Results.AddRange(ends);
            }

            return ends.Length > 0;
        }
    }

    /// <summary>How far a target came that ended without an answer; null for any other.</summary>
    public TargetStage? Reached(string cluster)
    {
        lock (_gate)
        {
            return Run?.Reached(cluster);
        }
    }

    /// <summary>Results to store now; the same again until they are <see cref="Stored"/>. Null when there are none.</summary>
    public IReadOnlyList<Receipt>? ToStore()
    {
        lock (_gate)
        {
            if (_storing is null && _pending.Results.Count > 0)
            {
                (_storing, _pending) = (_pending, PendingResults.None());
            }

            return _storing?.Results;
        }
    }

    /// <summary>The results last given out are on disk.</summary>
    public void Stored()
    {
        lock (_gate)
        {
            _storing?.Done.TrySetResult();
            _storing = null;
        }
    }

    /// <summary>Notes clusters that may lack what they are to be told, and that some may be no more. True when there are any.</summary>
    public bool Wants(IReadOnlyCollection<RouteChange> changes, IReadOnlyCollection<string> along)
    {
        lock (_gate)
        {
            if (Run is not { IsOver: false } run)
            {
                return false;
            }

            var left = changes.Any(c => c.After is null && run.IsOpen(c.Name));
            _mayBeGone |= left;
            if (_unsent)
            {
                return left;
            }

            var before = _again.Count;
            _again.UnionWith(changes.Where(c => run.Wants(c.Name) && MayHaveMissed(c, run)).Select(c => c.Name));

            // The result of one that has the command may be lost with a former parent, which took it; asked again it answers from its journal.
            _again.UnionWith(changes.Where(c => c.Reattached).Select(c => c.Name).Concat(along).Where(run.IsOpen));
            return left || _again.Count > before || changes.Any(c => IsNews(c) && run.IsOpen(c.Name));
        }
    }

    // Why a target is silent is another matter now, which the command's status tells.
    private static bool IsNews(RouteChange change) => change.Before?.Online != change.After?.Online || change.Before?.Local?.IsReachable != change.After?.Local?.IsReachable;

    /// <summary>
    /// Whether to look for targets that are no more: after one has lost its route, and else once a minute. If so, the next time is set.
    /// </summary>
    public bool LooksForGone(DateTimeOffset now)
    {
        lock (_gate)
        {
            if (Run is not { IsOver: false } || (!_mayBeGone && now < _goneDue))
            {
                return false;
            }

            (_mayBeGone, _goneDue) = (false, now + GonePause);
            return true;
        }
    }

    /// <summary>To whom to send now: to all at first, later to those who came back, now and then to all who have not answered.</summary>
    /// <param name="now">The time.</param>
    /// <param name="random">Uniform in [0, 1).</param>
    /// <param name="all">Everyone is addressed, by the command's own selector.</param>
    /// <param name="repeated">Nobody asked for these: they have just not answered for long.</param>
    public IReadOnlyList<string> TakeUnsent(DateTimeOffset now, double random, out bool all, out bool repeated)
    {
        lock (_gate)
        {
            (all, repeated) = (false, false);
            if (Run is not { IsOver: false } run)
            {
                return [];
            }

            if (_unsent)
            {
                _unsent = false;
                _again.Clear();
                _repeating.Start(now, random);
                string[] open = [.. run.Open];
                all = open.Length == run.Targets && !run.Resumed && !run.Spec.ByName;
                return open;
            }

            repeated = _repeating.IsDue(now, random);
            string[] names = [.. repeated ? run.Open.Where(run.Wants).Union(_again.Where(run.IsOpen)) : _again.Where(run.IsOpen)];
            _again.Clear();
            return names;
        }
    }

    /// <summary>The command has left for these, or may have.</summary>
    public void Sent(IEnumerable<string> clusters)
    {
        lock (_gate)
        {
            foreach (var cluster in clusters)
            {
                Run?.Sent(cluster);
            }
        }
    }

    // On its way a command is addressed by tags, and goes where the cluster is: whoever lost the tag or moved may not have met it.
    private static bool MayHaveMissed(RouteChange change, CommandRun run) =>
        change.After is { Online: true } after
        && (change.CameOnline || change.Before!.Epoch != after.Epoch || (!change.Before.Tags.Equals(after.Tags) && !run.Spec.Selector.Matches(after.Name, after.Tags)));

    private void Release()
    {
        _storing?.Done.TrySetResult();
        _storing = null;
        _pending.Done.TrySetResult();
        _pending = PendingResults.None();
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Results that wait to be stored, and whom to tell when they are.</summary>
    private sealed record PendingResults(List<Receipt> Results, TaskCompletionSource Done)
    {
        public static PendingResults None() => new([], NewSource());
    }
}
