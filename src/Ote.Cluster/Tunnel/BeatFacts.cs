using Ote.Cluster.Failover;

namespace Ote.Cluster.Tunnel;

/// <summary>What a heartbeat tells beside that its sender lives.</summary>
/// <param name="Digest">Of the sender's subtree; 0 when there is none to state.</param>
/// <param name="Position">Of the sender, as its children need it; <see cref="TreePosition.None"/> when it is nobody's business.</param>
internal readonly record struct BeatFacts(ulong Digest, TreePosition Position)
{
    /// <summary>Nothing but the life sign.</summary>
    public static BeatFacts None { get; } = new(0, TreePosition.None);
}
