using Microsoft.Extensions.Logging;

namespace Ote.Cluster.Streams;

internal static partial class Log
{
    [LoggerMessage(2395, LogLevel.Information, "There is no stream to cluster {Cluster}: {Cause}")]
    public static partial void StreamRefused(this ILogger log, string cluster, string cause);

    [LoggerMessage(2396, LogLevel.Debug, "Live request {Method} {Target} ended: {Cause}")]
    public static partial void LiveRequestEnded(this ILogger log, string method, string target, string cause);
}
