using Microsoft.Extensions.Logging;

namespace Ote.Kube;

internal static partial class Log
{
    [LoggerMessage(1100, LogLevel.Debug, "Watch of {Resource} {Whose} expired ({Cause}); listing again")]
    public static partial void WatchExpired(this ILogger log, string resource, string whose, string cause);

    [LoggerMessage(1101, LogLevel.Warning, "Watch of {Resource} {Whose} refused: {Cause}; it is tried again, without saying so while the cause stays")]
    public static partial void WatchRefused(this ILogger log, string resource, string whose, string cause);

    [LoggerMessage(1102, LogLevel.Warning, "{Reconciler} failed on {Key}; again in {Delay:0.##} s")]
    private static partial void ReconcileFailed(this ILogger log, string reconciler, string key, double delay, Exception fault);

    public static void ReconcileFailed(this ILogger log, string reconciler, string key, TimeSpan delay, Exception fault) => log.ReconcileFailed(reconciler, key, delay.TotalSeconds, fault);

    [LoggerMessage(1110, LogLevel.Information, "{Candidate} leads by lease {Lease}, term {Term}")]
    public static partial void Leads(this ILogger log, string candidate, string lease, long term);

    [LoggerMessage(1111, LogLevel.Information, "{Candidate} leads no more by lease {Lease}, term {Term}")]
    public static partial void LeadsNoMore(this ILogger log, string candidate, string lease, long term);

    [LoggerMessage(1112, LogLevel.Warning, "Lease {Lease} could not be read or written: {Cause}; it is tried again, without saying so while the cause stays")]
    public static partial void LeaseUnreachable(this ILogger log, string lease, string cause);

    [LoggerMessage(1113, LogLevel.Error, "{Candidate} gives lease {Lease} up: what it does as leader failed")]
    public static partial void LeaderFailed(this ILogger log, string candidate, string lease, Exception fault);
}
