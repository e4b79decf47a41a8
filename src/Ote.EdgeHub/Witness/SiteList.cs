using System.Text;
using System.Text.Json.Nodes;
using Ote.EdgeHub.Cache;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.EdgeHub.Witness;

/// <summary>
/// The other nodes of a node's site, as the API server has them. Listed seldom, since it may be far away and a site may be large: anew when what is known is old, when the node's own copy of itself says another site, and a few times more while some
/// have not said where their hubs are. Kept on the disk, so that neither a new start nor a cut asks again. One caller at a time.
/// </summary>
/// <param name="self">The node.</param>
/// <param name="node">The kubelet's credentials.</param>
/// <param name="cache">Where it is kept.</param>
/// <param name="saidSite">The site by the kubelet's own copy of its Node; null: there is none, or it is at none.</param>
/// <param name="look">How often it is asked for.</param>
/// <param name="time">The clock.</param>
internal sealed class SiteList(string self, KubeClient node, NodeCache cache, Func<string?> saidSite, TimeSpan look, TimeProvider time)
{
    /// <summary>It is listed once in so many looks at least.</summary>
    public const int Seldom = 60;

    /// <summary>The fewest looks from one list to the next; so many times as many each time.</summary>
    public const int Sooner = 3;

    private const string Question = "site";
    private Known? _known = Known.Of(cache.Kept(Question));
    private bool _isNew; // the site, in this life: others may be getting its label one after another
    private int _pause; // looks, since it was listed last in this life and some were missing; 0: it was not

    /// <summary>Those of the site but the node itself, in no order.</summary>
    /// <returns>Null: the node is not registered yet.</returns>
    public async Task<IReadOnlyList<SitePeer>?> ReadAsync(CancellationToken stop)
    {
        if (_known is not { } known || IsOld(known) || (saidSite() is { } site && site != known.Site))
        {
            _isNew |= _known is not null && saidSite() != _known.Site;
            if (await ListAsync(stop).ConfigureAwait(false) is not { } listed)
            {
                return null;
            }

            _pause = Math.Clamp(_pause * Sooner, Sooner, Seldom);
            _known = known = listed;
            cache.Keep(Question, known.ToBytes());
        }

        return known.Peers;
    }

    /// <summary>A clock that was set back says nothing of an age.</summary>
    private bool IsOld(Known known) => time.GetUtcNow() - known.At is var age && (age < TimeSpan.Zero || age >= look * (known.Peers.Count > 0 && !(_isNew && _pause < Seldom) && known.Peers.All(peer => peer.Hub is not null) ? Seldom : _pause));

    private async Task<Known?> ListAsync(CancellationToken stop)
    {
        if (await node.GetAsync(Kinds.Nodes, null, self, stop).ConfigureAwait(false) is not { } own)
        {
            return null;
        }

        var site = own.Labels().Text(SitePeer.SiteLabel) is { Length: > 0 } label ? label : null;
        return new Known(time.GetUtcNow(), site, site is null ? []
            : [.. (await node.ListMetadataAsync(Kinds.Nodes, null, new ListQuery(LabelSelector: $"{SitePeer.SiteLabel}={site}"), stop).ConfigureAwait(false)).Select(SitePeer.Of).Where(peer => peer.Name != self)]);
    }

    /// <summary>What was listed, and when.</summary>
    private sealed record Known(DateTimeOffset At, string? Site, IReadOnlyList<SitePeer> Peers)
    {
        public static Known? Of(byte[]? kept) => kept is not null && JsonNode.Parse(kept) is JsonObject from && from["at"]?.GetValue<long>() is { } at
            ? new Known(DateTimeOffset.FromUnixTimeMilliseconds(at), from.Text("site"), [.. from.Items("peers")?.OfType<JsonObject>().Select(PeerOf) ?? []]) : null;

        public byte[] ToBytes() => Encoding.UTF8.GetBytes(new JsonObject
        {
            ["at"] = At.ToUnixTimeMilliseconds(), ["site"] = Site,
            ["peers"] = new JsonArray([.. Peers.Select(peer => (JsonNode)new JsonObject { ["name"] = peer.Name, ["hub"] = peer.Hub?.OriginalString, ["pin"] = peer.Pin })]),
        }.ToJsonString());

        private static SitePeer PeerOf(JsonObject peer) => new(peer.Text("name") ?? "", peer.Text("hub") is { } hub ? new Uri(hub) : null, peer.Text("pin") ?? "");
    }
}
