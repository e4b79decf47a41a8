using Microsoft.Extensions.Logging;

namespace Ote.Kube;

internal static partial class Log
{
    [LoggerMessage(1100, LogLevel.Debug, "Watch of {Resource} expired; listing again")]
    public static partial void WatchExpired(this ILogger log, string resource);

    [LoggerMessage(1101, LogLevel.Warning, "Watch of {Resource} refused: {Cause}; trying again")]
    public static partial void WatchRefused(this ILogger log, string resource, string cause);

    [LoggerMessage(1102, LogLevel.Warning, "{Reconciler} failed on {Key}; again in {Delay}")]
    public static partial void ReconcileFailed(this ILogger log, string reconciler, string key, TimeSpan delay, Exception fault);
}
