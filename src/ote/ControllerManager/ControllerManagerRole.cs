using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Http;
using Ote.Cluster.Reports;
using Ote.Kube.Client;
using Ote.Kube.Leases;
using Ote.Kube.Resources;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Split;
using Ote.Mirror.Applying;
using Ote.Roles.ClusterController;
using Ote.Roles.Following;
using Ote.Roles.Hosting;

namespace Ote.Roles.ControllerManager;

/// <summary>Runs one controller manager until stopped: it mirrors its part of the clusters, serves all with the help of the others, and leads the API server to itself when that is its turn.</summary>
internal static class ControllerManagerRole
{
    public static async Task RunAsync(RoleHost host, ControllerManagerArguments arguments)
    {
        var address = FleetServing.AddressOf(arguments.Fleet);
        using var held = DataLock.Take(arguments.DataDirectory);
        var control = Kubeconfig.Load(arguments.Kubeconfig);
        if (!control.NeedsMachineTrust)
        {
            MachineTrust.LeaveOut();
        }

        var folders = new ShardFolders(arguments.DataDirectory, arguments.Shards);
        var self = new ManagerState(address);
        await using var observed = await Observation.StartAsync(arguments.Observe, host, FleetLeases.Entry, self.WhyNotReady).ConfigureAwait(false);
        using var client = new KubeClient(control.CreateHttpClient(host.Time));
        var log = host.Loggers.CreateLogger("Ote.Roles.ControllerManager");
        var identity = $"{Dns.GetHostName().ToLowerInvariant()}_{Guid.NewGuid():N}";
        var figures = new ElectionOptions();
        var space = Ote.Cluster.Handling.ClusterController.SystemNamespace;
        LeaderElector Elector(string lease, Func<bool> wants) => new(client, space, lease, identity, address, figures, host.Time, host.Random, log, wants);

        using var trust = new PeerTrust(ct => FollowWhere.ReadAsync(client, ct), host.Time);
        using var tree = new RemoteTree(trust.ReadAsync);
        ShardKeeper[] keepers = [];
        Members? members = null;
        using var way = new PeerWay(arguments.Shards, identity, () => members?.Living ?? [], shard => shard < keepers.Length ? keepers[shard].Elector.Leader : null, trust);
        var table = new ShardTable(MirrorStore.ResourcesOf(arguments.Mirror.Streams), MirrorStore.Origin, way, host.Time) { NotShown = MirrorStore.NotShownOf };
        using var meter = host.Meters.Create("Ote.Roles.ControllerManager");
        meter.CreateObservableGauge("ote.mirror.shards.held", () => table.Held.Count, "{shard}", "Shards whose clusters are mirrored here");
        var fleet = await FleetServing.StartAsync(host, FleetLeases.Entry, arguments.Fleet, [.. table.Resources], null, table, new Gate(tree), client, host.Stop).ConfigureAwait(false);
        await using (fleet.ConfigureAwait(false))
        {
            members = new Members(
                client, space, new Member(0, folders.Member, fleet.AuthorityPem, arguments.Shards, new LeaseRecord(identity, fleet.Address, 0, "", figures.LeaseDuration)), figures, host.Time, host.Random, log);
            keepers = [.. Enumerable.Range(0, arguments.Shards).Select(shard => new ShardKeeper(shard, folders.Of(shard, arguments.Mirror), members, table, tree.FollowAsync, Elector, host.Time, host.Random, host.Loggers))];
            var entry = Elector(FleetLeases.Entry, () => members.Against is null);
            self.Begin(fleet, entry, members);
            entry.LeaderChanged += leader =>
            {
                if (leader.Holder != identity)
                {
                    Console.Out.WriteLine($"waiting controller-manager {address} while {leader.Address} leads");
                    Ready(host, self);
                }
            };
            members.Looked += self.TellHeld(table);
            var looked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            members.Looked += () => looked.TrySetResult();
            var living = members.RunAsync(host.Stop);
            await looked.Task.WaitAsync(host.Stop).ConfigureAwait(false); // or what is free would be left for a while
            await Task.WhenAll(
            [
                living,
                trust.RunAsync(host.Stop),
                .. keepers.Select(k => k.RunAsync(host.Stop)),
                entry.RunAsync((term, led) => LeadAsync(host, self, fleet, term, led), host.Stop),
            ]).ConfigureAwait(false);
        }
    }

    /// <summary>Leads the API server here: each member answers for all, so that it need come to one only.</summary>
    private static async Task LeadAsync(RoleHost host, ManagerState self, FleetServing fleet, long term, CancellationToken led)
    {
        await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"leading controller-manager {fleet.Address} term {term}")).ConfigureAwait(false);
        Ready(host, self);
        await fleet.TellAsync(led).ConfigureAwait(false);
        await Task.Delay(Timeout.InfiniteTimeSpan, host.Time, led).ConfigureAwait(false);
    }

    private static void Ready(RoleHost host, ManagerState self)
    {
        if (self.SayReady())
        {
            Console.Out.WriteLine($"ready controller-manager {self.Address}");
            host.Settle();
        }
    }

    private sealed class Gate(RemoteTree tree) : IClusterGate
    {
        public Task ForwardAsync(HttpContext context, string cluster, UserInfo user, string target) => tree.ForwardAsync(context, cluster, user.Name, user.Groups, target);
    }
}
