using Microsoft.Extensions.Logging;

namespace Ote.Cluster.Commands;

internal static partial class Log
{
    [LoggerMessage(2400, LogLevel.Information, "Command {Command} generation {Generation} accepted for {Targets} clusters")]
    public static partial void CommandBegun(this ILogger log, string command, ulong generation, int targets);

    [LoggerMessage(2401, LogLevel.Information, "Command {Command} generation {Generation} is over: {Succeeded} of {Targets} clusters succeeded")]
    public static partial void CommandOver(this ILogger log, string command, ulong generation, int succeeded, int targets);

    [LoggerMessage(2402, LogLevel.Warning, "Command {Command} is past its retention and could not be deleted: {Cause}")]
    public static partial void CommandKept(this ILogger log, string command, string cause);

    [LoggerMessage(2403, LogLevel.Warning, "Whether command {Command} took effect at {Count} clusters is looked at again in 30 s: {Cause}")]
    public static partial void NotLooked(this ILogger log, string command, int count, string cause);
}
