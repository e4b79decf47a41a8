using Microsoft.Extensions.Logging;
using Ote.Controllers.EdgeNodes;

namespace Ote.Controllers;

/// <summary>What controllers log; ids from 7100.</summary>
internal static partial class Log
{
    [LoggerMessage(7100, LogLevel.Information, "Node {Node} is {Phase}: {Message}")]
    public static partial void NodeTurned(this ILogger log, string node, EdgeNodePhase phase, string message);

    [LoggerMessage(7101, LogLevel.Warning, "Node {Node} could not be looked at: {Cause}; it is tried again soon")]
    public static partial void NodeNotLookedAt(this ILogger log, string node, string cause);

    [LoggerMessage(7103, LogLevel.Warning, "The definition of EdgeNode (edgenodes.ote.baidu.com) was taken away and could not be put back: {Cause}; it is tried again soon")]
    public static partial void NotDefined(this ILogger log, string cause);

    [LoggerMessage(7104, LogLevel.Warning, "Node {Node}: {Unseen}")]
    public static partial void NodeUnseen(this ILogger log, string node, string unseen);

    [LoggerMessage(7105, LogLevel.Debug, "Node {Node} was looked at: {Phase}, its kubelet last heard {Since:0} s ago, seen by {Seen} witnesses and missed by {Missed}, {Refused} without a say; kept from eviction: {Keeps}")]
    private static partial void NodeLookedAt(this ILogger log, string node, EdgeNodePhase phase, double since, int seen, int missed, int refused, bool keeps);

    public static void NodeLookedAt(this ILogger log, string node, EdgeNodeLook look) => log.NodeLookedAt(node, look.Phase, look.SinceHeard.TotalSeconds, look.Seen, look.Missed, look.Refused, look.Keeps);

    [LoggerMessage(7102, LogLevel.Warning, "Node {Node}: {Slip}")]
    public static partial void NodeSlip(this ILogger log, string node, string slip);
}
