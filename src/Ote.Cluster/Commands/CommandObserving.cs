using System.Text.Json.Nodes;
using Ote.Cluster.Observing;
using Ote.Kube.Objects;
using Ote.Kube.Reconciling;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Commands;

/// <content>
/// The last receipt: the mirror has what a target's command made. It comes after the end of the command as well as before, and holds nothing up.
/// </content>
internal sealed partial class CommandController
{
    /// <summary>Looks for what a run does that begins or goes on.</summary>
    private void Observe(Work work, JsonObject obj, CommandSpec spec, bool resumes)
    {
        var targets = work.Run?.Targets ?? (int)(obj.Whole("status", "targetCounts", "targets") ?? 0);
        work.Observe(_book is not null && ObservedRequest.Of(spec.Command) is { } request
            ? new Observation(work.Id, request, _book, new ObservedPages(obj, spec.Command.Generation), targets)
            {
                IsUncertain = resumes,
                Count = resumes ? (int)(obj.Whole("status", "targetCounts", "observed") ?? 0) : 0, // until the pages are read
            }
            : null);
    }

    /// <summary>Goes on with a run that was over before this process began, if it was still looked for what it had done.</summary>
    private void ObserveOn(Work work, JsonObject obj, CommandSpec? spec)
    {
        if (obj.Condition(CommandStatus.ObservedCondition).Text("reason") != CommandStatus.Watching)
        {
            return;
        }

        // Cancelled meanwhile, the object need not say any more what was asked for.
        if (spec is not null && obj.Whole("status", "runGeneration") == obj.Generation())
        {
            Observe(work, obj, spec, resumes: true);
        }

        work.Observation?.CommandOver(obj.Time("status", "deadlineTime") ?? DateTimeOffset.MinValue, obj.Time("status", "completionTime") ?? _time.GetUtcNow());
    }

    private void Answered(Work work, IEnumerable<Receipt> results)
    {
        if (work.Observation is { } observation)
        {
            foreach (var result in results)
            {
                Answered(observation, result);
            }
        }
    }

    private void Answered(Observation observation, Receipt result)
    {
        if (_sender.IsSilent(result.Cluster))
        {
            observation.CannotKnow(result.Cluster); // nobody waits for what nobody will tell
        }
        else
        {
            observation.Answered(result, _time.GetUtcNow());
        }
    }

    /// <summary>Looks at what the mirror has told, and stores which targets were observed by it.</summary>
    private async Task LookAsync(Work work, JsonObject obj, CancellationToken ct)
    {
        var now = _time.GetUtcNow();
        if (work.Observation is not { IsOver: false } observation || observation.IsPaused(now))
        {
            return;
        }

        IReadOnlyList<Expectation> looked = [];
        try
        {
            if (observation.ReadsPages(now))
            {
                await ReadPagesAsync(observation, obj, ct).ConfigureAwait(false);
            }

            looked = observation.TakeHeard(now, out var kindsDue);
            var met = new List<Expectation>();
            foreach (var expected in looked)
            {
                var state = await _book!.Mirror.LookAsync(expected.Key, expected.Uid, ct).ConfigureAwait(false);
                if (expected.IsMetBy(state))
                {
                    met.Add(expected);
                }
                else if (kindsDue && !state.IsReported)
                {
                    observation.Drop(expected);
                }
            }

            await StoreObservedAsync(observation, met, ct).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever keeps it from being seen must not keep the command from its end.
        catch (Exception fault) when (!ct.IsCancellationRequested)
#pragma warning restore CA1031
        {
            observation.Failed(looked, now);
            _log.NotLooked(work.Key, looked.Count, fault.Message);
        }

        observation.Settle(now);
    }

    private async Task ReadPagesAsync(Observation observation, JsonObject obj, CancellationToken ct)
    {
        var stored = await _pages.ListAsync(obj.Namespace(), obj.Uid(), observation.Pages.Generation, ct).ConfigureAwait(false);
        observation.Pages.Resume(stored);
        var seen = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
        foreach (var (cluster, at) in ObservedPages.Read(stored))
        {
            seen.TryAdd(cluster, at);
        }

        observation.Read(seen);
        foreach (var item in PageStore.Results(stored).Where(i => i.Text("outcome") == "Succeeded" && !seen.ContainsKey(i.Text("cluster") ?? "")))
        {
            var result = ResultPages.Read(item);
            result.Stage = Stage.Executed;
            Answered(observation, result);
        }
    }

    private async Task StoreObservedAsync(Observation observation, List<Expectation> met, CancellationToken ct)
    {
        if (met.Count == 0)
        {
            return;
        }

        var now = _time.GetUtcNow();
        observation.IsUncertain = true;
        await _pages.AppendObservedAsync(observation.Pages, met.Select(e => e.Key.Cluster), now, ct).ConfigureAwait(false);
        observation.IsUncertain = false;
        foreach (var expected in met)
        {
            observation.Drop(expected);
            observation.Observed(expected.Key.Cluster, now);
        }
    }

    /// <summary>Writes how many were observed into the status of a command that is over.</summary>
    private async Task WriteObservedAsync(Work work, JsonObject obj, CancellationToken ct)
    {
        if (work.Observation is not { } observation || obj.Text("status", "completionTime") is null || obj.Whole("status", "observedGeneration") != work.Generation)
        {
            return; // the watch has yet to tell the end
        }

        var next = obj.Copy();
        CommandStatus.Observed(next.Child("status"), observation, _time.GetUtcNow());
        if (!JsonNode.DeepEquals(next["status"], obj["status"]))
        {
            await _api.ReplaceStatusAsync(Kinds.ClusterControllers, next, ct).ConfigureAwait(false);
        }

        if (observation.IsOver)
        {
            work.Observe(null);
        }
    }

    private Next Sooner(Work work, Next next) =>
        work.Observation?.Wait(_time.GetUtcNow()) is { } wait && !(next.Delay <= wait) ? Next.After(wait) : next;
}
