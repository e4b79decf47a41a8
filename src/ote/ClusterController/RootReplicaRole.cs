using System.Globalization;
using System.Net;
using Microsoft.Extensions.Logging;
using Ote.Cluster.Handling;
using Ote.Cluster.Replicas;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Kube.Leases;
using Ote.Roles.Following;
using Ote.Roles.Hosting;

namespace Ote.Roles.ClusterController;

/// <summary>Runs one replica of the root until stopped.</summary>
internal static class RootReplicaRole
{
    private static readonly BackoffOptions ApiWaits = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));

    public static async Task RunAsync(RoleHost host, ClusterControllerArguments arguments)
    {
        var options = arguments.Options;
        var address = RootReplica.AddressOf(options);
        if (Objection(arguments, address) is { } objection)
        {
            throw new RoleException(objection);
        }

        var control = Kubeconfig.Load(arguments.ControlKubeconfig!);
        if (!control.NeedsMachineTrust)
        {
            MachineTrust.LeaveOut();
        }

        var log = host.Loggers.CreateLogger("Ote.Cluster.Replicas");
        RootReplica? replica = null;
        await using var observed = await Observation.StartAsync(arguments.Observe, host, options.Name, () => WhyNotReady(Volatile.Read(ref replica))).ConfigureAwait(false);
        using var client = new KubeClient(control.CreateHttpClient(host.Time));
        var root = await IdentityAsync(host, client, options, log).ConfigureAwait(false);
        var parts = new ClusterControllerParts(host.Loggers, host.Meters, host.Time, host.Random) { ControlApi = client };
        var identity = $"{Dns.GetHostName().ToLowerInvariant()}_{Guid.NewGuid():N}";
        var elector = new LeaderElector(
            client, Ote.Cluster.Handling.ClusterController.SystemNamespace, RootReplica.LeaseName, identity, address!, new ElectionOptions(), host.Time, host.Random, log);
        await using var follow = arguments.Follow is { } door ? await FollowServing.StartAsync(host, options.Name, door).ConfigureAwait(false) : null;
        Volatile.Write(ref replica, new RootReplica(options, parts, root, elector) { Led = follow is null ? null : (controller, led) => follow.Lead(controller, client, led) });
        var ready = false;
        replica!.Changed += standing =>
        {
            Console.Out.WriteLine(Line(standing, $"{options.Name} {address}"));
            if (!ready && standing.Leader.Length > 0)
            {
                ready = true; // children are taken, or told where to go
                Console.Out.WriteLine($"ready {options.Name} {address}");
                host.Settle();
            }
        };
        await replica.RunAsync(host.Stop).ConfigureAwait(false);
    }

    private static string Line(ReplicaStanding standing, string self) => standing switch
    {
        { Term: > 0 } => string.Create(CultureInfo.InvariantCulture, $"leading {self} term {standing.Term}"),
        { Leader.Length: > 0 } => $"waiting {self} while {standing.Leader} leads",
        _ => $"waiting {self}",
    };

    private static string? Objection(ClusterControllerArguments arguments, string? address)
    {
        if (arguments.Options.Parent is not null)
        {
            return "--leader-elect: only the root has replicas; a cluster below it attaches elsewhere while its parent is away";
        }

        if (arguments.MessageSocket is not null)
        {
            return "--message-socket: replicas of the root lead by turns and have no messages of their own; let applications beside the root use ClusterMessage objects";
        }

        if (arguments.ShowsTree)
        {
            return "--serve: replicas of the root lead by turns, and each would have a mirror of its own; show the fleet with ote controller-manager beside them";
        }

        if (arguments.ControlKubeconfig is null)
        {
            return "--leader-elect: replicas share the API of a real cluster; name it with --kubeconfig";
        }

        if (arguments.Shim is not null || arguments.ManagedKubeconfig is not null)
        {
            return "--leader-elect: replicas of the root manage no cluster, for what one of them ran there another would not know; start a cluster of another --name for it";
        }

        return address is null ? "--advertise: children must be told where this replica is; with --listen on all addresses give host:port" : null;
    }

    /// <summary>Who the root is, once the hosts of this replica are its own. Waits for an API that is away: the machine of a replica may start before the cluster it belongs to.</summary>
    private static async Task<RootIdentity> IdentityAsync(RoleHost host, KubeClient client, ClusterControllerOptions options, ILogger log)
    {
        var backoff = new Backoff(ApiWaits, host.Random);
        while (true)
        {
            try
            {
                var root = await RootSecret.LoadOrCreateAsync(client, Path.Combine(options.DataDirectory, "identity"), host.Time, host.Stop).ConfigureAwait(false);
                foreach (var (taken, holder) in await RootHosts.ClaimAsync(client, options, host.Stop).ConfigureAwait(false))
                {
                    log.HostTaken(taken, holder, options.Name);
                }

                return root;
            }
            catch (Exception away) when (away is HttpRequestException or KubeStatusException { Code: >= 500 or 429 })
            {
                log.ApiAway(away.Message);
                await Task.Delay(backoff.Next(), host.Time, host.Stop).ConfigureAwait(false);
            }
            catch (KubeStatusException refused)
            {
                throw new RoleException($"--leader-elect: the API of --kubeconfig refuses what a replica needs ({refused.Message}); `otectl install` and the rights of docs/operate/root-replicas.md come first");
            }
            catch (Ote.Cluster.Identity.IdentityException useless)
            {
                throw new RoleException($"--leader-elect: {useless.Message}");
            }
        }
    }

    private static string? WhyNotReady(RootReplica? replica) => replica switch
    {
        null => "the replica is starting, or the API of --kubeconfig cannot be reached; its log says which",
        { IsReady: true } => null,
        _ => "no replica leads yet",
    };
}
