using Ote.Cluster.Routing;

namespace Ote.Cluster.Messages;

/// <summary>What becomes of a message next.</summary>
internal enum MessageStep
{
    /// <summary>It is for this cluster.</summary>
    Here,

    /// <summary>It goes to a child.</summary>
    Down,

    /// <summary>It goes to the parent.</summary>
    Up,

    /// <summary>It goes over a lateral link to the target, or to a cluster that the target hangs below.</summary>
    Across,

    /// <summary>Its target is away, or no longer below: it is kept here.</summary>
    Wait,

    /// <summary>Nobody in the tree has that name.</summary>
    NoCluster,
}

/// <summary>
/// The way of a message: up until its target is below, or until a lateral link leads there, then down, never up or across again. Since the links to
/// parents form a tree, each step up is to a parent and each step down to a child, and there is one step across at most, it ends. Pure.
/// </summary>
/// <param name="Step">What to do.</param>
/// <param name="Next">With <see cref="MessageStep.Down"/> the child, with <see cref="MessageStep.Across"/> the lateral peer.</param>
internal readonly record struct MessageRoute(MessageStep Step, string Next = "")
{
    /// <summary>Decides the next step.</summary>
    /// <param name="table">Who is below.</param>
    /// <param name="to">The target.</param>
    /// <param name="isRoot">Nobody is above.</param>
    /// <param name="fromAbove">It came from the parent or a lateral peer, so it must be for somebody below.</param>
    /// <param name="mayReturn">Asked at the root: whether a cluster that is not known may be in a moment.</param>
    public static MessageRoute Decide(RouteTable table, string to, bool isRoot, bool fromAbove, Func<string, bool> mayReturn)
    {
        if (to == table.Self.Name)
        {
            return new MessageRoute(MessageStep.Here);
        }

        if (table.NextHop(to) is { } child && table.Find(to) is { Online: true })
        {
            return new MessageRoute(MessageStep.Down, child);
        }

        // Who is away from here may have another parent by now, which an ancestor knows.
        return new MessageRoute(
            !isRoot ? fromAbove ? MessageStep.Wait : MessageStep.Up
            : table.Find(to) is null && !mayReturn(to) ? MessageStep.NoCluster
            : MessageStep.Wait);
    }

    /// <summary>The same, unless a lateral link is shorter than the way up.</summary>
    /// <param name="across">The lateral peer that it would go to; asked only when the message is still on its way up.</param>
    public MessageRoute Or(Func<string?> across) => Step == MessageStep.Up && across() is { } peer ? new MessageRoute(MessageStep.Across, peer) : this;
}
