using System.Net;
using Ote.Cluster.Handling;
using Ote.Cluster.Replicas;
using Ote.Kube.Client;
using Ote.Kube.Leases;
using Ote.Roles.Hosting;

namespace Ote.Roles.ClusterController;

/// <summary>
/// The sign of life of a root without replicas whose objects are on a real Kubernetes, where they stay as they were when it ends: it holds the lease by which
/// replicas lead. It works whether it gets it or not.
/// </summary>
internal static class RootSignOfLife
{
    /// <summary>Holds the lease until stopped, and gives it up then.</summary>
    public static Task RunAsync(RoleHost host, KubeClient api, ClusterControllerOptions options, CancellationToken stop)
    {
        var log = host.Loggers.CreateLogger("Ote.Cluster.Replicas");
        var identity = $"{Dns.GetHostName().ToLowerInvariant()}_{Guid.NewGuid():N}";
        var elector = new LeaderElector(
            api, Ote.Cluster.Handling.ClusterController.SystemNamespace, RootReplica.LeaseName, identity, RootReplica.AddressOf(options) ?? "", new ElectionOptions(), host.Time, host.Random, log);
        elector.LeaderChanged += leader =>
        {
            if (leader.Holder != identity)
            {
                log.AnotherRoot(leader.Holder, leader.Address, RootReplica.LeaseName);
            }
        };
        return elector.RunAsync((_, led) => Task.Delay(Timeout.InfiniteTimeSpan, host.Time, led), stop);
    }
}
