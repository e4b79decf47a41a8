using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Routing;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;
using Ote.Kube.Watching;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Commands;

/// <summary>
/// A control entry: carries out the ClusterController objects of one API. Targets are stored before anything is sent, results before
/// they are acknowledged, so a restart goes on where it stopped: what has no result is sent again, and the clusters know what they
/// have done already. One loop; results that arrive while a page is written share the next write.
/// </summary>
internal sealed class CommandController : IDisposable
{
    private const int Parallel = 8;
    private static readonly TimeSpan StatusPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(100);

    private readonly string _entry;
    private readonly KubeClient _api;
    private readonly bool _namesRequester;
    private readonly ICommandSender _sender;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Informer _informer;
    private readonly WorkQueue<string> _queue;
    private readonly ConcurrentDictionary<string, Work> _works = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Work> _byUid = new(StringComparer.Ordinal);

    public CommandController(string entry, KubeClient api, bool namesRequester, ICommandSender sender, TimeProvider time, Func<double> random, ILogger log)
    {
        (_entry, _api, _namesRequester, _sender, _time, _log) = (entry, api, namesRequester, sender, time, log);
        _queue = new WorkQueue<string>(time, random);
        _informer = new Informer(api, Kinds.ClusterControllers, null, null, time, random, log);
        _informer.Changed += (before, after) => _queue.Add((after ?? before)!.Key());
    }

    /// <summary>Commands that are not over.</summary>
    public int Open => _works.Values.Count(w => w.Run is { IsOver: false });

    public async Task RunAsync(CancellationToken stop)
    {
        var watching = _informer.RunAsync(stop);
        await new Reconciler("commands", _queue, ReconcileAsync, Parallel, _log).RunAsync(stop).ConfigureAwait(false);
        await watching.ConfigureAwait(false);
    }

    /// <summary>Takes receipts; completes when those that are results are stored. Receipts of commands that are gone are done with.</summary>
    public Task ReceiveAsync(IReadOnlyList<Receipt> receipts)
    {
        var stored = new List<Task>();
        foreach (var group in receipts.GroupBy(r => r.CommandUid, StringComparer.Ordinal))
        {
            if (_byUid.TryGetValue(group.Key, out var work) && work.Take([.. group]) is { } done)
            {
                // Each write of a page writes all of it: results of many clusters share one.
                stored.Add(done);
                _queue.AddAfter(work.Key, work.IsWorthStoring ? TimeSpan.Zero : Gathering);
            }
        }

        return stored.Count == 1 ? stored[0] : Task.WhenAll(stored);
    }

    /// <summary>Clusters are heard of again: they get what they may not have.</summary>
    public void CameOnline(IReadOnlyCollection<string> clusters)
    {
        foreach (var work in _works.Values)
        {
            if (work.Wants(clusters))
            {
                _queue.Add(work.Key);
            }
        }
    }

    public void Dispose() => _queue.Dispose();

    private async Task<Next> ReconcileAsync(string key, CancellationToken ct)
    {
        var obj = _informer.Get(key);
        if (obj is null || obj.IsDeleting())
        {
            await GoneAsync(key).ConfigureAwait(false);
            return Next.Done;
        }

        if (!_works.TryGetValue(key, out var work) || work.Uid != obj.Uid())
        {
            work = new Work(key, obj.Uid());
            _works[key] = work;
            _byUid[work.Uid] = work;
        }

        if (obj.Generation() > work.Generation && !work.TakeWish(obj))
        {
            await BeginAsync(work, obj, ct).ConfigureAwait(false);
        }

        if (work.Run is null)
        {
            return Retention(obj);
        }

        await StoreResultsAsync(work, ct).ConfigureAwait(false);
        await SendAsync(work).ConfigureAwait(false);
        return await SettleAsync(work, ct).ConfigureAwait(false);
    }

