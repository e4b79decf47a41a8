using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Access;
using Ote.Cluster.Audit;
using Ote.Cluster.Observing;
using Ote.Cluster.Routing;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Kube.Mirrors;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;
using Ote.Kube.Watching;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Commands;

/// <summary>
/// A control entry: carries out the ClusterController objects of one API. Targets are stored before anything is sent, results before
/// they are acknowledged, so a restart goes on where it stopped: what has no result is sent again, and the clusters know what they
/// have done already. One loop; results that arrive while a page is written share the next write. An API server that fails holds
/// everything up and loses nothing: the same is tried again until it succeeds.
/// </summary>
internal sealed partial class CommandController : IDisposable
{
    private const int Parallel = 8;

    /// <summary>Runs whose clusters are still told to end after the object was deleted or edited; of more, each is told once.</summary>
    private const int MaxDetached = 1000;

    private const int NamesAtOnce = 1000;
    private static readonly TimeSpan StatusPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestRetentionWait = TimeSpan.FromDays(1);
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(100);

    private readonly string _entry;
    private readonly KubeClient _api;
    private readonly PageStore _pages;
    private readonly bool _namesRequester;
    private readonly ICommandSender _sender;
    private readonly ICommandAccess? _access;
    private readonly AuditLog? _audit;
    private readonly Action<string, int>? _counted;
    private readonly TimeProvider _time;
    private readonly Func<double> _random;
    private readonly ILogger _log;
    private readonly TimeSpan _patience;
    private readonly ObservationBook? _book;
    private readonly Informer _informer;
    private readonly WorkQueue<string> _queue;
    private readonly CancellationTokenSource _ended = new();
    private readonly ConcurrentDictionary<string, Work> _works = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _keys = new(StringComparer.Ordinal);

    /// <summary>Makes a controller; nothing happens before <see cref="RunAsync"/>.</summary>
    /// <param name="entry">The cluster whose control API it is.</param>
    /// <param name="api">That API.</param>
    /// <param name="namesRequester">Whether that API server itself notes on an object who wrote it.</param>
    /// <param name="sender">Reaches the subtree.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Uniform in [0, 1), for jitter.</param>
    /// <param name="log">Where it logs.</param>
    /// <param name="patience">How long clusters may be silent before they are asked again; null: <see cref="Repeating.First"/>.</param>
    /// <param name="access">Who may command what; null: everything is allowed.</param>
    /// <param name="audit">Where commands are noted; null: nowhere.</param>
    /// <param name="counted">Told of each command that is over: an outcome, and how many of its targets ended so. Null: nobody counts.</param>
    /// <param name="mirror">What clusters report, by which targets are observed; null: none is.</param>
    public CommandController(
        string entry, KubeClient api, bool namesRequester, ICommandSender sender, TimeProvider time, Func<double> random, ILogger log, TimeSpan? patience = null,
        ICommandAccess? access = null, AuditLog? audit = null, Action<string, int>? counted = null, IObjectMirror? mirror = null)
    {
        (_access, _audit, _counted) = (access, audit, counted);
        _patience = patience ?? Repeating.First;
        (_entry, _api, _namesRequester, _sender, _time, _random, _log) = (entry, api, namesRequester, sender, time, random, log);
        _pages = new PageStore(api);
        _queue = new WorkQueue<string>(time, random);
        _book = mirror is null ? null : new ObservationBook(mirror, id => _queue.AddAfter(id, Gathering));
        _informer = new Informer(api, Kinds.ClusterControllers, null, null, time, random, log);
        _informer.Changed += Changed;
    }

    /// <summary>Commands that are not over.</summary>
    public int Open => _works.Values.Count(w => w is { IsDetached: false, Run.IsOver: false });

    public async Task RunAsync(CancellationToken stop)
    {
        var watching = _informer.RunAsync(stop);
        await new Reconciler("commands", _queue, ReconcileAsync, Parallel, _log).RunAsync(stop).ConfigureAwait(false);
        await watching.ConfigureAwait(false);
        if (stop.IsCancellationRequested)
        {
            await _ended.CancelAsync().ConfigureAwait(false);
            foreach (var work in _works.Values)
            {
                work.Abandon();
            }
        }
    }

