using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Handling;
using Ote.Cluster.Routing;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Cluster.Access;

/// <summary>
/// The message policies in force at one controller: those of its own file and those of its control API. Both must allow a message that is sent here
/// or comes by here, wherever it comes from. Thread-safe.
/// </summary>
internal sealed class MessageAccess
{
    private readonly MessagePolicySet? _file;
    private readonly string _place;
    private readonly RouteKeeper _routes;
    private readonly Func<IReadOnlyList<string>> _path;
    private readonly ILogger _log;
    private readonly PolicyWatch _watch;
    private volatile MessagePolicySet[] _sets = [];

    /// <summary>Makes it; nothing is watched before <see cref="RunAsync"/>.</summary>
    /// <param name="file">The owner's own policies; null: there is no file.</param>
    /// <param name="api">The control API; null: there is none.</param>
    /// <param name="routes">Who is where.</param>
    /// <param name="path">From the root down to this controller.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">Uniform in [0, 1), for jitter.</param>
    /// <param name="log">Where it logs.</param>
    public MessageAccess(
        MessagePolicySet? file, KubeClient? api, RouteKeeper routes, Func<IReadOnlyList<string>> path, TimeProvider time, Func<double> random, ILogger log)
    {
        (_file, _routes, _path, _log) = (file, routes, path, log);
        _place = $"cluster {routes.Self.Name}'s control API";
        Use([]);
        var subtrees = new UnknownSubtrees(routes, path);
        _watch = new PolicyWatch(api, Kinds.MessagePolicies, Faults, p => subtrees.Remark(MessagePolicy.Read(p, out _).Subtrees), Use, time, random, log);
        routes.Changed += changes =>
        {
            if (UnknownSubtrees.IsAbout(changes))
            {
                _watch.Recheck();
            }
        };
    }

    /// <summary>Whether anything can be judged yet: until the policies are listed, what comes waits with who brought it.</summary>
    public bool IsKnown => _watch.IsKnown;

    /// <summary>Completes when messages can be judged.</summary>
    public Task WaitAsync(CancellationToken ct) => _watch.WaitAsync(ct);

    /// <summary>Watches the policies of the control API until stopped.</summary>
    public Task RunAsync(CancellationToken stop) => _watch.RunAsync(stop);

    /// <summary>Why a message must not go on from here, for its sender; null when it may. Ask when <see cref="IsKnown"/>.</summary>
    public string? Objection(string from, string to, string topic)
    {
        var sets = _sets;
        if (sets.Length == 0)
        {
            return null;
        }

        // A cluster that nobody knows here is judged by its name alone.
        var path = _path();
        var why = _routes.Read(t =>
        {
            var isWithin = Within(t, path);
            var (sender, target) = (t.Find(from) ?? new RouteEntry { Name = from, Uid = "" }, t.Find(to) ?? new RouteEntry { Name = to, Uid = "" });
            return sets.Select(s => s.Objection(sender, target, topic, isWithin)).FirstOrDefault(static o => o is not null);
        });
        if (why is not null)
        {
            _log.MessageNotAllowed(from, to, why);
        }

        return why;
    }

    // Of clusters elsewhere nothing is known here but their names, and that they are below the root.
    private static Func<string, string, bool> Within(RouteTable table, IReadOnlyList<string> path)
    {
        var isBelow = Judgement.Below(table, path);
        return (cluster, top) => table.Find(cluster) is not null ? isBelow(cluster, top) : cluster == top || top == path[0];
    }

    private static IReadOnlyList<string> Faults(JsonObject policy)
    {
        MessagePolicy.Read(policy, out var faults);
        return faults;
    }

    private void Use(IReadOnlyCollection<JsonObject> policies)
    {
        var kept = new MessagePolicySet(_place, [.. policies.Select(p => MessagePolicy.Read(p, out _))]);
        _sets = [.. new[] { _file, kept }.OfType<MessagePolicySet>().Where(s => !s.IsOpen)];
    }
}
