using Microsoft.Extensions.Logging;

namespace Ote.Cluster.Messages;

internal static partial class Log
{
    [LoggerMessage(2801, LogLevel.Warning, "A message of {From} to {To} is refused: too many wait at {Cluster}")]
    public static partial void MessageRefused(this ILogger log, string from, string to, string cluster);

    [LoggerMessage(2802, LogLevel.Warning, "Messages cannot be written down, they wait where they are: {Cause}")]
    public static partial void MessageJournalFailed(this ILogger log, string cause);

    [LoggerMessage(2803, LogLevel.Warning, "A message that says to come from {From} was brought by {Link}, which does not lead there; dropped")]
    public static partial void MessageForged(this ILogger log, string from, string link);

    [LoggerMessage(2804, LogLevel.Warning, "{Count} messages on topic {Topic} were taken by nobody before their time ended")]
    public static partial void MessagesUnread(this ILogger log, int count, string topic);

    [LoggerMessage(2367, LogLevel.Warning, "A message of {From} to {To} that had gone down or across before was sent up by {Link}; that link is ended")]
    public static partial void MessageTurned(this ILogger log, string from, string to, string link);
}
