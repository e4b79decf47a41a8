using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.EdgeHub.Offline;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.EdgeHub.Witness;

/// <summary>
/// The nodes of a site look after one another: each says on its own Node where its hub is and by which authority it is known, asks the hubs of the next ones whether their kubelets live, and tells what it finds on its own Node, as
/// far as it reaches the API server. Nobody but a node's own kubelet may write there, so no node can speak for another.
/// </summary>
/// <param name="options">The node, and where its hub is reached.</param>
/// <param name="node">The kubelet's credentials.</param>
/// <param name="own">The Node by the kubelet's own copy; null: there is none yet.</param>
/// <param name="authorityPem">The hub's own authority.</param>
/// <param name="connection">Whether the API server can be told.</param>
/// <param name="site">Who else is there.</param>
/// <param name="probe">Asks the hubs.</param>
/// <param name="looked">Is told the site at each look.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Where changes are told.</param>
internal sealed class PeerWitness(EdgeHubOptions options, KubeClient node, Func<JsonObject?> own, string authorityPem, NodeConnection connection, SiteList site, PeerProbe probe, Func<IReadOnlyList<SitePeer>, CancellationToken, Task> looked, TimeProvider time, ILogger log)
{
    private readonly ConcurrentDictionary<string, PeerSight> _sights = new(StringComparer.Ordinal);
    private readonly string _pin = PinOf(authorityPem);
    private string? _told;

    /// <summary>Runs until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        if (options.Advertise is null)
        {
            await new WitnessWithdrawal(options.NodeName, node, own, connection, options.WitnessInterval, time, log).RunAsync(stop).ConfigureAwait(false);
            return;
        }

        using var timer = new PeriodicTimer(options.WitnessInterval, time);
        try
        {
            await connection.WhenConnected.WaitAsync(stop).ConfigureAwait(false);
            do
            {
                if (connection.State != ConnectionState.Connected)
                {
                    _told = null; // It may have been overwritten since.
                    continue;
                }

                try
                {
                    await LookAsync(stop).ConfigureAwait(false);
                }
                catch (Exception refused) when (refused is KubeStatusException or HttpRequestException or IOException)
                {
                    log.WitnessFailed(refused.Message);
                }
            }
            while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The end.
        }
    }

    private async Task LookAsync(CancellationToken stop)
    {
        if (await site.ReadAsync(stop).ConfigureAwait(false) is not { } peers)
        {
            return;
        }

        await looked(peers, stop).ConfigureAwait(false); // first, since lists may wait for it
        var byName = peers.ToDictionary(peer => peer.Name, StringComparer.Ordinal);
        var asked = SiteRing.Asked(byName.Keys, options.NodeName, name => _sights.GetValueOrDefault(name).Sees == false);
        foreach (var former in _sights.Keys.Except(asked))
        {
            _sights.TryRemove(former, out _);
        }

        await Task.WhenAll(asked.Select(name => AskAsync(byName[name], stop))).ConfigureAwait(false);
        await TellAsync(asked, stop).ConfigureAwait(false);
    }

    private async Task AskAsync(SitePeer peer, CancellationToken stop)
    {
        if (await probe.AskAsync(peer, stop).ConfigureAwait(false) is { } word)
        {
            _sights[peer.Name] = word.Lives ? PeerSight.Reached : _sights.GetValueOrDefault(peer.Name).Miss();
        }
    }

    private async Task TellAsync(IEnumerable<string> asked, CancellationToken stop)
    {
        var votes = new JsonObject();
        foreach (var peer in asked.Order(StringComparer.Ordinal))
        {
            if (_sights.GetValueOrDefault(peer).Sees is { } sees)
            {
                votes[peer] = sees;
            }
        }

        var said = new JsonObject { [SitePeer.HubAnnotation] = $"https://{options.Advertise}", [SitePeer.PinAnnotation] = _pin, [SitePeer.WitnessAnnotation] = votes.ToJsonString() };
        if (said.ToJsonString() is var text && text != _told)
        {
            await node.PatchAsync(Kinds.Nodes, null, options.NodeName, PatchKind.Merge, new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = said } }, stop).ConfigureAwait(false);
            _told = text;
        }
    }

    private static string PinOf(string pem)
    {
        using var certificate = X509Certificate2.CreateFromPem(pem);
        return SitePeer.PinOf(certificate.RawDataMemory.Span);
    }
}
