using Microsoft.Extensions.Logging;

namespace Ote.Cluster.Reports;

internal static partial class Log
{
    [LoggerMessage(2390, LogLevel.Information, "The controller of {Follower} follows the reports of this cluster")]
    public static partial void Followed(this ILogger log, string follower);

    [LoggerMessage(2391, LogLevel.Warning, "More than {Most} controllers follow the reports of this cluster; {Follower}, which began first, is told no more")]
    public static partial void FollowerDropped(this ILogger log, string follower, int most);

    [LoggerMessage(2392, LogLevel.Warning, "This cluster is followed and does not report: {Cause}")]
    public static partial void ReportsUnsupported(this ILogger log, string cause);

    [LoggerMessage(2393, LogLevel.Warning, "The reports of this cluster are interrupted and begin again: {Cause}")]
    public static partial void ReportsInterrupted(this ILogger log, string cause);

    [LoggerMessage(2394, LogLevel.Warning, "A follower of reports has not taken {Most} news of clusters and is cut off; it begins anew")]
    public static partial void FollowerTooSlow(this ILogger log, int most);
}
