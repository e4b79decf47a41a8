using Microsoft.Extensions.Logging;

namespace Ote.Cluster.Failover;

internal static partial class Log
{
    [LoggerMessage(2500, LogLevel.Debug, "{Parent} does not stand well: {Cause}")]
    public static partial void NotWell(this ILogger log, string parent, string cause);

    [LoggerMessage(2501, LogLevel.Error, "The possible parents could not be kept on disk; a restart while cut off would not know them")]
    public static partial void CandidatesNotKept(this ILogger log, Exception cause);

    [LoggerMessage(2502, LogLevel.Warning, "Links break right after they came up, at whichever parent; nobody is dialled for {Wait:0.##} s. See above what ended them; a full disk does")]
    private static partial void Flapping(this ILogger log, double wait);

    public static void Flapping(this ILogger log, TimeSpan wait) => log.Flapping(wait.TotalSeconds);

    [LoggerMessage(2503, LogLevel.Warning, "Nothing is heard of the root through {Parent}, which has most likely lost its own way up; others are asked whether they hear of it, and this link stays meanwhile")]
    public static partial void Unrooted(this ILogger log, string parent);

    [LoggerMessage(2504, LogLevel.Warning, "Leaving {Parent}, which hears nothing of the root, for {Other}, which does")]
    public static partial void Forsakes(this ILogger log, string parent, string other);

    [LoggerMessage(2505, LogLevel.Warning, "Not dialled, because an operator does not allow them as parents: {Parents}. otectl allow or unpin at the root takes that back, but the word reaches this cluster only when it is attached; see failover.md")]
    public static partial void Skips(this ILogger log, string parents);
}
