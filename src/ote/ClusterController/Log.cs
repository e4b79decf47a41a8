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

    [LoggerMessage(5020, LogLevel.Information, "What clusters report is served to the real Kubernetes at {Address}, as ConfigMap {Namespace}/{Name} says there; otectl install --fleet leads its API server here")]
    public static partial void FleetTold(this ILogger log, string address, string @namespace, string name);

    [LoggerMessage(5021, LogLevel.Warning, "Where the fleet is served could not be told to the real Kubernetes (ConfigMap {Namespace}/{Name}, and what leads its API server there); trying again in {Seconds:0.#} s: {Cause}. otectl install --fleet gives the right")]
    public static partial void FleetNotTold(this ILogger log, string @namespace, string name, double seconds, string cause);
}
