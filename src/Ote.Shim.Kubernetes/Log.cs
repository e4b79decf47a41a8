using Microsoft.Extensions.Logging;
using Ote.Shim.Contract;

namespace Ote.Shim.Kubernetes;

internal static partial class Log
{
    [LoggerMessage(3100, LogLevel.Information, "{Method} {Url} as '{User}' for {Key} (replay {Replay}): {Code} in {Milliseconds} ms")]
    public static partial void Executed(this ILogger log, string method, string url, string user, string key, bool replay, int code, double milliseconds);

    [LoggerMessage(3101, LogLevel.Warning, "{Method} {Url} as '{User}' for {Key} (replay {Replay}): {Error}: {Text}")]
    public static partial void NotExecuted(this ILogger log, string method, string url, string user, string key, bool replay, ExecuteResponse.Types.Error error, string text);
}
