using Ote.Cluster.Routing;
using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Commands;

/// <summary>How a control entry reaches its subtree.</summary>
internal interface ICommandSender
{
    /// <summary>Whom a selector means now, clusters that are away included; and which of them are away.</summary>
    (IReadOnlyList<string> Names, IReadOnlySet<string> Away) Resolve(ClusterSelector selector);

    /// <summary>Sends a command over each tree edge at most once. Returns the targets it has left for; the others are to be sent later.</summary>
    Task<IReadOnlyList<string>> SendAsync(Command command, ClusterSelector selector);

    /// <summary>Sends a cancellation the same way.</summary>
    Task CancelAsync(CancelCommand cancel, ClusterSelector selector);
}
