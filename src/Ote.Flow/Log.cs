using Microsoft.Extensions.Logging;

namespace Ote.Flow;

internal static partial class Log
{
    [LoggerMessage(900, LogLevel.Error, "Loop {Name} faulted and starts again")]
    public static partial void LoopFaulted(this ILogger log, string name, Exception fault);
}
