using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Failover;

/// <summary>
/// A short name for an operator's wish about a cluster's place. The cluster tells it up with its routes, so whoever holds the wish sees
/// whether it is in force. Pure; the same on every machine.
/// </summary>
internal static class PlacementDigest
{
    /// <summary>0 for no wish at all.</summary>
    public static ulong Of(SetPlacement wish)
    {
        if (wish is { PinnedParent: "", Drain: false, ForbiddenParents.Count: 0 })
        {
            return 0;
        }

        var text = $"{wish.PinnedParent}|{wish.Drain}|{string.Join(',', wish.ForbiddenParents.Order(StringComparer.Ordinal))}";
        return BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text))) | 1;
    }
}