    /// <summary>A new command, an edited one, or one that an earlier run of this process had begun.</summary>
    private async Task BeginAsync(Work work, JsonObject obj, CancellationToken ct)
    {
        if (work.Run is { IsOver: false } former && former.Spec.Command.Generation != (ulong)obj.Generation())
        {
            await CancelAsync(former).ConfigureAwait(false);
        }

        if (obj.Whole("status", "observedGeneration") == obj.Generation() && obj.Text("status", "completionTime") is not null)
        {
            work.Finish(obj.Generation());
            return;
        }

        var spec = CommandSpec.Read(obj, _entry, _namesRequester, out var faults);
        if (spec is null)
        {
            var refused = obj.Copy();
            CommandStatus.Invalid(refused.Child("status"), obj.Generation(), faults, _time.GetUtcNow());
            await _api.ReplaceStatusAsync(Kinds.ClusterControllers, refused, ct).ConfigureAwait(false);
            work.Finish(obj.Generation());
            return;
        }

        // A wish to cancel is an edit too, but it is about the run that is under way.
        var resumes = obj.Text("status", "startTime") is not null
            && obj.Text("status", "completionTime") is null
            && (spec.Cancel || obj.Whole("status", "observedGeneration") == obj.Generation());
        if (resumes)
        {
            spec.Command.Generation = (ulong)(obj.Whole("status", "runGeneration") ?? obj.Generation());
        }

        var pages = new ResultPages(obj, spec.Command.Generation);
        var stored = (await _api.ListAsync(
            Kinds.ClusterControllerResults, obj.Namespace(), new ListQuery(ResultPages.LabelSelector(obj.Uid(), spec.Command.Generation)), ct).ConfigureAwait(false)).Items;
        var run = resumes ? Resume(obj, spec, pages, stored) : await AcceptAsync(obj, spec, pages, stored, ct).ConfigureAwait(false);
        spec.Command.DeadlineUnixMilliseconds = run.Deadline.ToUnixTimeMilliseconds();
        work.Begin(obj.Generation(), run, pages);
        if (resumes && run.Targets <= CommandStatus.MostInline)
        {
            work.Inline.AddRange(stored.SelectMany(p => p.Items("results")?.OfType<JsonObject>() ?? []).Select(ResultPages.Read));
        }

        if (!spec.LateDelivery)
        {
            var (_, away) = _sender.Resolve(spec.Selector);
            _ = work.Take([.. run.End(Stage.Expired, "Offline", "the cluster was away, and lateDelivery is false").Where(r => away.Contains(r.Cluster))]);
        }

        await WriteStatusAsync(work, ct).ConfigureAwait(false);
        _log.CommandBegun(work.Key, spec.Command.Generation, run.Targets);
    }

    private async Task<CommandRun> AcceptAsync(JsonObject obj, CommandSpec spec, ResultPages pages, IReadOnlyList<JsonObject> stored, CancellationToken ct)
    {
        // Pages without a status are of an acceptance that was cut short: nothing has been sent, so it is made anew.
        foreach (var page in stored)
        {
            await _api.DeleteAsync(Kinds.ClusterControllerResults, page.Namespace(), page.Name(), ct).ConfigureAwait(false);
        }

        var (targets, _) = _sender.Resolve(spec.Selector);
        foreach (var page in pages.Targets(targets))
        {
            await _api.CreateAsync(Kinds.ClusterControllerResults, obj.Namespace(), page, ct).ConfigureAwait(false);
        }

        return new CommandRun(spec, targets, _time.GetUtcNow());
    }

    private CommandRun Resume(JsonObject obj, CommandSpec spec, ResultPages pages, IReadOnlyList<JsonObject> stored)
    {
        var targets = stored.SelectMany(p => p.Items("targets")?.Select(t => t?.ToString() ?? "") ?? []);
        var results = stored.Where(p => p.Items("results") is not null).ToArray();
        var run = new CommandRun(spec, targets, obj.Time("status", "startTime") ?? _time.GetUtcNow());
        foreach (var item in results.SelectMany(p => p.Items("results")!.OfType<JsonObject>()))
        {
            run.Restore(item.Text("cluster") ?? "", ResultPages.StageOf(item));
        }

        pages.Resume(results);
        return run;
    }

    private async Task StoreResultsAsync(Work work, CancellationToken ct)
    {
        while (work.TakePending() is { Results.Count: > 0 } pending)
        {
            try
            {
                foreach (var page in work.Pages!.Append(pending.Results))
                {
                    var answer = page.ResourceVersion().Length > 0
                        ? await _api.ReplaceAsync(Kinds.ClusterControllerResults, page, ct).ConfigureAwait(false)
                        : await _api.CreateAsync(Kinds.ClusterControllerResults, page.Namespace(), page, ct).ConfigureAwait(false);
                    work.Pages.Stored(answer);
                }
            }
            catch (Exception failed)
            {
                // What is not stored is not acknowledged: it comes again. The pages are read anew, so nothing is counted twice.
                work.Fail(failed);
                _works.TryRemove(work.Key, out _);
                _queue.Add(work.Key);
                pending.Done.SetException(failed);
                throw;
            }

            if (work.Run!.Targets <= CommandStatus.MostInline)
            {
                work.Inline.AddRange(pending.Results);
            }

            pending.Done.SetResult();
            if (!work.IsWorthStoring)
            {
                return; // what came meanwhile is due in a moment
            }
        }
    }

