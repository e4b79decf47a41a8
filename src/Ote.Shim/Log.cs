using Microsoft.Extensions.Logging;

namespace Ote.Shim;

internal static partial class Log
{
    [LoggerMessage(3000, LogLevel.Information, "Shim listens at {Address}")]
    public static partial void Listening(this ILogger log, string address);

    [LoggerMessage(3001, LogLevel.Error, "Shim failed on {Method} {Url}")]
    public static partial void ShimFaulted(this ILogger log, string method, string url, Exception cause);

    [LoggerMessage(3002, LogLevel.Warning, "Shim at {Address} cannot be reached: {Cause}")]
    public static partial void ShimLost(this ILogger log, string address, string cause);

    [LoggerMessage(3003, LogLevel.Information, "Shim at {Address} is back")]
    public static partial void ShimBack(this ILogger log, string address);
}
