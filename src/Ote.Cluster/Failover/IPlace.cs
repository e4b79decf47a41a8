using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Failover;

/// <summary>The place of a cluster in the tree, as far as choosing a parent needs it. Thread-safe.</summary>
internal interface IPlace
{
    /// <summary>Whether the root was heard of lately, through whichever parent.</summary>
    bool IsRooted { get; }

    /// <summary>Takes the place below a parent, unless that could close a cycle.</summary>
    bool TryTake(Welcome welcome);

    /// <summary>
    /// Whether the cluster could move below a parent that answered a probe. When it cannot yet, the own position is held from now on, so
    /// that after the root's next beats it can: asked when the move is due, and not before.
    /// </summary>
    bool MayMoveBelow(ProbeAnswer answer);

    /// <summary>No move is prepared any more.</summary>
    void Stay();

    /// <summary>A place that was taken did not become a link.</summary>
    void Leave();
}
