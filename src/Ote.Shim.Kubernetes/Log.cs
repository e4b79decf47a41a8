using Microsoft.Extensions.Logging;
using Ote.Shim.Contract;

namespace Ote.Shim.Kubernetes;

internal static partial class Log
{
    [LoggerMessage(3100, LogLevel.Information, "{Method} {Url} as '{User}' for {Key} (replay {Replay}): {Code} in {Milliseconds} ms")]
    public static partial void Executed(this ILogger log, string method, string url, string user, string key, bool replay, int code, double milliseconds);

    [LoggerMessage(3101, LogLevel.Warning, "{Method} {Url} as '{User}' for {Key} (replay {Replay}): {Error}: {Text}")]
    public static partial void NotExecuted(this ILogger log, string method, string url, string user, string key, bool replay, ExecuteResponse.Types.Error error, string text);

    [LoggerMessage(3104, LogLevel.Information, "The cluster is that of kubeconfig {Path}, named by {By}{Context}")]
    public static partial void KubeconfigUsed(this ILogger log, string path, string by, string context);

    [LoggerMessage(3102, LogLevel.Information, "Cluster is ready, version {Version}")]
    public static partial void ClusterReady(this ILogger log, string version);

    [LoggerMessage(3103, LogLevel.Warning, "Cluster is not ready: {Cause}")]
    public static partial void ClusterNotReady(this ILogger log, string cause);
}
