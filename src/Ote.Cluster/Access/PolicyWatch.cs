using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Watching;

namespace Ote.Cluster.Access;

/// <summary>The policies of one kind at a control API, as they come and go. Thread-safe.</summary>
/// <param name="api">The control API; null: there is none, and no policies.</param>
/// <param name="kind">Of the policies.</param>
/// <param name="faults">What is wrong with one.</param>
/// <param name="remark">What should be known of one that can be understood; null: nothing.</param>
/// <param name="use">Called with all of them whenever one has changed.</param>
/// <param name="time">The clock.</param>
/// <param name="random">Uniform in [0, 1), for jitter.</param>
/// <param name="log">Where it logs.</param>
internal sealed class PolicyWatch(
    KubeClient? api, ResourceRef kind, Func<JsonObject, IReadOnlyList<string>> faults, Func<JsonObject, string?> remark, Action<IReadOnlyCollection<JsonObject>> use, TimeProvider time, Func<double> random, ILogger log)
{
    private static readonly TimeSpan InstalledPause = TimeSpan.FromMinutes(1);
    private readonly TaskCompletionSource _known = Known(api is null);
    private Action? _look;

    /// <summary>Whether it is known which there are.</summary>
    public bool IsKnown => _known.Task.IsCompleted;

    /// <summary>Completes when it is known which there are.</summary>
    public Task WaitAsync(CancellationToken ct) => _known.Task.WaitAsync(ct);

    /// <summary>Watches until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        if (api is null)
        {
            return;
        }

        var backoff = new Backoff(BackoffOptions.Default, random);
        while (await InstalledAsync(api, stop).ConfigureAwait(false) is not true and var answer)
        {
            await Task.Delay(answer is null ? backoff.Next() : InstalledPause, time, stop).ConfigureAwait(false);
        }

        var informer = new Informer(api, kind, null, null, time, random, log);
        using var status = new PolicyStatus(api, kind, faults, remark, informer, time, random, log);
        Volatile.Write(ref _look, () =>
        {
            foreach (var policy in informer.Items)
            {
                status.Look(policy);
            }
        });
        informer.Changed += (before, after) => Changed(informer, status, before, after);
        Task[] running = [informer.RunAsync(stop), status.RunAsync(stop)];
        await informer.Synced.WaitAsync(stop).ConfigureAwait(false);
        Use(informer);
        _known.TrySetResult();
        await Task.WhenAll(running).ConfigureAwait(false);
    }

    /// <summary>What is remarked on policies may be another thing now; their statuses are looked at again.</summary>
    public void Recheck() => Volatile.Read(ref _look)?.Invoke();

    private static TaskCompletionSource Known(bool already)
    {
        var known = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (already)
        {
            known.SetResult();
        }

        return known;
    }

    /// <summary>Whether the API has the kind; null: it did not say. A root of before may know no policies, and has none then.</summary>
    private async Task<bool?> InstalledAsync(KubeClient asked, CancellationToken stop)
    {
        try
        {
            await asked.ListAsync(kind, null, null, stop).ConfigureAwait(false);
            return true;
        }
        catch (KubeStatusException missing) when (missing.IsNotFound)
        {
            if (_known.TrySetResult())
            {
                log.PoliciesNotInstalled(kind.Plural);
            }

            return false;
        }
        catch (Exception away) when (away is KubeStatusException or HttpRequestException || (away is OperationCanceledException && !stop.IsCancellationRequested))
        {
            log.PoliciesUnknown(kind.Plural, away.Message);
            return null;
        }
    }

    private void Changed(Informer informer, PolicyStatus status, JsonObject? before, JsonObject? after)
    {
        if (after is not null)
        {
            status.Look(after);
            if (before?.Uid() == after.Uid() && before.Generation() == after.Generation())
            {
                return; // its status, or a label
            }

            if (faults(after) is { Count: > 0 } wrong)
            {
                log.PolicyFaulty(kind.Kind, after.Name(), string.Join("; ", wrong));
            }
        }

        // Policies that are still being listed say nothing yet: half of them may allow less, or more, than all.
        if (informer.Synced.IsCompleted)
        {
            Use(informer);
        }
    }

    private void Use(Informer informer)
    {
        use([.. informer.Items]);
        log.PoliciesChanged(kind.Plural, informer.Count);
    }
}
