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

    /// <summary>Its target is away, or no longer below: it is kept here.</summary>
    Wait,

    /// <summary>Nobody in the tree has that name.</summary>
    NoCluster,
}

/// <summary>
/// The way of a message: up until its target is below, then down, never up again. Since the links form a tree and each step up is to a
/// parent, each step down to a child, it ends. Pure.
/// </summary>
/// <param name="Step">What to do.</param>
/// <param name="Child">With <see cref="MessageStep.Down"/>: the child.</param>
internal readonly record struct MessageRoute(MessageStep Step, string Child = "")
{
    /// <summary>Decides the next step.</summary>
    /// <param name="table">Who is below.</param>
    /// <param name="to">The target.</param>
    /// <param name="isRoot">Nobody is above.</param>
    /// <param name="fromAbove">It came from the parent, so it must be for somebody below.</param>
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
}
