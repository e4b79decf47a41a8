using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Controllers.EdgeNodes;

/// <summary>How the controller runs.</summary>
public sealed record EdgeNodeControllerOptions
{
    /// <summary>
    /// How long a kubelet may be unheard before its site is asked. It must be well below the controller manager's node-monitor-grace-period. Null: as its lease lasts, of which it is 22 s of 40.
    /// </summary>
    public TimeSpan? Silence { get; init; }

    /// <summary>Between two looks at all nodes; also how often a kept lease is renewed.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether a node with these labels (null: none) is opted in where its own label says neither; null: none is.</summary>
    public Func<JsonObject?, bool>? Chooses { get; init; }
}

/// <summary>
/// Keeps the nodes that are cut off from being taken for dead: renews their leases, and says in an <c>EdgeNode</c> how each stands and why. Of several replicas all watch and one decides at a time, so that the next knows what
/// the one before it knew. Nodes are looked at from a cache, and requests for different nodes do not wait for one another.
/// </summary>
/// <param name="api">The cluster.</param>
/// <param name="options">Figures.</param>
/// <param name="time">The clock.</param>
/// <param name="random">Uniform in [0, 1), for jitter.</param>
/// <param name="metrics">What is counted.</param>
/// <param name="log">Where changes are told.</param>
public sealed class EdgeNodeController(KubeClient api, EdgeNodeControllerOptions options, TimeProvider time, Func<double> random, EdgeNodeMetrics metrics, ILogger log)
{
    private const int AtOnce = 16;
    private volatile bool _isUndefined;
    private readonly NodeWatch _watch = new(api, time, random, log);

    /// <summary>What it sees, for tests that wait until it has.</summary>
    internal NodeWatch Sees => _watch;

    /// <summary>The kind.</summary>
    public static ResourceRef EdgeNodes { get; } = new("ote.baidu.com", "v1", "edgenodes", "EdgeNode", false);

    /// <summary>Makes the definition of EdgeNode, or brings it to what this build has.</summary>
    public async Task InstallAsync(CancellationToken stop)
    {
        var definition = Definition();
        if (await api.GetAsync(Kinds.CustomResourceDefinitions, null, definition.Name(), stop).ConfigureAwait(false) is null)
        {
            try
            {
                await api.CreateAsync(Kinds.CustomResourceDefinitions, null, definition, stop).ConfigureAwait(false);
                return;
            }
            catch (KubeStatusException faster) when (faster.IsAlreadyExists)
            {
                // Another replica, perhaps of another build.
            }
        }

        await api.PatchAsync(Kinds.CustomResourceDefinitions, null, definition.Name(), PatchKind.Merge, new JsonObject { ["spec"] = definition["spec"]!.DeepClone() }, stop).ConfigureAwait(false);
    }

    /// <summary>Watches nodes and leases until stopped, and decides nothing: what every replica does all the time, once.</summary>
    public Task WatchAsync(CancellationToken stop) => _watch.RunAsync(stop);

