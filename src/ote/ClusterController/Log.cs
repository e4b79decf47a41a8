using Microsoft.Extensions.Logging;

namespace Ote.Roles.ClusterController;

internal static partial class Log
{
    [LoggerMessage(5000, LogLevel.Warning, "The control API cannot be reached: {Cause}. Check --kubeconfig and that its server runs; it is tried again")]
    public static partial void ApiAway(this ILogger log, string cause);
}
