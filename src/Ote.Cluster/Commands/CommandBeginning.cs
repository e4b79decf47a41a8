using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Cluster.Access;
using Ote.Cluster.Audit;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Commands;

/// <content>How a run begins: accepted, resumed after a restart, or in place of another.</content>
internal sealed partial class CommandController
{
    /// <summary>A new command, an edited one, or one that an earlier run of this process had begun.</summary>
    private async Task BeginAsync(Work work, JsonObject obj, CancellationToken ct)
    {
        if ((obj.Whole("status", "observedGeneration") ?? 0) < work.Generation)
        {
            // Edited while the end of the run before was being written: the watch told the edit first. Taken for a command that was never
            // begun, it would be told a second time.
            if (await _api.GetAsync(Kinds.ClusterControllers, obj.Namespace(), obj.Name(), ct).ConfigureAwait(false) is not { } fresh || fresh.Uid() != work.Uid)
            {
                return;
            }

            obj = fresh;
        }

        var generation = obj.Generation();
        var observed = obj.Whole("status", "observedGeneration");
        var started = obj.Text("status", "startTime") is not null;
        var over = obj.Text("status", "completionTime") is not null;
        var spec = CommandSpec.Read(obj, _entry, _namesRequester, out var faults);
        if (over && observed == generation)
        {
            ObserveOn(work, obj, spec);
            work.Finish(generation);
            return;
        }

        if (over && started && obj.Truth("spec", "cancel") == true)
        {
            // There is nothing left to cancel, and an edit that cancels is not a new command.
            await WriteAsync(obj, status => status["observedGeneration"] = generation, ct).ConfigureAwait(false);
            work.Finish(generation);
            return;
        }

        // A wish to cancel is an edit too, but it is about the run that is under way.
        var resumes = spec is not null && started && !over && (spec.Cancel || observed == generation);
        if (!resumes)
        {
            work.Observe(null);
            await SupersedeAsync(work, obj, started && !over, ct).ConfigureAwait(false);
        }

        if (spec is null)
        {
            await WriteAsync(obj, status => CommandStatus.Invalid(status, generation, faults, _time.GetUtcNow()), ct).ConfigureAwait(false);
            work.Finish(generation);
            return;
        }

        if (resumes)
        {
            spec.Command.Generation = (ulong)(obj.Whole("status", "runGeneration") ?? generation);
            spec = spec.Cancel ? spec.Ending() : spec;
        }

        var targets = resumes ? [] : _sender.Resolve(spec.Selector);
        var verdict = resumes || _access is null ? AccessVerdict.Everything : await _access.JudgeAsync(spec.Command, targets, ct).ConfigureAwait(false);
        spec = spec with { ByName = verdict.IsBound };
        if (targets.Count > 0 && verdict.Refused.Count == targets.Count)
        {
            _audit?.Write(AuditLine.Refused(_entry, spec.Command, verdict.Refused, verdict.Text, _time.GetUtcNow()));
            await WriteAsync(obj, status => CommandStatus.NotAllowed(status, generation, verdict.Text, targets.Count, _time.GetUtcNow()), ct).ConfigureAwait(false);
            work.Finish(generation);
            return;
        }

        if (!resumes)
        {
            // Before anything can leave; one that is accepted anew after a crash stands there already.
            _audit?.Write(AuditLine.Accepted(_entry, spec.Command, targets.Count, verdict.Refused, _time.GetUtcNow()));
        }

        var pages = new ResultPages(obj, spec.Command.Generation);
        IReadOnlyList<JsonObject> stored = resumes ? await _pages.ListAsync(obj.Namespace(), obj.Uid(), spec.Command.Generation, ct).ConfigureAwait(false) : [];
        var run = resumes ? Resume(obj, spec, stored) : await AcceptAsync(obj, spec, targets, pages, ct).ConfigureAwait(false);
        if (resumes)
        {
            pages.Resume(stored);
        }

        spec.Command.DeadlineUnixMilliseconds = run.Deadline.ToUnixTimeMilliseconds();
        work.Begin(generation, run, pages);
        work.PagesUncertain = false;
        Observe(work, obj, spec, resumes);
        if (resumes && run.Targets <= CommandStatus.MostInline)
        {
            work.Inline.AddRange(PageStore.Results(stored).Select(ResultPages.Read));
        }

        if (verdict.Refused.Count > 0)
        {
            work.End(Stage.Executed, "NotAllowed", verdict.Text, _time.GetUtcNow(), null, verdict.Refused);
        }

        if (!resumes && !spec.LateDelivery)
        {
            // After a restart everyone is away at first, so this is decided here, once and for all.
            var away = _sender.Missing(run.Open).Away.ToHashSet(StringComparer.Ordinal);
            work.End(Stage.Expired, "Offline", "the cluster was away, and lateDelivery is false", _time.GetUtcNow(), null, away);
        }

        if (spec.Cancel && (!resumes || observed != generation))
        {
            NoteCancelled(work, obj); // one that was taken into account was noted then
        }

        _log.CommandBegun(work.Key, spec.Command.Generation, run.Targets);
    }

