using Microsoft.Extensions.Logging;

namespace Ote.Cluster.Failover;

internal static partial class Log
{
    [LoggerMessage(2500, LogLevel.Debug, "Home {Home} does not stand well: {Cause}")]
    public static partial void HomeAway(this ILogger log, string home, string cause);

    [LoggerMessage(2501, LogLevel.Error, "The possible parents could not be kept on disk; a restart while cut off would not know them")]
    public static partial void CandidatesNotKept(this ILogger log, Exception cause);

    [LoggerMessage(2502, LogLevel.Warning, "Links break right after they came up, at whichever parent; nobody is dialled for {Wait}. See above what ended them; a full disk does")]
    public static partial void Flapping(this ILogger log, TimeSpan wait);
}