    /// <summary>
    /// Takes receipts; completes when those that are results are stored. Receipts of commands that are gone are done with. It waits
    /// while the API server fails, and is cancelled when this controller stops; it never fails otherwise.
    /// </summary>
    public Task ReceiveAsync(IReadOnlyList<Receipt> receipts)
    {
        var stored = new List<Task>();
        foreach (var group in receipts.GroupBy(r => r.CommandUid, StringComparer.Ordinal))
        {
            Receipt[] own = [.. group];
            stored.Add(_works.TryGetValue(group.Key, out var work) && work.Ready.IsCompletedSuccessfully ? Take(work, own) : ReceiveLaterAsync(group.Key, own));
            foreach (var generation in own.Select(r => r.Generation).Distinct())
            {
                if (_works.TryGetValue(SupersededUid(group.Key, generation), out var former))
                {
                    _ = Take(former, own);
                }
            }
        }

        return stored.Count == 1 ? stored[0] : Task.WhenAll(stored);
    }

    /// <summary>Clusters are heard of again, moved, or have other tags: they get what they may not have.</summary>
    /// <param name="changes">What is said of each.</param>
    /// <param name="along">Clusters that moved because one above them did.</param>
    public void RoutesChanged(IReadOnlyCollection<RouteChange> changes, IReadOnlyCollection<string> along)
    {
        foreach (var work in _works.Values)
        {
            if (work.Wants(changes, along))
            {
                _queue.Add(work.Id);
            }
        }
    }

    public void Dispose()
    {
        _book?.Dispose();
        _queue.Dispose();
        _ended.Dispose();
    }

    private static string SupersededUid(string uid, ulong generation) => $"{uid}.{generation}";

    private void Changed(JsonObject? before, JsonObject? after)
    {
        if (before is not null && before.Uid() != after?.Uid())
        {
            _keys.TryRemove(before.Uid(), out _);
            _queue.Add(Work.IdOf(before.Key(), before.Uid()));
        }

        if (after is not null)
        {
            _keys[after.Uid()] = after.Key();
            _queue.Add(Work.IdOf(after.Key(), after.Uid()));
        }
    }

    private Task Take(Work work, Receipt[] receipts)
    {
        var stored = work.Take(receipts);
        if (work.Run is not null)
        {
            // Each write of a page writes all of it: results of many clusters share one.
            _queue.AddAfter(work.Id, work.IsWorthStoring ? TimeSpan.Zero : Gathering);
        }

        return stored;
    }

    /// <summary>Receipts that come before this process has read their command: they wait until it has.</summary>
    private async Task ReceiveLaterAsync(string uid, Receipt[] receipts)
    {
        await _informer.Synced.WaitAsync(_ended.Token).ConfigureAwait(false);
        if (!_keys.TryGetValue(uid, out var key))
        {
            return;
        }

        var work = _works.GetOrAdd(uid, u => new Work(key, u, _patience));
        _queue.Add(work.Id);
        await work.Ready.WaitAsync(_ended.Token).ConfigureAwait(false);
        await Take(work, receipts).ConfigureAwait(false);
    }

    private async Task<Next> ReconcileAsync(string id, CancellationToken ct)
    {
        var cut = id.LastIndexOf(' ');
        var (key, uid) = (id[..cut], id[(cut + 1)..]);
        var obj = _informer.Get(key);
        if (obj is null || obj.IsDeleting() || obj.Uid() != uid)
        {
            return _works.TryGetValue(uid, out var detached) ? await EndAsync(detached).ConfigureAwait(false) : Next.Done;
        }

        var work = _works.GetOrAdd(uid, u => new Work(key, u, _patience));
        await StoreResultsAsync(work, obj, ct).ConfigureAwait(false);
        if (obj.Generation() > work.Generation)
        {
            if (work.TakeWish(obj))
            {
                NoteCancelled(work, obj);
            }
            else
            {
                await BeginAsync(work, obj, ct).ConfigureAwait(false);
                await StoreResultsAsync(work, obj, ct).ConfigureAwait(false);
            }
        }

        await LookAsync(work, obj, ct).ConfigureAwait(false);
        if (work.Run is null)
        {
            await WriteObservedAsync(work, obj, ct).ConfigureAwait(false);
            return Sooner(work, await RetainAsync(obj, ct).ConfigureAwait(false));
        }

        if (work.LastWritten is null)
        {
            // Until its status says that it was accepted, a restart accepts it anew; so nothing may leave before.
            await WriteStatusAsync(work, ct).ConfigureAwait(false);
        }

        await SendAsync(work).ConfigureAwait(false);
        return Sooner(work, await SettleAsync(work, obj, ct).ConfigureAwait(false));
    }

    /// <summary>Who wants a run that is under way to end, by the object that says so; before anybody is told.</summary>
    private void NoteCancelled(Work work, JsonObject obj)
    {
        if (work.Run is { IsOver: false } run)
        {
            _audit?.Write(AuditLine.Cancelled(
                _entry, run.Spec.Command, CommandSpec.WhoAsked(obj, _entry, _namesRequester), run.Targets, run.OpenCount, _time.GetUtcNow()));
        }
    }

