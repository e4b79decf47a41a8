using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Journal;
using Ote.Cluster.Tunnel;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Testing.Links;

namespace Ote.SystemTests.Scale;

/// <summary>
/// A tree of whole controllers, root, regions and leaves, in this process: links and journals in memory, and nothing of what the
/// controllers decide and keep left out.
/// </summary>
internal sealed class MemoryWorld : IAsyncDisposable
{
    private static readonly IPEndPoint Root = new(IPAddress.Parse("192.0.2.1"), 8287);
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-many-").FullName;
    private readonly Random _random = new(5);
    private readonly MemoryNetwork _network;
    private readonly UnsharedMeters _meters = new();
    private readonly List<ClusterController> _controllers = [];
    private readonly ApiServer _api;
    private readonly KubeClient _client;
    private CertificateAuthority? _authority;
    private int _executions;

    private MemoryWorld(ApiServer api)
    {
        (_api, _client) = (api, api.CreateClient(new UserInfo("alice", [UserInfo.Masters])));
        _network = new MemoryNetwork(TimeProvider.System, Next);
    }

    /// <summary>How many controllers run.</summary>
    public int Count => _controllers.Count;

    /// <summary>Requests that the clusters of all leaves have taken.</summary>
    public int Executions => Volatile.Read(ref _executions);

    /// <summary>Starts the root.</summary>
    public static async Task<MemoryWorld> StartAsync(CancellationToken ct)
    {
        var world = new MemoryWorld(await ApiServer.StartAsync(
            new ApiServerOptions { Name = "root", InstallCrds = Crds.Load(), Namespaces = [ClusterController.SystemNamespace] },
            NullLoggerFactory.Instance, TimeProvider.System, ct));
        await world.AddAsync("root", null, Root, [], ct);
        world._authority = CertificateAuthority.LoadOrCreate(Path.Combine(world._folder, "root", "identity"), TimeProvider.System);
        return world;
    }

    /// <summary>Starts a region, <c>r7</c>, and the leaves below it, <c>r7-c0</c> and so on.</summary>
    public async Task AddRegionAsync(int number, int leaves, CancellationToken ct)
    {
        var name = "r" + number.ToString(CultureInfo.InvariantCulture);
        var address = new IPEndPoint(new IPAddress([198, 51, 100, (byte)number]), 8287);
        await AddAsync(name, Root, address, ["tier=region"], ct);
        await Parallel.ForAsync(0, leaves, ct, async (leaf, stop) => await AddAsync($"{name}-c{leaf.ToString(CultureInfo.InvariantCulture)}", address, null, ["tier=edge"], stop));
    }

    /// <summary>Waits until the root has routes to so many clusters, itself counted.</summary>
    public static async Task KnowsAsync(int clusters, CancellationToken ct)
    {
        var known = 0;
        using var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Name == "ote.clusters" && instrument.Meter.Tags!.Any(t => t is { Key: "cluster", Value: "root" }))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<int>((_, count, _, _) => known = Math.Max(known, count));
        listener.Start();
        while (known < clusters)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, ct);
            listener.RecordObservableInstruments();
        }
    }

    /// <summary>Sends a command from the root and waits for its end; its status.</summary>
    public async Task<JsonObject> CommandAsync(string selector, CancellationToken ct)
    {
        var query = new ListQuery(FieldSelector: "metadata.name=all");
        var seen = await _client.ListAsync(Kinds.ClusterControllers, "default", query, ct);
        await _client.CreateAsync(Kinds.ClusterControllers, "default", new JsonObject
        {
            ["apiVersion"] = Kinds.ClusterControllers.ApiVersion,
            ["kind"] = Kinds.ClusterControllers.Kind,
            ["metadata"] = new JsonObject { ["name"] = "all", ["namespace"] = "default" },
            ["spec"] = new JsonObject { ["clusterSelector"] = selector, ["destination"] = "api", ["method"] = "GET", ["url"] = "/version" },
        }, ct);
        await foreach (var change in _client.WatchAsync(Kinds.ClusterControllers, "default", query, seen.ResourceVersion, ct))
        {
            if (change.Object.Text("status", "completionTime") is not null)
            {
                return change.Object.Child("status");
            }
        }

        throw new InvalidOperationException("the watch ended before the command did");
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_controllers.Select(c => c.DisposeAsync().AsTask()));
        _authority?.Dispose();
        _client.Dispose();
        await _api.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task AddAsync(string name, IPEndPoint? parent, IPEndPoint? listen, string[] tags, CancellationToken ct)
    {
        var self = new PeerIdentity(name, "u-" + name);
        string[] hosts = listen is null ? [] : [listen.Address.ToString(), "localhost", "127.0.0.1", "::1"];
        var controller = await ClusterController.StartAsync(
            new ClusterControllerOptions
            {
                Name = name,
                DataDirectory = Path.Combine(_folder, name),
                Parent = parent is null ? null : new Uri($"https://{parent}"),
                Tags = tags,
                Listen = listen,
            },
            new ClusterControllerParts(NullLoggerFactory.Instance, _meters, TimeProvider.System, Next)
            {
                ControlApi = parent is null ? _api.CreateClient(UserInfo.Component("cluster-controller")) : null,
                ControlApiNamesRequester = true,
                Dialer = _network.DialerOf(self),
                Listener = _network,
                Identity = _authority?.CreateIdentity(self, hosts),
                Journal = new MemoryJournal(),
                Epochs = EpochCounter.InMemory(),
                Shim = listen is null ? new AnsweringShim(() => Interlocked.Increment(ref _executions)) : null,
            },
            ct);
        lock (_controllers)
        {
            _controllers.Add(controller);
        }
    }

    private double Next()
    {
        lock (_random)
        {
            return _random.NextDouble();
        }
    }
}
