using Microsoft.Extensions.Logging;

namespace Ote.Cluster.Namespaces;

internal static partial class Log
{
    [LoggerMessage(2397, LogLevel.Information, "{Deed} of namespace {Namespace} done at cluster {Cluster} for policy {Policy}")]
    public static partial void NamespaceDone(this ILogger log, NamespaceDeed deed, string @namespace, string cluster, string policy);

    [LoggerMessage(2398, LogLevel.Warning, "{Deed} of namespace {Namespace} refused by cluster {Cluster}; policy {Policy} is tried again in minutes: {Cause}")]
    public static partial void NamespaceNotDone(this ILogger log, NamespaceDeed deed, string @namespace, string cluster, string policy, string cause);
}
