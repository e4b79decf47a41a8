using System.IO.Hashing;
using System.Text;

namespace Ote.Roles.ControllerManager;

/// <summary>Which cluster belongs to which shard, and which shard to which member. Pure: whoever knows the same members comes to the same.</summary>
internal static class ShardPlan
{
    /// <summary>How many shards there are unless told otherwise.</summary>
    public const int Usual = 8;

    /// <summary>The shard of a cluster.</summary>
    public static int ShardOf(string cluster, int shards) => (int)(Hash(cluster) % (ulong)shards);

    /// <summary>
    /// Who is to hold each shard: by rendezvous, whoever has the greatest weight for it and has not yet its part, so that no two parts differ by more than one shard, and few shards move when one comes or goes.
    /// </summary>
    /// <param name="shards">How many shards there are.</param>
    /// <param name="members">The living members, in any order; at least one.</param>
    /// <returns>The member of each shard.</returns>
    public static IReadOnlyList<string> Assign(int shards, IReadOnlyCollection<string> members)
    {
        var (part, more) = (shards / members.Count, shards % members.Count);
        var held = members.ToDictionary(m => m, _ => 0, StringComparer.Ordinal);
        var owners = new string?[shards];
        var pairs = Enumerable.Range(0, shards).SelectMany(shard => held.Keys.Select(member => (Shard: shard, Member: member, Weight: Hash($"{shard}/{member}"))))
            .OrderByDescending(p => p.Weight).ThenBy(p => p.Shard).ThenBy(p => p.Member, StringComparer.Ordinal).ToArray();
        foreach (var (shard, member, _) in pairs)
        {
            var has = held[member];
            if (owners[shard] is not null || has > part || (has == part && more == 0))
            {
                continue;
            }

            more -= has == part ? 1 : 0;
            (owners[shard], held[member]) = (member, has + 1);
        }

        return owners!;
    }

    private static ulong Hash(string text) => XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(text));
}
