using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Watching;

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
}

/// <summary>
/// Keeps the nodes that are cut off from being taken for dead: renews their leases, and says in an <c>EdgeNode</c> how each stands and why. One of several replicas works at a time. Nodes are looked at from a cache, and
/// requests for different nodes do not wait for one another.
/// </summary>
/// <param name="api">The cluster.</param>
/// <param name="options">Figures.</param>
/// <param name="time">The clock.</param>
/// <param name="random">Uniform in [0, 1), for jitter.</param>
/// <param name="metrics">What is counted.</param>
/// <param name="log">Where changes are told.</param>
public sealed class EdgeNodeController(KubeClient api, EdgeNodeControllerOptions options, TimeProvider time, Func<double> random, EdgeNodeMetrics metrics, ILogger log)
{
    /// <summary>The kind.</summary>
    public static ResourceRef EdgeNodes { get; } = new("ote.baidu.com", "v1", "edgenodes", "EdgeNode", false);

    private const string LeaseNamespace = "kube-node-lease";
    private const string Self = "ote-edge-controller";
    private const int AtOnce = 16;
    private readonly Dictionary<string, (EdgeNodeVerdict Verdict, bool WasHeard)> _told = new(StringComparer.Ordinal);

    /// <summary>Makes the definition of EdgeNode, or brings it to what this build has.</summary>
    public async Task InstallAsync(CancellationToken stop)
    {
        var definition = Definition();
        var there = await api.GetAsync(Kinds.CustomResourceDefinitions, null, definition.Name(), stop).ConfigureAwait(false);
        if (there is null)
        {
            await api.CreateAsync(Kinds.CustomResourceDefinitions, null, definition, stop).ConfigureAwait(false);
        }
        else
        {
            await api.PatchAsync(Kinds.CustomResourceDefinitions, null, definition.Name(), PatchKind.Merge, new JsonObject { ["spec"] = definition["spec"]!.DeepClone() }, stop).ConfigureAwait(false);
        }
    }

