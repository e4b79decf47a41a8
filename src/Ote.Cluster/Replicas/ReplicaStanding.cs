namespace Ote.Cluster.Replicas;

/// <summary>Where a replica of the root stands.</summary>
/// <param name="Term">Of its leadership; 0: it waits.</param>
/// <param name="Leader">The address of the one that leads, as far as is known; empty: nobody does.</param>
public readonly record struct ReplicaStanding(long Term, string Leader);
