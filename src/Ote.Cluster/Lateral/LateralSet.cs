using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Ote.Cluster.Budgets;
using Ote.Cluster.Routing;
using Ote.Cluster.Tunnel;
using Wire = Ote.Protocol.Tunnel;

namespace Ote.Cluster.Lateral;

/// <summary>All clusters that one may have lateral links with. Immutable.</summary>
internal sealed class LateralSet
{
    /// <summary>Lateral links one cluster may have.</summary>
    public const int MostPeers = 16;

    private const int MostText = 256;

    private LateralSet(IReadOnlyList<LateralPeer> peers) => Peers = peers;

    /// <summary>None.</summary>
    public static LateralSet None { get; } = new([]);

    /// <summary>In the order of their names.</summary>
    public IReadOnlyList<LateralPeer> Peers { get; }

    /// <summary>
    /// A short name for it, which the cluster tells up with its routes: whoever holds the wish sees whether it is in force. Never 0, which is what a
    /// build says that knows nothing of this. The same on every machine.
    /// </summary>
    public ulong Digest() => BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', Peers)))) | 1;

    /// <summary>What is known of a cluster by its name; null: it may have no link.</summary>
    public LateralPeer? Find(string name) => Peers.FirstOrDefault(p => p.Name == name);

    /// <summary>Makes one of those a control entry knows; the caller has checked them.</summary>
    public static LateralSet Of(IEnumerable<LateralPeer> peers) => new([.. peers.OrderBy(p => p.Name, StringComparer.Ordinal)]);

    /// <summary>Reads what came over a link or from disk; nothing of it is believed unchecked.</summary>
    /// <returns>False with what is wrong.</returns>
    public static bool TryRead(Wire.SetLateral wish, [NotNullWhen(true)] out LateralSet? set, [NotNullWhen(false)] out string? error)
    {
        (set, error) = (null, null);
        if (wish.Peers.Count > MostPeers)
        {
            error = $"{wish.Peers.Count} lateral peers; a cluster has at most {MostPeers}";
            return false;
        }

        var peers = new List<LateralPeer>();
        foreach (var peer in wish.Peers)
        {
            LinkBudget? budget = null;
            error = ClusterName.CheckChild(peer.Name)
                ?? (peer.Name == wish.Name ? "a cluster has no lateral link with itself" : null)
                ?? (peers.Any(p => p.Name == peer.Name) ? $"lateral peer '{peer.Name}' is named twice" : null)
                ?? (peer.Uid.Length is 0 or > MostText ? $"lateral peer '{peer.Name}' has a uid of {peer.Uid.Length} characters; 1 to {MostText} are allowed" : null)
                ?? (peer.Address.Length > 0 && AdvertisedAddress.Normalize(peer.Address) is null ? $"lateral peer '{peer.Name}' has the address '{peer.Address}', which nobody can dial" : null)
                ?? (BudgetWire.TryRead(peer.Budget, out budget, out var fault) ? null : $"lateral peer '{peer.Name}': {fault}");
            if (error is not null)
            {
                return false;
            }

            peers.Add(new LateralPeer(peer.Name, peer.Uid, peer.Address, peer.Subtree, budget is { IsEmpty: false } ? budget : null));
        }

        set = Of(peers);
        return true;
    }

    /// <summary>As it travels down to the cluster it is for.</summary>
    public Wire.SetLateral ToWire(string name, ulong generation)
    {
        var wish = new Wire.SetLateral { Name = name, Generation = generation };
        wish.Peers.Add(Peers.Select(p => new Wire.LateralPeer
        {
            Name = p.Name, Uid = p.Uid, Address = p.Address, Subtree = p.Subtree, Budget = p.Budget is null ? null : BudgetWire.ToWire(p.Budget),
        }));
        return wish;
    }
}