    private async Task SendAsync(Work work)
    {
        if (work.Run is not { IsOver: false } run)
        {
            return;
        }

        if (run.Spec.Cancel)
        {
            if (!run.CancelSent)
            {
                run.CancelSent = true;
                await CancelAsync(run).ConfigureAwait(false);
                _ = work.Take(run.End(Stage.Cancelled, "Cancelled", "cancelled before it left", s => s == TargetStage.Accepted));
                _queue.Add(work.Key);
            }

            return;
        }

        foreach (var selector in work.TakeUnsent())
        {
            var left = await _sender.SendAsync(run.Spec.Command, selector).ConfigureAwait(false);
            work.Sent(left);
        }
    }

    private async Task<Next> SettleAsync(Work work, CancellationToken ct)
    {
        var now = _time.GetUtcNow();
        var run = work.Run!;
        if (!run.IsOver && run.Deadline <= now)
        {
            await CancelAsync(run).ConfigureAwait(false);
            _ = work.Take(run.End(Stage.Expired, "DeadlineExceeded", "no answer before the deadline"));
            await StoreResultsAsync(work, ct).ConfigureAwait(false);
        }

        if (!run.IsOver && work.StatusDue > now)
        {
            return Next.After(work.StatusDue - now);
        }

        await WriteStatusAsync(work, ct).ConfigureAwait(false);
        if (run.IsOver && !work.HasPending)
        {
            _log.CommandOver(work.Key, run.Spec.Command.Generation, run.Count(TargetStage.Succeeded), run.Targets);
            work.Finish(work.Generation);
            return run.Spec.Retention is { } keep ? Next.After(keep) : Next.Done;
        }

        return Next.After(run.Deadline - now is var left && left < TimeSpan.FromMinutes(1) ? left : TimeSpan.FromMinutes(1));
    }

    private async Task WriteStatusAsync(Work work, CancellationToken ct)
    {
        var now = _time.GetUtcNow();
        if (_informer.Get(work.Key) is not { } obj)
        {
            return;
        }

        var next = (work.LastWritten is { } last && last.Generation() == obj.Generation() ? last : obj).Copy();
        var status = next.Child("status");
        CommandStatus.Write(status, work.Run!, work.Generation, work.Pages!.Count, now);
        if (work.Run!.IsOver && work.HasPending)
        {
            // A result came after the others were stored. An end that is told before every result is on disk would lose it with this
            // process; the receipt has queued the object again.
            return;
        }

        foreach (var receipt in work.Inline)
        {
            CommandStatus.Inline(status, receipt);
        }

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

        work.StatusDue = now + StatusPause;
    }

    private async Task GoneAsync(string key)
    {
        if (!_works.TryRemove(key, out var work))
        {
            return;
        }

        _byUid.TryRemove(work.Uid, out _);
        if (work.Run is { IsOver: false } run)
        {
            await CancelAsync(run).ConfigureAwait(false);
        }

        work.Drop();
    }

    private Task CancelAsync(CommandRun run)
    {
        var open = run.Open.ToArray();
        return open.Length == 0
            ? Task.CompletedTask
            : _sender.CancelAsync(
                new CancelCommand { CommandUid = run.Spec.Command.CommandUid, Generation = run.Spec.Command.Generation, Entry = _entry },
                open.Length == run.Targets ? run.Spec.Selector : ClusterSelector.OfNames(open));
    }

    private Next Retention(JsonObject obj)
    {
        if (obj.Whole("spec", "ttlSecondsAfterFinished") is not { } seconds || obj.Time("status", "completionTime") is not { } ended)
        {
            return Next.Done;
        }

        var left = ended + TimeSpan.FromSeconds(seconds) - _time.GetUtcNow();
        if (left > TimeSpan.Zero)
        {
            return Next.After(left);
        }

        _ = DeleteAsync(obj);
        return Next.Done;
    }

    private async Task DeleteAsync(JsonObject obj)
    {
        try
        {
            await _api.DeleteAsync(Kinds.ClusterControllers, obj.Namespace(), obj.Name(), CancellationToken.None, obj.Uid()).ConfigureAwait(false);
        }
        catch (Exception failed) when (failed is KubeStatusException or HttpRequestException)
        {
            _log.CommandKept(obj.Key(), failed.Message);
            _queue.AddAfter(obj.Key(), TimeSpan.FromMinutes(1));
        }
    }
}
