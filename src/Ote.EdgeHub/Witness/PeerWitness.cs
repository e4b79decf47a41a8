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
/// far as it reaches the API server. Nobody but a node's own kubelet may write there, so no node can speak for another. The API server is asked for the site seldom, since it may be far away.
/// </summary>
/// <param name="options">The node, and where its hub is reached.</param>
/// <param name="node">The kubelet's credentials.</param>
/// <param name="authorityPem">The hub's own authority.</param>
/// <param name="connection">Whether the API server can be told.</param>
/// <param name="knownSite">The site by the kubelet's own copy of its Node; null: there is none, or it is at none.</param>
/// <param name="probe">Asks the hubs.</param>
/// <param name="looked">Is told the site at each look.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Where changes are told.</param>
internal sealed class PeerWitness(EdgeHubOptions options, KubeClient node, string authorityPem, NodeConnection connection, Func<string?> knownSite, PeerProbe probe, Func<IReadOnlyList<SitePeer>, CancellationToken, Task> looked, TimeProvider time, ILogger log)
{
    private const string Votes = "ote.baidu.com/witness";
    private const int SeldomLooks = 60; // the site is listed once in so many looks at least
    private const int SeldomerBy = 3; // times as many looks from one list to the next, while some have not said where their hubs are
    private readonly ConcurrentDictionary<string, PeerSight> _sights = new(StringComparer.Ordinal);
    private IReadOnlyList<SitePeer> _peers = [];
    private readonly string _pin = PinOf(authorityPem);
    private string? _site;
    private string? _told;
    private int _pause;
    private int _untilListed;

    /// <summary>Runs until stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        if (options.Advertise is null)
        {
            return;
        }

        using var timer = new PeriodicTimer(options.WitnessInterval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false))
            {
                if (connection.State != ConnectionState.Connected)
                {
                    (_told, _pause, _untilListed) = (null, 0, 0); // What was said before the cut may have been overwritten, and the site be another.
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
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The end.
        }
    }

    private async Task LookAsync(CancellationToken stop)
    {
        if (--_untilListed <= 0 || (knownSite() is { } site && site != _site))
        {
            if (!await ListAsync(stop).ConfigureAwait(false))
            {
                return;
            }

            _untilListed = _pause = _peers.All(peer => peer.Hub is not null) ? SeldomLooks : Math.Clamp(_pause * SeldomerBy, 1, SeldomLooks);
        }

        var byName = _peers.ToDictionary(peer => peer.Name, StringComparer.Ordinal);
        var asked = SiteRing.Asked(byName.Keys, options.NodeName, name => _sights.GetValueOrDefault(name).Sees == false);
        foreach (var former in _sights.Keys.Except(asked))
        {
            _sights.TryRemove(former, out _);
        }

        await Task.WhenAll(asked.Select(name => AskAsync(byName[name], stop))).ConfigureAwait(false);
        await looked(_peers, stop).ConfigureAwait(false);
        await TellAsync(asked, stop).ConfigureAwait(false);
    }

    /// <summary>Reads the site anew; false: the node is not registered yet.</summary>
    private async Task<bool> ListAsync(CancellationToken stop)
    {
        if (await node.GetAsync(Kinds.Nodes, null, options.NodeName, stop).ConfigureAwait(false) is not { } own)
        {
            return false;
        }

        _site = own.Labels().Text(SitePeer.SiteLabel) is { Length: > 0 } site ? site : null;
        _peers = _site is null ? []
            : [.. (await node.ListMetadataAsync(Kinds.Nodes, null, new ListQuery(LabelSelector: $"{SitePeer.SiteLabel}={_site}"), stop).ConfigureAwait(false)).Select(SitePeer.Of).Where(peer => peer.Name != options.NodeName)];
        return true;
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

        var said = new JsonObject { [SitePeer.HubAnnotation] = $"https://{options.Advertise}", [SitePeer.PinAnnotation] = _pin, [Votes] = votes.ToJsonString() };
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
