using System.Net;
using System.Text.Json.Nodes;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Kube.Server.Aggregation;
using Ote.Kube.Server.Audit;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Split;
using Ote.Kube.Server.Store;
using Ote.Mirror.Applying;
using Ote.Roles.Hosting;

namespace Ote.Roles.ClusterController;

/// <summary>
/// Serves what clusters report to a real Kubernetes, which passes requests on, and says there where it is and by which authority it is known: <c>otectl install --fleet</c> does the rest.
/// </summary>
internal sealed class FleetServing : IAsyncDisposable
{
    private const string Manager = "ote-fleet";
    private static readonly TimeSpan Calm = TimeSpan.FromMinutes(1);
    private readonly AggregatedServer _server;
    private readonly RoleHost _host;
    private readonly KubeClient _root;
    private readonly CancellationTokenSource _stop;
    private Task _telling = Task.CompletedTask;

    private FleetServing(AggregatedServer server, string address, RoleHost host, KubeClient root, CancellationTokenSource stop) => (_server, Address, _host, _root, _stop) = (server, address, host, root, stop);

    /// <summary>Where the API server in front is to reach it, <c>host:port</c>.</summary>
    public string Address { get; }

    /// <summary>The authority of the serving certificate, PEM.</summary>
    public string AuthorityPem => _server.AuthorityPem;

    /// <summary>What keeps requests from being served; null: nothing does.</summary>
    public string? Trouble => _server.Trouble;

    /// <summary>Where the API server in front is to come, as far as it is known before it is listened there.</summary>
    /// <exception cref="RoleException">It has to be told.</exception>
    public static string AddressOf(FleetAt at)
    {
        var address = at.Advertise ?? at.Listen.ToString();
        if (at.Advertise is null && (at.Listen.Address.Equals(IPAddress.Any) || at.Listen.Address.Equals(IPAddress.IPv6Any)))
        {
            throw new RoleException($"--serve-advertise: the API server of --kubeconfig must be told where this is; with --serve on all addresses ({at.Listen}) give host:port");
        }

        return FleetWay.Split(address) is not null ? address : throw new RoleException($"--serve-advertise: '{address}' is not host:port; write for instance 203.0.113.7:8443");
    }

    /// <summary>Begins to serve a mirror, and leads the API server here.</summary>
    /// <param name="host">Clock, logs and meters.</param>
    /// <param name="name">Of whose tree it is.</param>
    /// <param name="at">Where it listens, where others reach it (null: there), where its certificates are, and its audit log.</param>
    /// <param name="mirror">What is shown.</param>
    /// <param name="clusters">The way into clusters' own APIs.</param>
    /// <param name="root">The real Kubernetes.</param>
    /// <param name="until">Fires when it is to serve no more.</param>
    /// <exception cref="RoleException">It cannot, for a reason that is the operator's.</exception>
    public static async Task<FleetServing> StartAsync(RoleHost host, string name, FleetAt at, MirrorStore mirror, IClusterGate clusters, KubeClient root, CancellationToken until)
    {
        var fleet = await StartAsync(host, name, at, mirror.Resources, mirror, null, clusters, root, until).ConfigureAwait(false);
        fleet._telling = fleet.TellAsync(fleet._stop.Token);
        return fleet;
    }

