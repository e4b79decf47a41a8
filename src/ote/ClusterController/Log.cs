using Microsoft.Extensions.Logging;

namespace Ote.Roles.ClusterController;

internal static partial class Log
{
    [LoggerMessage(5000, LogLevel.Warning, "The control API cannot be reached: {Cause}. Check --kubeconfig and that its server runs; it is tried again")]
    public static partial void ApiAway(this ILogger log, string cause);

    [LoggerMessage(5001, LogLevel.Warning, "Host {Host} of this replica is held by cluster {Holder}: children that dial it may find that one instead. Move it from spec.hosts of {Holder} to that of {Root}, or --advertise another")]
    public static partial void HostTaken(this ILogger log, string host, string holder, string root);

    [LoggerMessage(5002, LogLevel.Warning, "Another root, {Holder} at {Address}, holds the lease {Lease} of this API: two roots on one API undo each other's work. End one of them, or start both with --leader-elect")]
    public static partial void AnotherRoot(this ILogger log, string holder, string address, string lease);
}