    private async Task StoreResultsAsync(Work work, JsonObject obj, CancellationToken ct)
    {
        while (work.Run is { } run && work.ToStore() is { } results)
        {
            await _pages.AppendAsync(work, obj.Namespace(), results, ct).ConfigureAwait(false);
            if (run.Targets <= CommandStatus.MostInline)
            {
                work.Inline.AddRange(results);
            }

            Answered(work, results);
            work.Stored();
            if (!work.IsWorthStoring)
            {
                return; // what came meanwhile is due in a moment
            }
        }
    }

    /// <summary>Tells clusters what they have to be told now: the command, or that it is cancelled.</summary>
    private async Task SendAsync(Work work)
    {
        if (work.Run is not { IsOver: false } run)
        {
            return;
        }

        if (run.Spec.Cancel && work.End(Stage.Cancelled, "Cancelled", "cancelled before it left", _time.GetUtcNow(), s => s == TargetStage.Accepted))
        {
            _queue.Add(work.Id);
        }

        var names = work.TakeUnsent(_time.GetUtcNow(), _random(), out var all, out var repeated);
        if (repeated)
        {
            var missing = _sender.Missing(names);
            names = [.. names.Except(missing.Away).Except(missing.Unknown)];
        }

        if (run.Spec.Cancel)
        {
            await TellEndAsync(run, names, all).ConfigureAwait(false);
            return;
        }

        try
        {
            foreach (var selector in Selectors(run, names, all))
            {
                work.Sent(await _sender.SendAsync(all ? run.Spec.Command : run.Spec.Named(), selector).ConfigureAwait(false));
            }
        }
        catch
        {
            // How far it came is not known: each of them may have it.
            work.Sent(names);
            throw;
        }
    }

    private async Task TellEndAsync(CommandRun run, IReadOnlyList<string> names, bool all)
    {
        var cancel = new CancelCommand
        {
            CommandUid = run.Spec.Command.CommandUid,
            Generation = run.Spec.Command.Generation,
            Entry = _entry,
            DeadlineUnixMilliseconds = run.Deadline.ToUnixTimeMilliseconds(),
            SupersededBy = run.SupersededBy,
        };
        foreach (var selector in Selectors(run, names, all))
        {
            await _sender.CancelAsync(cancel, selector).ConfigureAwait(false);
        }
    }

    private static IEnumerable<ClusterSelector> Selectors(CommandRun run, IReadOnlyList<string> names, bool all) =>
        all && names.Count > 0 ? [run.Spec.Selector] : names.Chunk(NamesAtOnce).Select(ClusterSelector.OfNames);

    private async Task<Next> SettleAsync(Work work, JsonObject obj, CancellationToken ct)
    {
        var now = _time.GetUtcNow();
        var run = work.Run!;
        if (work.LooksForGone(now) && _sender.Gone(run.Open) is { Count: > 0 } gone)
        {
            // They do not come back: who joins again is another cluster. Whatever reached them before may have been carried out.
            work.End(Stage.Executed, "ClusterDeleted", "the cluster was deleted from the tree before it answered", now, null, gone);
            await StoreResultsAsync(work, obj, ct).ConfigureAwait(false);
        }

        if (!run.IsOver && run.Deadline <= now)
        {
            string[] open = [.. run.Open];
            await TellEndAsync(run, open, open.Length == run.Targets && !run.Resumed).ConfigureAwait(false);
            work.End(Stage.Expired, "DeadlineExceeded", "no answer before the deadline; whether it was carried out is not known", now);
            await StoreResultsAsync(work, obj, ct).ConfigureAwait(false);
        }

        if (!run.IsOver && work.StatusDue > now)
        {
            return Next.After(work.StatusDue - now);
        }

        if (run.IsOver && !work.HasPending)
        {
            _audit?.Write(AuditLine.Over(_entry, run, now)); // before the status, after which nobody looks at it again
        }

        await WriteStatusAsync(work, ct).ConfigureAwait(false);
        if (run.IsOver && !work.HasPending)
        {
            _log.CommandOver(work.Key, run.Spec.Command.Generation, run.Count(TargetStage.Succeeded), run.Targets);
            Count(run);
            work.Finish(work.Generation);
            return run.Spec.Retention is { } keep ? Next.After(keep < LongestRetentionWait ? keep : LongestRetentionWait) : Next.Done;
        }

        return Next.After(Least(run.Deadline - now, work.AskDue - now, LongestWait));
    }

