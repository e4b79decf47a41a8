using Microsoft.Extensions.Logging;

namespace Ote.Cluster.Audit;

internal static partial class Log
{
    [LoggerMessage(2700, LogLevel.Error, "The audit log {File} cannot be written, lines are lost until it can: {Cause}. Commands go on; make room, or end the controller")]
    public static partial void AuditLost(this ILogger log, string file, string cause);

    [LoggerMessage(2701, LogLevel.Warning, "The audit log {File} is written again; {Lines} lines were lost")]
    public static partial void AuditBack(this ILogger log, string file, long lines);
}
