using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Handling;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Access;

/// <summary>
/// The policies in force at one controller: those of its own file and those of its control API. Both must allow a command, be it written
/// here or on its way down. Thread-safe.
/// </summary>
internal sealed class CommandAccess : ICommandAccess
{
    private readonly PolicySet? _file;
    private readonly string _place;
    private readonly RouteKeeper _routes;
    private readonly Func<IReadOnlyList<string>> _path;
    private readonly ILogger _log;
    private readonly PolicyWatch _watch;
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
        (_file, _routes, _path, _log) = (file, routes, path, log);
        _place = $"cluster {routes.Self.Name}'s control API";
        Use([]);
        var subtrees = new UnknownSubtrees(routes, path);
        _watch = new PolicyWatch(api, Kinds.CommandPolicies, Faults, p => subtrees.Remark(CommandPolicy.Read(p, out _).Subtree), Use, time, random, log);
        routes.Changed += changes =>
        {
            if (UnknownSubtrees.IsAbout(changes))
            {
                _watch.Recheck();
            }
        };
    }

    /// <inheritdoc/>
    public async ValueTask<AccessVerdict> JudgeAsync(Command command, IReadOnlyCollection<string> clusters, CancellationToken ct)
    {
        if (!_watch.IsKnown)
        {
            await _watch.WaitAsync(ct).ConfigureAwait(false);
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
    public Task RunAsync(CancellationToken stop) => _watch.RunAsync(stop);

    private static IReadOnlyList<string> Faults(JsonObject policy)
    {
        CommandPolicy.Read(policy, out var faults);
        return faults;
    }

    private void Use(IReadOnlyCollection<JsonObject> policies)
    {
        var kept = new PolicySet(_place, [.. policies.Select(p => CommandPolicy.Read(p, out _))]);
        _sets = [.. new[] { _file, kept }.OfType<PolicySet>().Where(s => !s.IsOpen)];
    }
}