    private void Count(CommandRun run)
    {
        for (var stage = TargetStage.Succeeded; stage <= TargetStage.NotSelected; stage++)
        {
            if (run.Count(stage) is > 0 and var count)
            {
                _counted?.Invoke(stage.ToString(), count);
            }
        }
    }

    /// <summary>Who of the open targets cannot be reached, for people: one that was shut out does not come back by itself.</summary>
    private MissingTargets Missing(CommandRun run)
    {
        var missing = _sender.Missing(run.Open);
        return missing with { Away = [.. missing.Away.Select(name => _sender.IsRevoked(name) ? name + " (revoked)" : name)] };
    }

    private async Task WriteStatusAsync(Work work, CancellationToken ct)
    {
        var now = _time.GetUtcNow();
        if (_informer.Get(work.Key) is not { } obj || obj.Uid() != work.Uid)
        {
            return;
        }

        var run = work.Run!;
        var next = (work.LastWritten is { } last && last.Generation() == obj.Generation() ? last : obj).Copy();
        var status = next.Child("status");
        CommandStatus.Write(status, run, work.Generation, work.Pages!.Count, run.IsOver ? new MissingTargets([], [], []) : Missing(run), now);
        if (run.IsOver && work.HasPending)
        {
            // A result came after the others were stored. An end that is told before every result is on disk would lose it with this
            // process; the receipt has queued the object again.
            return;
        }

        CommandStatus.Inline(next, work.Inline);
        if (run.IsOver)
        {
            work.Observation?.CommandOver(run.Deadline, now);
        }

        CommandStatus.Observed(status, work.Observation, now);
        CommandStatus.Failures(status, work.Inline, now);
        if (work.LastWritten is not null && JsonNode.DeepEquals(status, work.LastWritten["status"]))
        {
            return;
        }

        try
        {
            work.LastWritten = await _api.ReplaceStatusAsync(Kinds.ClusterControllers, next, ct).ConfigureAwait(false);
        }
        catch (KubeStatusException conflict) when (conflict.IsConflict)
        {
            var fresh = await _api.GetAsync(Kinds.ClusterControllers, obj.Namespace(), obj.Name(), ct).ConfigureAwait(false);
            if (fresh is null || fresh.Uid() != work.Uid)
            {
                return;
            }

            fresh["status"] = status.DeepClone();
            work.LastWritten = await _api.ReplaceStatusAsync(Kinds.ClusterControllers, fresh, ct).ConfigureAwait(false);
        }
        catch (KubeStatusException gone) when (gone.IsNotFound)
        {
            // The watch tells it too, and then the run is ended.
            return;
        }

        work.StatusDue = now + StatusPause;
    }

    /// <summary>A run that nobody asks for any more: its clusters are told to end it until they have answered.</summary>
    private async Task<Next> EndAsync(Work work)
    {
        work.Observe(null);
        work.Detach();
        if (work.Run is { IsOver: false } run && run.Deadline > _time.GetUtcNow())
        {
            await SendAsync(work).ConfigureAwait(false);
            if (!run.IsOver && _works.Values.Count(w => w.IsDetached) <= MaxDetached)
            {
                return Next.After(Least(run.Deadline - _time.GetUtcNow(), work.AskDue - _time.GetUtcNow()));
            }
        }

        _works.TryRemove(new KeyValuePair<string, Work>(work.Uid, work));
        return Next.Done;
    }

    private async Task<Next> RetainAsync(JsonObject obj, CancellationToken ct)
    {
        if (obj.Whole("spec", "ttlSecondsAfterFinished") is not { } seconds || obj.Time("status", "completionTime") is not { } ended)
        {
            return Next.Done;
        }

        var left = ended + TimeSpan.FromSeconds(Math.Clamp(seconds, 0, CommandSpec.LongestSeconds)) - _time.GetUtcNow();
        if (left > TimeSpan.Zero)
        {
            return Next.After(Least(left, LongestRetentionWait));
        }

        try
        {
            await _api.DeleteAsync(Kinds.ClusterControllers, obj.Namespace(), obj.Name(), ct, obj.Uid()).ConfigureAwait(false);
            return Next.Done;
        }
        catch (Exception failed) when (failed is KubeStatusException or HttpRequestException || (failed is OperationCanceledException && !ct.IsCancellationRequested))
        {
            _log.CommandKept(obj.Key(), failed.Message);
            return Next.After(LongestWait);
        }
    }

    private static TimeSpan Least(params ReadOnlySpan<TimeSpan> waits)
    {
        var least = TimeSpan.MaxValue;
        foreach (var wait in waits)
        {
            least = wait < least ? wait : least;
        }

        return least > TimeSpan.Zero ? least : TimeSpan.Zero;
    }
}
