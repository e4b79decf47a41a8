using Microsoft.Extensions.Logging;

namespace Ote.EdgeCluster;

internal static partial class Log
{
    [LoggerMessage(4000, LogLevel.Debug, "Node {Address} has the simulated runtime: no pod is really run")]
    public static partial void RuntimeIsSimulated(this ILogger log, string address);

    [LoggerMessage(4001, LogLevel.Warning, "Deployment {Deployment}: name {Name} is taken by another replica set; trying the next (collision {Collisions})")]
    public static partial void NameCollided(this ILogger log, string deployment, string name, long collisions);

    [LoggerMessage(4002, LogLevel.Warning, "{Count} events were dropped because the queue of events to write was full")]
    public static partial void EventsDropped(this ILogger log, long count);

    [LoggerMessage(4003, LogLevel.Debug, "Event {Name} was not written: {Cause}")]
    public static partial void EventNotWritten(this ILogger log, string name, string cause);

    [LoggerMessage(4004, LogLevel.Debug, "Node {Node} registered, runtime {Runtime}")]
    public static partial void NodeRegistered(this ILogger log, string node, string runtime);

    [LoggerMessage(4005, LogLevel.Information, "Edge cluster {Name} is ready: {Nodes} simulated nodes, {Pods} pods known; pods are not really run")]
    public static partial void ClusterReady(this ILogger log, string name, int nodes, int pods);

    [LoggerMessage(4006, LogLevel.Warning, "Edge cluster {Name} does not come back on port {Port} ({Cause}): whoever has a copy of {Kubeconfig} needs the new one. Give --listen a port that stays")]
    public static partial void FormerPortTaken(this ILogger log, string name, int port, string cause, string kubeconfig);

    [LoggerMessage(4007, LogLevel.Warning, "{Set}: revision name {Name} is taken by another; trying the next (collision {Collisions})")]
    public static partial void RevisionCollided(this ILogger log, string set, string name, long collisions);

    [LoggerMessage(4008, LogLevel.Warning, "Node {Node} has not renewed its lease for {Silence:0.##} s: its state is unknown, its pods may be evicted")]
    private static partial void NodeWentSilent(this ILogger log, string node, double silence);

    public static void NodeWentSilent(this ILogger log, string node, TimeSpan silence) => log.NodeWentSilent(node, silence.TotalSeconds);

    [LoggerMessage(4009, LogLevel.Information, "Node {Node} is heard of again")]
    public static partial void NodeHeardOf(this ILogger log, string node);
}
