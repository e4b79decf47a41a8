using Microsoft.Extensions.Logging;

namespace Ote.Mirror;

internal static partial class Log
{
    [LoggerMessage(6000, LogLevel.Warning, "Former states of mirrored objects could not be dropped: {Cause}")]
    public static partial void HistoryNotPruned(this ILogger log, string cause);

    [LoggerMessage(6001, LogLevel.Information, "Cluster {Cluster} is followed anew: what it told last of {Kind} does not go on where the mirror is")]
    public static partial void FollowedAnew(this ILogger log, string cluster, string kind);

    [LoggerMessage(6002, LogLevel.Warning, "A report of {Kind} by cluster {Cluster} cannot be kept; it is asked for again in {Seconds} s: {Cause}")]
    public static partial void ReportNotKept(this ILogger log, string cluster, string kind, int seconds, string cause);

    [LoggerMessage(6003, LogLevel.Information, "Cluster {Cluster} is gone, and what it has reported with it")]
    public static partial void ClusterForgotten(this ILogger log, string cluster);

    [LoggerMessage(6004, LogLevel.Warning, "What was to be reported is gathered anew, for it could not be read: {Cause}")]
    public static partial void JournalDiscarded(this ILogger log, string cause);

    [LoggerMessage(6005, LogLevel.Warning, "{Kind} is to be reported (--report), and the cluster has no such kind: {Hint}. It is waited for")]
    public static partial void KindAwaited(this ILogger log, string kind, string hint);

    [LoggerMessage(6006, LogLevel.Information, "{Kind}, which was waited for, is in the cluster now and is reported")]
    public static partial void KindCame(this ILogger log, string kind);
}
