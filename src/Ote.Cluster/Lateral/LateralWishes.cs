using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Handling;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Cluster.Lateral;

/// <summary>
/// Sends clusters whom they may have lateral links with, until they tell that it is in force: what their objects say, with the identity and the
/// address of each peer as the routes know them. Thread-safe for different clusters.
/// </summary>
/// <param name="find">What is known of a cluster.</param>
/// <param name="send">Sends a wish on its way.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Where it logs.</param>
internal sealed class LateralWishes(Func<string, RouteEntry?> find, Func<Message, Task> send, TimeProvider time, ILogger log)
{
    private readonly WishPauses _pauses = new(time);
    private readonly ConcurrentDictionary<string, string[]> _named = new(StringComparer.Ordinal);

    /// <summary>The clusters whose objects name one: what is wished of them changes when that one's address does.</summary>
    public IEnumerable<string> Naming(string peer) => _named.Where(n => n.Value.Contains(peer)).Select(n => n.Key);

    /// <summary>
    /// What is to be in force at a cluster; 0 when nothing is wished. An object that does not say anything wishes nothing, so that it does not take
    /// back what another control entry wished; an empty list takes it back.
    /// </summary>
    public ulong Digest(JsonObject cluster) => Wish(cluster, out _)?.Digest() ?? 0;

    /// <summary>Sends what is due.</summary>
    /// <returns>When to look again; null: nothing is owed.</returns>
    public async Task<TimeSpan?> SendAsync(JsonObject cluster, RouteEntry entry)
    {
        var wish = Wish(cluster, out var fault);
        if (fault is not null && _pauses.IsDue(entry.Name, cluster.Generation(), entry.Epoch, out _))
        {
            log.ParentMessageRefused("spec.lateral of " + entry.Name, fault);
        }

        // A build that says nothing of it would not know the wish either.
        if (wish is null || !entry.Online || entry.Lateral == 0)
        {
            return null;
        }

        var digest = wish.Digest();
        if (digest == entry.Lateral)
        {
            _pauses.Forget(entry.Name);
            return null;
        }

        // Another address of a peer makes it another wish, as an edit does.
        if (_pauses.IsDue(entry.Name, cluster.Generation() ^ (long)digest, entry.Epoch, out var pause))
        {
            await send(new Message { Lane = Lane.Control, SetLateral = wish.ToWire(entry.Name, (ulong)cluster.Generation()) }).ConfigureAwait(false);
        }

        return pause;
    }

    /// <summary>The cluster is gone.</summary>
    public void Forget(string name)
    {
        _pauses.Forget(name);
        _named.TryRemove(name, out _);
    }

    private LateralSet? Wish(JsonObject cluster, out string? fault)
    {
        if (!LateralSpec.TryRead(cluster, out var entries, out fault) || entries is null)
        {
            _named.TryRemove(cluster.Name(), out _);
            return null;
        }

        _named[cluster.Name()] = [.. entries.Select(e => e.Peer)];
        var peers = new List<LateralPeer>();
        foreach (var entry in entries)
        {
            // Until the other is known, and is of a build that can, there is nothing to dial. It is looked at again when that is heard of.
            if (find(entry.Peer) is { Uid.Length: > 0, Lateral: not 0 } peer)
            {
                peers.Add(new LateralPeer(peer.Name, peer.Uid, peer.Address, entry.Subtree, entry.Budget));
            }
        }

        return LateralSet.Of(peers);
    }
}
