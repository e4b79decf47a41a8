using Ote.Cluster.Routing;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Commands;

/// <summary>Why targets of a command are silent.</summary>
/// <param name="Away">Those whose links are down.</param>
/// <param name="Unknown">Those that nobody knows any more.</param>
/// <param name="Stuck">Those whose controller is here, while the cluster behind it, or its shim, does not answer.</param>
internal readonly record struct MissingTargets(IReadOnlyList<string> Away, IReadOnlyList<string> Unknown, IReadOnlyList<string> Stuck)
{
    public bool None => Away.Count + Unknown.Count + Stuck.Count == 0;
}

/// <summary>How a control entry reaches its subtree. Thread-safe.</summary>
internal interface ICommandSender
{
    /// <summary>Whom a selector means now, clusters that are away included.</summary>
    IReadOnlyList<string> Resolve(ClusterSelector selector);

    /// <summary>Which of these clusters cannot carry a command out now.</summary>
    MissingTargets Missing(IEnumerable<string> names);

    /// <summary>Whether a cluster that is away was shut out of the tree: it does not come back by itself.</summary>
    bool IsRevoked(string name);

    /// <summary>Whether a cluster's shim has said that it does not report: nothing can be observed there.</summary>
    bool IsSilent(string name);

    /// <summary>Which of these clusters were deleted from the tree: they do not come back. Never one of which that is not known, as at a mid-level cluster.</summary>
    IReadOnlySet<string> Gone(IEnumerable<string> names);

    /// <summary>
    /// Sends a command over each tree edge at most once. Returns the targets it has left for; the others are to be sent later, and
    /// do not have it from this call. Throws nothing once a message has left.
    /// </summary>
    Task<IReadOnlyList<string>> SendAsync(Command command, ClusterSelector selector);

    /// <summary>Sends a cancellation the same way. Who was not reached is to be told again.</summary>
    Task CancelAsync(CancelCommand cancel, ClusterSelector selector);
}
