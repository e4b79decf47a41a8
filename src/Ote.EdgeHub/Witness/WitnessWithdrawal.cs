using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.EdgeHub.Offline;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.EdgeHub.Witness;

/// <summary>
/// What a hub that no other node can reach has to take back of what an earlier one said on its Node: the others of its site would go on asking an address where nobody answers, and say that the node is dead. What it said is seen in the kubelet's own copy of the Node, which costs no request. One runs.
/// </summary>
/// <param name="name">The node.</param>
/// <param name="node">The kubelet's credentials.</param>
/// <param name="own">The Node by the kubelet's own copy; null: there is none yet.</param>
/// <param name="connection">Whether the API server can be told.</param>
/// <param name="look">How often it looks.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Where it is told that a node of a site has no such hub.</param>
internal sealed class WitnessWithdrawal(string name, KubeClient node, Func<JsonObject?> own, NodeConnection connection, TimeSpan look, TimeProvider time, ILogger log)
{
    private static readonly string[] s_said = [SitePeer.HubAnnotation, SitePeer.PinAnnotation, SitePeer.WitnessAnnotation];

    private string? _site;

    /// <summary>Runs until stopped; then throws nothing.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (true)
            {
                // Seldom once it is known: each look reads and parses the Node, in a process that does little else.
                var seen = connection.State == ConnectionState.Connected ? own() : null;
                if (seen is not null)
                {
                    await TryAsync(seen, stop).ConfigureAwait(false);
                }

                await Task.Delay(seen is null ? look : look * SiteList.Seldom, time, stop).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The end.
        }
    }

    private async Task TryAsync(JsonObject seen, CancellationToken stop)
    {
        try
        {
            await WithdrawAsync(seen, stop).ConfigureAwait(false);
        }
        catch (Exception refused) when (refused is KubeStatusException or HttpRequestException or IOException)
        {
            log.WitnessFailed(refused.Message); // it is tried again
        }
    }

    private async Task WithdrawAsync(JsonObject seen, CancellationToken stop)
    {
        var site = seen.Labels().Text(SitePeer.SiteLabel);
        if (site is { Length: > 0 } && site != _site)
        {
            log.NoWitness(SitePeer.SiteLabel, site);
        }

        _site = site;
        var left = new JsonObject(s_said.Where(said => seen.Annotation(said) is not null).Select(said => KeyValuePair.Create<string, JsonNode?>(said, null)));
        if (left.Count > 0)
        {
            await node.PatchAsync(Kinds.Nodes, null, name, PatchKind.Merge, new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = left } }, stop).ConfigureAwait(false);
        }
    }
}