    /// <summary>Works until stopped; what was kept goes on being kept by the next that works.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var heard = new HeardNodes(time);
        var nodes = new Informer(api, Kinds.Nodes, null, null, time, random, log);
        var leases = new Informer(api, Kinds.Leases, LeaseNamespace, null, time, random, log);
        leases.Changed += (old, now) =>
        {
            if (now is null)
            {
                heard.Forget(old!.Name());
            }
            else
            {
                heard.See(now);
            }
        };
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var looks = new ConcurrentDictionary<string, EdgeNodeLook>(StringComparer.Ordinal);
        metrics.Looked([]);
        var running = Task.WhenAll(nodes.RunAsync(ends.Token), leases.RunAsync(ends.Token));
        try
        {
            await Task.WhenAll(nodes.Synced, leases.Synced).WaitAsync(stop).ConfigureAwait(false);
            using var timer = new PeriodicTimer(options.Interval, time);
            do
            {
                var all = nodes.Items.ToArray();
                await Parallel.ForEachAsync(
                    all, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = stop }, async (node, _) => await LookAsync(node, all, leases, heard, looks, stop).ConfigureAwait(false)).ConfigureAwait(false);
                foreach (var gone in looks.Keys.Except(all.Select(node => node.Name())).ToArray())
                {
                    looks.TryRemove(gone, out _);
                }

                metrics.Looked([.. all.Select(node => looks.GetValueOrDefault(node.Name())).OfType<EdgeNodeLook>()]);
            }
            while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false));
        }
        finally
        {
            metrics.Left();
            await ends.CancelAsync().ConfigureAwait(false);
            await running.ConfigureAwait(false);
        }
    }

    private async Task LookAsync(JsonObject node, JsonObject[] all, Informer leases, HeardNodes heard, ConcurrentDictionary<string, EdgeNodeLook> looks, CancellationToken stop)
    {
        var name = node.Name();
        try
        {
            var state = await api.GetAsync(EdgeNodes, null, name, stop).ConfigureAwait(false);
            var silence = Silence(leases, name);
            // One that another replica was keeping is kept on, from when that had last heard it.
            var since = heard.WasKept(name) && state?.Text("status", "phase") == $"{EdgeNodePhase.Autonomous}" && state.Time("status", "lastHeard") is { } last
                ? time.GetUtcNow() - last
                : heard.Since(name) ?? TimeSpan.Zero;
            var (votes, refused) = NodeReading.Words(node, all, other => heard.Since(other) is { } ago && ago <= Silence(leases, other));
            var verdict = EdgeNodeRules.Decide(new NodeSigns(since, Ready(node), votes), NodeReading.Policy(node), Enum.TryParse<EdgeNodePhase>(state?.Text("status", "phase"), out var former) ? former : EdgeNodePhase.Unknown, silence);
            looks[name] = new EdgeNodeLook(verdict.Phase, verdict.Keeps, since, votes.Count(vote => vote.Sees), votes.Count(vote => !vote.Sees), refused);
            if (verdict.Keeps && leases.Get($"{LeaseNamespace}/{name}") is { } lease)
            {
                await KeepAsync(lease, heard, stop).ConfigureAwait(false);
            }

            await TellAsync(node, state, verdict, votes, since, heard.IsHeard(name), stop).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is KubeStatusException or HttpRequestException or IOException)
        {
            metrics.Failed();
            log.NodeNotLookedAt(name, fault.Message); // the next look is soon
        }
    }

    /// <summary>Renews the lease in the kubelet's place. A kubelet that comes back meanwhile wins: the version in it is no longer the one that is replaced.</summary>
    private async Task KeepAsync(JsonObject lease, HeardNodes heard, CancellationToken stop)
    {
        var renewed = lease.Copy();
        var now = time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
        renewed.Child("spec")["renewTime"] = now;
        renewed.Child("metadata").Child("annotations")[HeardNodes.KeptBy] = Self;
        try
        {
            heard.Renewing(lease.Name(), now);
            await api.ReplaceAsync(Kinds.Leases, renewed, stop).ConfigureAwait(false);
        }
        catch (KubeStatusException faster) when (faster.IsConflict)
        {
            // The kubelet, or a change of ours that has not come back by the watch yet.
        }
    }

    private async Task TellAsync(JsonObject node, JsonObject? state, EdgeNodeVerdict verdict, IReadOnlyList<WitnessVote> votes, TimeSpan since, bool isHeard, CancellationToken stop)
    {
        var name = node.Name();
        (EdgeNodeVerdict? Verdict, bool WasHeard) before;
        lock (_told)
        {
            before = _told.GetValueOrDefault(name);
        }

        if (before == (verdict, isHeard) && state is not null)
        {
            return;
        }

        state ??= await api.CreateAsync(EdgeNodes, null, new JsonObject
        {
            ["apiVersion"] = EdgeNodes.ApiVersion, ["kind"] = EdgeNodes.Kind,
            ["metadata"] = new JsonObject
            {
                ["name"] = name,
                ["ownerReferences"] = new JsonArray(new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Node", ["name"] = name, ["uid"] = node.Uid() }),
            },
        }, stop).ConfigureAwait(false);
        var former = state.Text("status", "phase"); // by whichever replica
        var now = time.GetUtcNow();
        var policy = NodeReading.Policy(node);
        var status = new JsonObject
        {
            ["phase"] = $"{verdict.Phase}",
            ["since"] = state.Text("status", "phase") == $"{verdict.Phase}" ? state.Text("status", "since") ?? now.ToKubeTime() : now.ToKubeTime(),
            // Not the time of a look, which would be read as a sign of life: absent where it never was. One that is kept is so from when it was counted as unheard, and whoever goes on with it reads that here.
            ["lastHeard"] = isHeard || verdict.Keeps ? (now - since).ToKubeTime() : state.Text("status", "lastHeard"),
            ["keptUntil"] = verdict.Keeps ? (now - since + policy!.Duration).ToKubeTime() : null,
            ["reason"] = verdict.Reason,
            ["message"] = verdict.Message,
            ["witnesses"] = new JsonArray([.. votes.Select(vote => (JsonNode)new JsonObject { ["node"] = vote.Node, ["sees"] = vote.Sees })]),
        };
        await api.PatchAsync(EdgeNodes, null, name, PatchKind.Merge, new JsonObject { ["status"] = status }, stop, "status").ConfigureAwait(false);
        lock (_told)
        {
            _told[name] = (verdict, isHeard);
        }

        if (verdict.Phase == EdgeNodePhase.Lost && former != $"{EdgeNodePhase.Lost}")
        {
            metrics.Lost(verdict.Reason);
        }

        if (before.Verdict?.Phase != verdict.Phase)
        {
            log.NodeTurned(name, verdict.Phase, verdict.Message);
        }
    }

    private TimeSpan Silence(Informer leases, string node) =>
        options.Silence ?? (leases.Get($"{LeaseNamespace}/{node}")?.Whole("spec", "leaseDurationSeconds") is > 40 and { } seconds ? EdgeNodeRules.Silence * (seconds / 40.0) : EdgeNodeRules.Silence);

    private static bool? Ready(JsonObject node) => node.Condition("Ready").Text("status") switch { "True" => true, "False" => false, _ => null };

    private static JsonObject Definition()
    {
        using var reader = new StreamReader(typeof(EdgeNodeController).Assembly.GetManifestResourceStream("edgenodes.yaml")!);
        return Yaml.ReadObject(reader.ReadToEnd());
    }
}