    private async Task<CommandRun> AcceptAsync(JsonObject obj, CommandSpec spec, IReadOnlyList<string> targets, ResultPages pages, CancellationToken ct)
    {
        // Pages without a status are of an acceptance that was cut short: nothing has been sent, so it is made anew.
        await _pages.CreateTargetsAsync(pages, obj, spec.Command.Generation, targets, ct).ConfigureAwait(false);
        return new CommandRun(spec, targets, _time.GetUtcNow());
    }

    private CommandRun Resume(JsonObject obj, CommandSpec spec, IReadOnlyList<JsonObject> stored)
    {
        var run = new CommandRun(spec, PageStore.Targets(stored), obj.Time("status", "startTime") ?? _time.GetUtcNow(), resumed: true);
        foreach (var item in PageStore.Results(stored))
        {
            run.Restore(item.Text("cluster") ?? "", ResultPages.StageOf(item), ResultPages.ReachedOf(item), item.Text("error"));
        }

        return run;
    }

    /// <summary>
    /// Ends the run that an edit takes the place of: this process's, or one that an earlier process left. Its targets that have not answered are
    /// told to end, have that for their outcome, and the run is over. May be called again when it failed half-way.
    /// </summary>
    private async Task SupersedeAsync(Work work, JsonObject obj, bool left, CancellationToken ct)
    {
        var closing = work;
        string[] ended = [];
        if (work.Run is null && left && obj.Whole("status", "runGeneration") is { } generation && generation < obj.Generation())
        {
            var stored = await _pages.ListAsync(obj.Namespace(), obj.Uid(), (ulong)generation, ct).ConfigureAwait(false);
            var began = obj.Time("status", "startTime") ?? _time.GetUtcNow();
            var deadline = (obj.Time("status", "deadlineTime") ?? (began + CommandSpec.DefaultDeadline)) - began;

            // What it asked for is not known any more, and not needed to end it.
            var command = new Command { CommandUid = obj.Uid(), Generation = (ulong)generation, Entry = _entry, DisplayName = obj.Key() };
            var pages = new ResultPages(obj, (ulong)generation);
            pages.Resume(stored);
            closing = new Work(work.Key, work.Uid, _patience);
            closing.Begin(generation, Resume(obj, new CommandSpec(ClusterSelector.Everything, command, deadline, LateDelivery: true, Cancel: true, Retention: null), stored), pages);

            // An earlier process may have given them their outcome and died before it told them, or before the edit was accepted.
            ended = [.. PageStore.Results(stored).Where(r => r.Text("error") == CommandRun.SupersededWord).Select(r => r.Text("cluster") ?? "")];
        }

        if (closing.Run is not { } former)
        {
            return;
        }

        string[] open = [.. former.Open, .. ended];
        if (open.Length > 0)
        {
            var ending = new Work(work.Key, SupersededUid(work.Uid, former.Spec.Command.Generation), _patience);

            // Its own copy: the former's targets have their outcome now, and are told until they have confirmed the end.
            ending.Detach(new CommandRun(former.Spec, open, former.Accepted, resumed: true) { SupersededBy = (ulong)obj.Generation() });
            _works[ending.Uid] = ending;
            _queue.Add(ending.Id);
        }

        var now = _time.GetUtcNow();
        var by = $"generation {obj.Generation().ToString(CultureInfo.InvariantCulture)} of the command took this one's place before";
        closing.End(Stage.Cancelled, CommandRun.SupersededWord, $"{by} it left", now, s => s == TargetStage.Accepted);
        closing.End(Stage.Cancelled, CommandRun.SupersededWord, $"{by} the cluster answered, which may have carried this one out", now);
        await StoreResultsAsync(closing, obj, ct).ConfigureAwait(false);
        _audit?.Write(AuditLine.Over(_entry, former, now, obj.Generation()));
    }

    private Task<JsonObject> WriteAsync(JsonObject obj, Action<JsonObject> change, CancellationToken ct)
    {
        var next = obj.Copy();
        change(next.Child("status"));
        return _api.ReplaceStatusAsync(Kinds.ClusterControllers, next, ct);
    }
}
