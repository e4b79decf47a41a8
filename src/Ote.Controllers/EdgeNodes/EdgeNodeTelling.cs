using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Controllers.EdgeNodes;

/// <summary>Writes what was decided into a node's <c>EdgeNode</c>, when it changed. Thread-safe for different nodes.</summary>
/// <param name="api">The cluster.</param>
/// <param name="time">The clock.</param>
/// <param name="metrics">What is counted.</param>
/// <param name="log">Where changes are told.</param>
internal sealed class EdgeNodeTelling(KubeClient api, TimeProvider time, EdgeNodeMetrics metrics, ILogger log)
{
    private readonly ConcurrentDictionary<string, Told> _told = new(StringComparer.Ordinal);

    /// <summary>Forgets what was told of nodes that are gone.</summary>
    /// <param name="nodes">Those that are there.</param>
    public void Retain(IReadOnlySet<string> nodes)
    {
        foreach (var gone in _told.Keys.Where(name => !nodes.Contains(name)))
        {
            _told.TryRemove(gone, out _);
        }
    }

    /// <summary>Tells it.</summary>
    /// <param name="node">The Node.</param>
    /// <param name="state">Its EdgeNode; null: there is none.</param>
    /// <param name="verdict">What was decided.</param>
    /// <param name="votes">Of its site.</param>
    /// <param name="blind">Those of its site that missed it while it was heard.</param>
    /// <param name="since">How long ago its kubelet was heard.</param>
    /// <param name="isHeard">Whether it was heard here.</param>
    /// <param name="longest">How long it may be on its own.</param>
    /// <param name="stop">Ends it.</param>
    public async Task TellAsync(JsonObject node, JsonObject? state, EdgeNodeVerdict verdict, IReadOnlyList<WitnessVote> votes, IReadOnlyList<string> blind, TimeSpan since, bool isHeard, TimeSpan? longest, CancellationToken stop)
    {
        var (name, slip, said) = (node.Name(), NodeReading.Slip(node), NodeConditions.Said(node));
        var before = _told.GetValueOrDefault(name);
        var told = new Told(verdict, isHeard, slip, longest, NodeReading.Site(node), string.Join(", ", blind), said is null ? before?.Said : string.Join(' ', said.Select(one => $"{one.Text("type")}={one.Text("status")},{one.Text("reason")}")));
        if (before == told && state is not null)
        {
            return;
        }

        state ??= await api.CreateAsync(EdgeNodeController.EdgeNodes, null, New(node), stop).ConfigureAwait(false);
        var former = state.Text("status", "phase"); // by whichever replica
        var now = time.GetUtcNow();
        var status = new JsonObject
        {
            ["phase"] = $"{verdict.Phase}",
            ["since"] = former == $"{verdict.Phase}" ? state.Text("status", "since") ?? now.ToKubeTime() : now.ToKubeTime(),
            // Not the time of a look, which would be read as a sign of life: absent where it never was, and while it is.
            ["lastHeard"] = isHeard && verdict.Phase is EdgeNodePhase.Ready or EdgeNodePhase.NotReady ? null : isHeard || verdict.Keeps ? (now - since).ToKubeTime() : state.Text("status", "lastHeard"),
            ["keptUntil"] = verdict.Keeps ? (now - since + longest!.Value).ToKubeTime() : null,
            ["autonomy"] = longest is { } duration ? NodeReading.Written(duration) : null,
            ["site"] = NodeReading.Site(node),
            ["reason"] = verdict.Reason,
            ["message"] = string.Join("; ", new[] { verdict.Message, slip, Unseen(blind) }.OfType<string>()),
            ["witnesses"] = new JsonArray([.. votes.Select(vote => (JsonNode)new JsonObject { ["node"] = vote.Node, ["sees"] = vote.Sees })]),
            ["blindWitnesses"] = blind.Count == 0 ? null : new JsonArray([.. blind.Select(witness => JsonValue.Create(witness))]),
        };
        if (said is not null)
        {
            status["kubeletSaid"] = said; // What would be put back must be known before Kubernetes writes over it.
        }

        await api.PatchAsync(EdgeNodeController.EdgeNodes, null, name, PatchKind.Merge, new JsonObject { ["status"] = status }, stop, "status").ConfigureAwait(false);
        _told[name] = told;

        if (verdict.Phase == EdgeNodePhase.Lost && former != $"{EdgeNodePhase.Lost}")
        {
            metrics.Lost(verdict.Reason);
        }

        if (before?.Verdict.Phase != verdict.Phase)
        {
            log.NodeTurned(name, verdict.Phase, verdict.Message);
        }

        if (slip is not null && before?.Slip != slip)
        {
            log.NodeSlip(name, slip);
        }

        if (Unseen(blind) is { } unseen && before?.Blind != told.Blind)
        {
            log.NodeUnseen(name, unseen);
        }
    }

    /// <summary>What a cut would meet, said before there is one; null: nothing.</summary>
    private static string? Unseen(IReadOnlyList<string> blind) =>
        blind.Count == 0 ? null : $"{string.Join(", ", blind)} of its site does not reach it though its kubelet is heard, and so is no witness of it: see that the address in its annotation ote.baidu.com/edgehub is open to that node, and that its kubelet asks its hub";

    private static JsonObject New(JsonObject node) => new()
    {
        ["apiVersion"] = EdgeNodeController.EdgeNodes.ApiVersion, ["kind"] = EdgeNodeController.EdgeNodes.Kind,
        ["metadata"] = new JsonObject
        {
            ["name"] = node.Name(),
            ["ownerReferences"] = new JsonArray(new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Node", ["name"] = node.Name(), ["uid"] = node.Uid() }),
        },
    };

    private sealed record Told(EdgeNodeVerdict Verdict, bool WasHeard, string? Slip, TimeSpan? Longest, string? Site, string Blind, string? Said);
}
