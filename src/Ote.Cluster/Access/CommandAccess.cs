using Microsoft.Extensions.Logging;
using Ote.Cluster.Handling;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Watching;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Access;

/// <summary>
/// The policies in force at one controller: those of its own file and those of its control API. Both must allow a command, be it written
/// here or on its way down. Thread-safe.
/// </summary>
internal sealed class CommandAccess : ICommandAccess
{
    private static readonly TimeSpan InstalledPause = TimeSpan.FromMinutes(1);
    private readonly PolicySet? _file;
    private readonly string _place;
    private readonly KubeClient? _api;
    private readonly RouteKeeper _routes;
    private readonly Func<IReadOnlyList<string>> _path;
    private readonly TimeProvider _time;
    private readonly Func<double> _random;
    private readonly ILogger _log;
    private readonly TaskCompletionSource _known = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile PolicySet[] _sets = [];

    /// <summary>Makes it; nothing is watched before <see cref="RunAsync"/>.</summary>
    /// <param name="file">The owner's own policies; null: there is no file.</param>
    /// <param name="api">The control API; null: there is none.</param>
    /// <param name="routes">Who is where.</param>
    /// <param name="path">From the root down to this controller.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Uniform in [0, 1), for jitter.</param>
    /// <param name="log">Where it logs.</param>
    public CommandAccess(
        PolicySet? file, KubeClient? api, RouteKeeper routes, Func<IReadOnlyList<string>> path, TimeProvider time, Func<double> random, ILogger log)
    {
        (_file, _api, _routes, _path, _time, _random, _log) = (file, api, routes, path, time, random, log);
        _place = $"cluster {routes.Self.Name}'s control API";
        Use(null);
        if (api is null)
        {
            _known.SetResult();
        }
    }

    /// <inheritdoc/>
    public async ValueTask<AccessVerdict> JudgeAsync(Command command, IReadOnlyCollection<string> clusters, CancellationToken ct)
    {
        if (!_known.Task.IsCompleted)
        {
            await _known.Task.WaitAsync(ct).ConfigureAwait(false);
        }

        var sets = _sets;
        if (sets.Length == 0)
        {
            return AccessVerdict.Everything;
        }

        // A cluster that nobody knows any more is judged by its name alone.
        var path = _path();
        var verdict = _routes.Read(t => Judgement.Of(
            command, sets, [.. clusters.Select(c => t.Find(c) ?? new Routing.RouteEntry { Name = c, Uid = "" })], Judgement.Below(t, path)));
        if (verdict.Refused.Count > 0)
        {
            _log.CommandNotAllowed(command.DisplayName, verdict.Refused.Count, clusters.Count, verdict.Text);
        }

        return verdict;
    }

    /// <summary>Watches the policies of the control API until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        if (_api is null)
        {
            return;
        }

        var backoff = new Backoff(BackoffOptions.Default, _random);
        while (await InstalledAsync(_api, stop).ConfigureAwait(false) is not true and var answer)
        {
            await Task.Delay(answer is null ? backoff.Next() : InstalledPause, _time, stop).ConfigureAwait(false);
        }

        var informer = new Informer(_api, Kinds.CommandPolicies, null, null, _time, _random, _log);
        informer.Changed += (_, after) => Changed(informer, after);
        var watching = informer.RunAsync(stop);
        await informer.Synced.WaitAsync(stop).ConfigureAwait(false);
        Use(informer);
        _known.TrySetResult();
        await watching.ConfigureAwait(false);
    }

    /// <summary>Whether the API has the kind; null: it did not say. A root of before may know no policies, and has none then.</summary>
    private async Task<bool?> InstalledAsync(KubeClient api, CancellationToken stop)
    {
        try
        {
            await api.ListAsync(Kinds.CommandPolicies, null, null, stop).ConfigureAwait(false);
            return true;
        }
        catch (KubeStatusException missing) when (missing.IsNotFound)
        {
            if (_known.TrySetResult())
            {
                _log.PoliciesNotInstalled();
            }

            return false;
        }
        catch (Exception away) when (away is KubeStatusException or HttpRequestException || (away is OperationCanceledException && !stop.IsCancellationRequested))
        {
            _log.PoliciesUnknown(away.Message);
            return null;
        }
    }

    private void Changed(Informer informer, System.Text.Json.Nodes.JsonObject? after)
    {
        if (after is not null)
        {
            CommandPolicy.Read(after, out var faults);
            if (faults.Count > 0)
            {
                _log.PolicyFaulty(after.Name(), string.Join("; ", faults));
            }
        }

        // Policies that are still being listed say nothing yet: half of them may allow less, or more, than all.
        if (informer.Synced.IsCompleted)
        {
            Use(informer);
        }
    }

    private void Use(Informer? informer)
    {
        var kept = new PolicySet(_place, [.. informer?.Items.Select(p => CommandPolicy.Read(p, out _)) ?? []]);
        _sets = [.. new[] { _file, kept }.OfType<PolicySet>().Where(s => !s.IsOpen)];
        if (informer is not null)
        {
            _log.PoliciesChanged(informer.Count);
        }
    }
}
