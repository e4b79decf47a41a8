using Microsoft.Extensions.Logging;

namespace Ote.Cluster.Access;

internal static partial class Log
{
    [LoggerMessage(2600, LogLevel.Error, "{Kind} {Policy} allows nothing, for it has faults: {Faults}")]
    public static partial void PolicyFaulty(this ILogger log, string kind, string policy, string faults);

    [LoggerMessage(2601, LogLevel.Warning, "Command {Command} is not allowed for {Count} of {Meant} clusters: {Text}")]
    public static partial void CommandNotAllowed(this ILogger log, string command, int count, int meant, string text);

    [LoggerMessage(2602, LogLevel.Warning, "The control API does not know {Kinds}, so there are none; otectl install brings their definition")]
    public static partial void PoliciesNotInstalled(this ILogger log, string kinds);

    [LoggerMessage(2603, LogLevel.Information, "Policies in force, {Kinds}: {Count}")]
    public static partial void PoliciesChanged(this ILogger log, string kinds, int count);

    [LoggerMessage(2604, LogLevel.Warning, "Whether there are {Kinds} cannot be asked yet, what they decide about waits: {Cause}")]
    public static partial void PoliciesUnknown(this ILogger log, string kinds, string cause);

    [LoggerMessage(2605, LogLevel.Information, "The status of {Kind} {Policy} cannot be written, which changes nothing about what it allows: {Cause}")]
    public static partial void PolicyStatusNotWritten(this ILogger log, string kind, string policy, string cause);

    [LoggerMessage(2368, LogLevel.Warning, "A message of {From} to {To} is not allowed: {Text}")]
    public static partial void MessageNotAllowed(this ILogger log, string from, string to, string text);
}
