using Ote.Cluster.Routing;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Commands;

/// <summary>How a control entry reaches its subtree. Thread-safe.</summary>
internal interface ICommandSender
{
    /// <summary>Whom a selector means now, clusters that are away included.</summary>
    IReadOnlyList<string> Resolve(ClusterSelector selector);

    /// <summary>Which of these clusters cannot be reached now: those that are away, and those that nobody knows.</summary>
    (IReadOnlyList<string> Away, IReadOnlyList<string> Unknown) Missing(IEnumerable<string> names);

    /// <summary>Whether a cluster that is away was shut out of the tree: it does not come back by itself.</summary>
    bool IsRevoked(string name);

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
