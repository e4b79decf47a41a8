using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Http;
using Ote.Cluster.Reports;
using Ote.Kube.Client;
using Ote.Kube.Leases;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;
using Ote.Mirror.Applying;
using Ote.Roles.ClusterController;
using Ote.Roles.Following;
using Ote.Roles.Hosting;

namespace Ote.Roles.ControllerManager;

/// <summary>Runs one controller manager until stopped: it mirrors and serves while it holds their lease, and waits otherwise.</summary>
internal static class ControllerManagerRole
{
    /// <summary>The lease by which one of several is the one that mirrors.</summary>
    internal const string LeaseName = "ote-controller-manager";

    // So many revisions a second that no mirror counts, and so few that terms, which are of the time, keep below 2^53.
    private const int RevisionBits = 22;

    public static async Task RunAsync(RoleHost host, ControllerManagerArguments arguments)
    {
        var address = FleetServing.AddressOf(arguments.Fleet);
        using var held = DataLock.Take(arguments.DataDirectory);
        var control = Kubeconfig.Load(arguments.Kubeconfig);
        if (!control.NeedsMachineTrust)
        {
            MachineTrust.LeaveOut();
        }

        var self = new State(address);
        await using var observed = await Observation.StartAsync(arguments.Observe, host, LeaseName, self.WhyNotReady).ConfigureAwait(false);
        using var client = new KubeClient(control.CreateHttpClient(host.Time));
        var log = host.Loggers.CreateLogger("Ote.Roles.ControllerManager");
        var identity = $"{Dns.GetHostName().ToLowerInvariant()}_{Guid.NewGuid():N}";
        var elector = new LeaderElector(
            client, Ote.Cluster.Handling.ClusterController.SystemNamespace, LeaseName, identity, address, new ElectionOptions(), host.Time, host.Random, log);
        self.Elector = elector;
        elector.LeaderChanged += leader =>
        {
            if (leader.Holder != identity)
            {
                Console.Out.WriteLine($"waiting controller-manager {address} while {leader.Address} mirrors");
                Ready(host, self);
            }
        };
        await elector.RunAsync((term, led) => LeadAsync(host, arguments, client, self, term, led), host.Stop).ConfigureAwait(false);
    }

    /// <summary>What the other has counted is not this one's: who watched there lists anew here.</summary>
    private static async Task LeadAsync(RoleHost host, ControllerManagerArguments arguments, KubeClient client, State self, long term, CancellationToken led)
    {
        var mirror = OpenMirror(host, arguments, term << RevisionBits);
        await using (mirror.ConfigureAwait(false))
        {
            using var tree = new RemoteTree(ct => FollowWhere.ReadAsync(client, ct));
            var fleet = await FleetServing.StartAsync(host, LeaseName, arguments.Fleet, mirror, new Gate(tree), client, led).ConfigureAwait(false);
            await using (fleet.ConfigureAwait(false))
            {
                self.Fleet = fleet;
                try
                {
                    await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"leading controller-manager {fleet.Address} term {term}")).ConfigureAwait(false);
                    Ready(host, self);
                    await new TreeFollower(mirror, tree.FollowAsync, host.Time, host.Random, host.Loggers.CreateLogger("Ote.Mirror")).RunAsync(led).ConfigureAwait(false);
                }
                finally
                {
                    self.Fleet = null;
                }
            }
        }
    }

    private static MirrorStore OpenMirror(RoleHost host, ControllerManagerArguments arguments, long firstRevision)
    {
        var folder = Path.Combine(arguments.DataDirectory, "mirror");
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return MirrorStore.Open(arguments.Mirror with { Directory = folder, FirstRevision = firstRevision }, host.Time, host.Loggers.CreateLogger("Ote.Mirror"));
    }

    private static void Ready(RoleHost host, State self)
    {
        if (self.SayReady())
        {
            Console.Out.WriteLine($"ready controller-manager {self.Address}");
            host.Settle();
        }
    }

    /// <summary>How this process stands. Thread-safe.</summary>
    private sealed class State(string address)
    {
        private FleetServing? _fleet;
        private LeaderElector? _elector;
        private int _said;

        public string Address => address;

        public FleetServing? Fleet
        {
            set => Volatile.Write(ref _fleet, value);
        }

        public LeaderElector Elector
        {
            set => Volatile.Write(ref _elector, value);
        }

        /// <summary>True the first time.</summary>
        public bool SayReady() => Interlocked.Exchange(ref _said, 1) == 0;

        /// <summary>One that mirrors serves; one that waits is ready when another mirrors.</summary>
        public string? WhyNotReady() => Volatile.Read(ref _fleet) is { } fleet ? fleet.Trouble
            : Volatile.Read(ref _elector)?.Leader is { } other && other.Address != address ? null
            : "no controller manager mirrors yet, or the API of --kubeconfig cannot be reached; the log says which";
    }

    private sealed class Gate(RemoteTree tree) : IClusterGate
    {
        public Task ForwardAsync(HttpContext context, string cluster, UserInfo user, string target) => tree.ForwardAsync(context, cluster, user.Name, user.Groups, target);
    }
}
