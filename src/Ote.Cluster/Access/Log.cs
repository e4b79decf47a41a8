using Microsoft.Extensions.Logging;

namespace Ote.Cluster.Access;

internal static partial class Log
{
    [LoggerMessage(2600, LogLevel.Error, "Command policy {Policy} allows nothing, for it has faults: {Faults}")]
    public static partial void PolicyFaulty(this ILogger log, string policy, string faults);

    [LoggerMessage(2601, LogLevel.Warning, "Command {Command} is not allowed for {Count} of {Meant} clusters: {Text}")]
    public static partial void CommandNotAllowed(this ILogger log, string command, int count, int meant, string text);

    [LoggerMessage(2602, LogLevel.Warning, "The control API does not know command policies, so there are none; otectl install brings their definition")]
    public static partial void PoliciesNotInstalled(this ILogger log);

    [LoggerMessage(2603, LogLevel.Information, "Command policies in force: {Count}")]
    public static partial void PoliciesChanged(this ILogger log, int count);

    [LoggerMessage(2604, LogLevel.Warning, "Whether there are command policies cannot be asked yet, commands wait: {Cause}")]
    public static partial void PoliciesUnknown(this ILogger log, string cause);
}