    /// <summary>Decides and keeps, until stopped; what was kept goes on being kept by the next that leads. It needs <see cref="WatchAsync"/>.</summary>
    /// <param name="stop">Ends it.</param>
    public async Task LeadAsync(CancellationToken stop)
    {
        // Of what others told and kept while they led this replica knows nothing.
        var (keeper, telling, blind) = (new NodeKeeper(api, time), new EdgeNodeTelling(api, time, metrics, log), new BlindWitnesses(time));
        var looks = new ConcurrentDictionary<string, EdgeNodeLook>(StringComparer.Ordinal);
        metrics.Looked([]);
        try
        {
            await _watch.Synced.WaitAsync(stop).ConfigureAwait(false);
            using var timer = new PeriodicTimer(options.Interval, time);
            do
            {
                if (_isUndefined)
                {
                    await DefineAsync(stop).ConfigureAwait(false);
                }

                var all = _watch.Nodes.ToArray();
                await Parallel.ForEachAsync(
                    all, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = stop }, async (node, _) => await LookAsync(node, all, keeper, telling, blind, looks, stop).ConfigureAwait(false)).ConfigureAwait(false);
                var names = all.Select(node => node.Name()).ToHashSet(StringComparer.Ordinal);
                telling.Retain(names);
                blind.Retain(names);
                foreach (var gone in looks.Keys.Where(name => !names.Contains(name)))
                {
                    looks.TryRemove(gone, out _);
                    keeper.Leave(gone);
                }

                metrics.Looked([.. looks.Values]);
            }
            while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false));
        }
        finally
        {
            metrics.Left();
        }
    }

    /// <summary>Somebody took the definition of our kind away, and with it what was known: it is put back.</summary>
    private async Task DefineAsync(CancellationToken stop)
    {
        try
        {
            await InstallAsync(stop).ConfigureAwait(false);
            _isUndefined = false;
        }
        catch (Exception fault) when (fault is KubeStatusException or HttpRequestException or IOException)
        {
            log.NotDefined(fault.Message); // the next look is soon
        }
    }

    private async Task LookAsync(JsonObject node, JsonObject[] all, NodeKeeper keeper, EdgeNodeTelling telling, BlindWitnesses blind, ConcurrentDictionary<string, EdgeNodeLook> looks, CancellationToken stop)
    {
        var name = node.Name();
        try
        {
            var state = await api.GetAsync(EdgeNodes, null, name, stop).ConfigureAwait(false);
            var (silence, policy, hearing) = (Silence(name), NodeReading.Policy(node, options.Chooses), _watch.Heard(name));
            var since = hearing.SinceByAll(node, state, policy?.Duration, silence, time.GetUtcNow());
            var (votes, refused) = NodeReading.Words(node, all, other => _watch.IsHeardWithin(other, Silence(other)));
            var missing = blind.Of(name, votes, hearing, state?.Items("status", "blindWitnesses")?.Select(said => said.Text()).OfType<string>().Where(said => all.Any(other => other.Name() == said && NodeReading.Site(other) == NodeReading.Site(node))) ?? []);
            var counting = votes.Where(vote => !missing.Contains(vote.Node)).ToArray();
            var signs = new NodeSigns(since, Ready(node), counting) { Watched = hearing.Watched, IsGivenUp = NodeConditions.IsGivenUp(node), HasBeenHeard = hearing.IsHeard };
            var verdict = EdgeNodeRules.Decide(signs, policy, Enum.TryParse<EdgeNodePhase>(state?.Text("status", "phase"), out var former) ? former : EdgeNodePhase.Unknown, silence);
            var look = looks[name] = new EdgeNodeLook(verdict.Phase, verdict.Keeps, since, counting.Count(vote => vote.Sees), counting.Count(vote => !vote.Sees), refused + votes.Count - counting.Length);
            log.NodeLookedAt(name, look);
            if (!verdict.Keeps)
            {
                keeper.Leave(name);
            }
            else if (_watch.Lease(name) is { } lease && !await keeper.KeepAsync(node, lease, since, NodeConditions.Said(node) ?? state?.Items("status", "kubeletSaid"), stop).ConfigureAwait(false))
            {
                return; // That its pods are left alone is not said before it is so.
            }

            await telling.TellAsync(node, state, verdict, votes, missing, since, hearing.IsHeard, policy?.Duration, stop).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is KubeStatusException or HttpRequestException or IOException)
        {
            metrics.Failed();
            _isUndefined |= fault is KubeStatusException { Code: 404 }; // Of a node that is gone it may be, too.
            log.NodeNotLookedAt(name, fault.Message); // the next look is soon
        }
    }

    private TimeSpan Silence(string node) =>
        options.Silence ?? (_watch.Lease(node)?.Whole("spec", "leaseDurationSeconds") is > 40 and { } seconds ? EdgeNodeRules.Silence * (seconds / 40.0) : EdgeNodeRules.Silence);

    private static bool? Ready(JsonObject node) => node.Condition("Ready").Text("status") switch { "True" => true, "False" => false, _ => null };

    private static JsonObject Definition()
    {
        using var reader = new StreamReader(typeof(EdgeNodeController).Assembly.GetManifestResourceStream("edgenodes.yaml")!);
        return Yaml.ReadObject(reader.ReadToEnd());
    }
}
