using Microsoft.Extensions.Logging;

namespace Ote.EdgeCluster;

internal static partial class Log
{
    [LoggerMessage(4000, LogLevel.Debug, "Node {Address} has the simulated runtime: no pod is really run")]
    public static partial void RuntimeIsSimulated(this ILogger log, string address);
}