    /// <summary>Begins to serve a mirror, or what several processes have of one; the API server is led here by <see cref="TellAsync"/>.</summary>
    /// <param name="host">Clock, logs and meters.</param>
    /// <param name="name">Of whose tree it is.</param>
    /// <param name="at">Where it listens, where others reach it (null: there), where its certificates are, and its audit log.</param>
    /// <param name="resources">The kinds that are shown.</param>
    /// <param name="source">What is shown; null: <paramref name="shards"/>.</param>
    /// <param name="shards">What is shown; null: <paramref name="source"/>.</param>
    /// <param name="clusters">The way into clusters' own APIs.</param>
    /// <param name="root">The real Kubernetes.</param>
    /// <param name="until">Fires when it is to serve no more.</param>
    /// <exception cref="RoleException">It cannot, for a reason that is the operator's.</exception>
    public static async Task<FleetServing> StartAsync(
        RoleHost host, string name, FleetAt at, IReadOnlyList<string> resources, IObjectSource? source, ShardTable? shards, IClusterGate clusters, KubeClient root, CancellationToken until)
    {
        _ = AddressOf(at);
        AggregatedServer server;
        try
        {
            server = new AggregatedServer(
                new AggregatedServerOptions
                {
                    Name = name,
                    Group = FleetApi.Group,
                    Version = FleetApi.Version,
                    Category = FleetApi.Category,
                    Resources = resources,
                    Source = source,
                    Shards = shards,
                    Clusters = clusters,
                    PkiDirectory = at.PkiDirectory,
                    Hosts = FleetApi.Hosts(Ote.Cluster.Handling.ClusterController.SystemNamespace),
                    Audit = at.Audit,
                },
                root, host.Loggers, host.Time, host.Random, host.Meters);
        }
        catch (Exception unusable) when (unusable is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new RoleException($"--serve: {unusable.Message}");
        }

        try
        {
            var bound = await server.ListenAsync(at.Listen, until).ConfigureAwait(false);
            var address = at.Advertise ?? bound.ToString();
            var stop = CancellationTokenSource.CreateLinkedTokenSource(until);
            return new FleetServing(server, address, host, root, stop);
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _telling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _server.DisposeAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    /// <summary>
    /// Writes the ConfigMap, and where the API server is led somewhere already (otectl install --fleet) leads it here, once; until that is possible it is tried again.
    /// </summary>
    public async Task TellAsync(CancellationToken stop)
    {
        var (root, authority, address, host, log) = (_root, _server.AuthorityPem, Address, _host, _host.Loggers.CreateLogger("Ote.Roles.Fleet"));
        var space = Ote.Cluster.Handling.ClusterController.SystemNamespace;
        var map = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "ConfigMap",
            ["metadata"] = new JsonObject { ["name"] = FleetApi.Name, ["namespace"] = space },
            ["data"] = new JsonObject { [FleetApi.AddressKey] = address, [FleetApi.AuthorityKey] = authority },
        };
        var backoff = new Backoff(new BackoffOptions(TimeSpan.FromSeconds(1), Calm), host.Random);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await root.PatchAsync(Kinds.ConfigMaps, space, FleetApi.Name, PatchKind.Apply, map.Copy(), stop, fieldManager: Manager, force: true).ConfigureAwait(false);
                if (await root.GetAsync(FleetWay.ApiServices, null, FleetApi.ApiService, stop).ConfigureAwait(false) is not null)
                {
                    var (at, port) = FleetWay.Split(address)!.Value;
                    await FleetWay.PutAsync(root, Manager, FleetWay.Objects(space, at, port, authority), stop).ConfigureAwait(false);
                }

                log.FleetTold(address, space, FleetApi.Name);
                return;
            }
            catch (Exception away) when (away is KubeStatusException or HttpRequestException or IOException)
            {
                var wait = backoff.Next();
                log.FleetNotTold(space, FleetApi.Name, wait.TotalSeconds, away.Message);
                await Task.Delay(wait, host.Time, stop).ConfigureAwait(false);
            }
        }
    }
}

/// <summary>Where the fleet is served to a real Kubernetes.</summary>
/// <param name="Listen">Where it listens.</param>
/// <param name="Advertise">Where the API server reaches it, <c>host:port</c>; null: there.</param>
/// <param name="PkiDirectory">Folder of its certificates.</param>
/// <param name="Audit">Where requests are noted; null: nowhere.</param>
internal sealed record FleetAt(IPEndPoint Listen, string? Advertise, string PkiDirectory, AuditOptions? Audit);
