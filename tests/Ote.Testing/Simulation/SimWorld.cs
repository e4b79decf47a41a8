using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Tunnel;
using Ote.Kube.Client;
using Ote.Kube.Resources;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;

namespace Ote.Testing.Simulation;

/// <summary>
/// A tree of whole, shipped controllers in virtual time, over a network and disks in memory. The root's control API outlives the root's
/// processes, as a real one does.
/// </summary>
public sealed class SimWorld : IAsyncDisposable
{
    private readonly string _folder;
    private readonly Random _random;
    private readonly List<SimNode> _nodes = [];
    private readonly Dictionary<string, SimNode> _byName = new(StringComparer.Ordinal);
    private readonly ApiServer _api;
    private readonly ECDsaOpenSsl _key = new(ECCurve.NamedCurves.nistP256); // of all: nothing here proves that it has one; of this type certificates share it
    private SimNode[]? _clusters;
    private SimNode[]? _parents;
    private SimNode[]? _sites;
    private CertificateAuthority? _authority;
    private int _strangers;

    private SimWorld(SimPlan plan, Timeline timeline, Random random, ApiServer api, string folder)
    {
        (Plan, Timeline, _api, _folder) = (plan, timeline, api, folder);
        _random = random;
        Network = new SimNetwork(timeline, Random);
        Clock = new SimClock(timeline, 0);
        Operator = api.CreateClient(new UserInfo("alice", [UserInfo.Masters]));
    }

    /// <summary>What it is like.</summary>
    public SimPlan Plan { get; }

    /// <summary>Its time.</summary>
    public Timeline Timeline { get; }

    /// <summary>A clock that is right.</summary>
    public SimClock Clock { get; }

    /// <summary>Its network.</summary>
    public SimNetwork Network { get; }

    /// <summary>The root's control API, as an operator.</summary>
    public KubeClient Operator { get; }

    /// <summary>All machines; the root's is the first, a parent's before its children's.</summary>
    public IReadOnlyList<SimNode> Nodes => _nodes;

    /// <summary>All machines but the root's.</summary>
    public IReadOnlyList<SimNode> Clusters => _clusters ??= [.. _nodes.Skip(1)];

    /// <summary>Those that may have children.</summary>
    public IReadOnlyList<SimNode> Parents => _parents ??= [.. _nodes.Where(static n => n.Options.Listen is not null)];

    /// <summary>Those with a cluster behind them.</summary>
    public IReadOnlyList<SimNode> Sites => _sites ??= [.. _nodes.Where(static n => n.Site is not null)];

    /// <summary>The meters of all processes.</summary>
    internal SimMeters Meters { get; } = new();

    /// <summary>Clusters whose place in the tree may have changed since somebody looked.</summary>
    public List<SimNode> Moved { get; } = [];

    /// <summary>Names that the root admitted beside those of <see cref="Nodes"/>.</summary>
    internal HashSet<string> Members { get; } = new(StringComparer.Ordinal);

    /// <summary>Each says what must not be of something that goes on for a while; null: it is not. Asked after each thing that happens.</summary>
    internal HashSet<Func<string?>> Watched { get; } = [];

    /// <summary>What clusters report; null: nothing.</summary>
    internal SimReports? Reports { get; private set; }

    /// <summary>The step after which nothing new goes wrong and nothing new is asked for.</summary>
    public long FaultsEnd { get; set; }

    /// <summary>What is going on, for who watches.</summary>
    public string Phase { get; set; } = "grows";

    /// <summary>What must never be and was; null: nothing.</summary>
    public string? Violation { get; private set; }

    /// <summary>Makes the machines and starts the root; the others are not started yet.</summary>
    public static async Task<SimWorld> CreateAsync(SimPlan plan, Timeline timeline)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var random = new Random(plan.Seed);
        var api = await ApiServer.StartAsync(
            new ApiServerOptions { Name = "root", InstallCrds = Crds.Load(), Namespaces = [ClusterController.SystemNamespace], NewUid = () => NewUid(random), Random = random.NextDouble },
            NullLoggerFactory.Instance, new SimClock(timeline, 0), CancellationToken.None).ConfigureAwait(false);
        var world = new SimWorld(plan, timeline, random, api, Directory.CreateTempSubdirectory("ote-sim-").FullName);
        var root = world.Add(null, takesChildren: true, []);
        var identity = Directory.CreateDirectory(Path.Combine(root.Options.DataDirectory, "identity"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await File.WriteAllTextAsync(Path.Combine(identity.FullName, "uid"), "u-root").ConfigureAwait(false);
        world.Reports = plan.ReportEvery is { } every ? new SimReports(world, every) : null;
        await root.StartAsync().ConfigureAwait(false);
        world._authority = CertificateAuthority.LoadOrCreate(Path.Combine(root.Options.DataDirectory, "identity"), world.Clock);
        world.Grow();
        return world;
    }

    /// <summary>Uniform in [0, 1).</summary>
    public double Random() => _random.NextDouble();

    /// <summary>One of several.</summary>
    public T One<T>(IReadOnlyList<T> of) => of[_random.Next(of.Count)];

    /// <summary>A machine by its cluster's name; null when there is none.</summary>
    public SimNode? Find(string? name) => name is not null && _byName.TryGetValue(name, out var node) ? node : null;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
        {
            node.Kill(silently: true);
        }

        if (Reports is not null)
        {
            await Reports.DisposeAsync().ConfigureAwait(false);
        }

        _authority?.Dispose();
        Meters.Dispose();
        _key.Dispose();
        Operator.Dispose();
        await _api.DisposeAsync().ConfigureAwait(false);
        Directory.Delete(_folder, recursive: true);
    }

    internal ApiGate OpenApi() => new(_api.CreateHandler(UserInfo.Component("cluster-controller")));

    internal void Violate(string what) => Violation ??= $"{Timeline.Elapsed}: {what}";

    internal ILoggerFactory Loggers(SimNode node) => Loggers(node.Number > _nodes.Count ? node.Name + "'" : node.Name, node.Hears);

    internal ILoggerFactory Loggers(string who, Action<string>? hears = null) =>
        new SimLog(Plan.Log, Timeline, who, hears, Violate);

    /// <summary>The number of a further machine, which has none of the tree's clusters.</summary>
    internal int NextStranger() => _nodes.Count + ++_strangers;

    /// <summary>A certificate of the tree's CA, with the proof of membership.</summary>
    internal ClusterIdentity Identify(PeerIdentity who) => _authority!.CreateIdentity(who, []);

    /// <summary>The options of a machine that takes no children.</summary>
    internal ClusterControllerOptions LeafOptions(string name, Uri parent) => new()
    {
        Name = name,
        DataDirectory = Path.Combine(_folder, "others"),
        Parent = parent,
        Tunnel = Uncompressed,
    };

    // How small a message becomes depends on the keys in it, which are new in each run: the same seed would not show the same run.
    internal static TunnelOptions Uncompressed { get; } = new() { Compress = false };

    private static Guid NewUid(Random random)
    {
        Span<byte> bytes = stackalloc byte[16];
        random.NextBytes(bytes);
        return new Guid(bytes);
    }

    // Level by level, as many children each as the plan says, until there are enough. Those without children have a cluster behind them.
    private void Grow()
    {
        var next = new Queue<SimNode>([_nodes[0]]);
        while (_nodes.Count <= Plan.Clusters)
        {
            var parent = next.Dequeue();
            for (var i = 0; i < Plan.Fan && _nodes.Count <= Plan.Clusters; i++)
            {
                var hasChildren = _nodes.Count * Plan.Fan < Plan.Clusters;
                var node = Add(parent, hasChildren, hasChildren ? ["tier=region"] : ["tier=edge", $"shard={_nodes.Count % 7}"]);
                if (hasChildren)
                {
                    next.Enqueue(node);
                }
            }
        }
    }

    private SimNode Add(SimNode? parent, bool takesChildren, string[] tags)
    {
        var number = _nodes.Count + 1;
        var name = parent is null ? "root" : string.Create(CultureInfo.InvariantCulture, $"{(takesChildren ? 'm' : 'c')}{number}");
        var address = new IPEndPoint(new IPAddress([127, (byte)(number >> 16), (byte)(number >> 8), (byte)number]), 8287);
        var self = new PeerIdentity(name, "u-" + name);
        var node = new SimNode(
            this,
            number,
            parent?.Name,
            new ClusterControllerOptions
            {
                Name = name,
                // All that a controller would keep there is given to it, but for the root's authority.
                DataDirectory = Path.Combine(_folder, parent is null ? "root" : "others"),
                Parent = parent is null ? null : new Uri($"https://{parent.Options.Listen}"),
                Tags = tags,
                Listen = takesChildren ? address : null,
                Tunnel = Uncompressed,
            },
            parent is null ? null : _authority!.CreateIdentity(self, takesChildren ? [address.Address.ToString(), "localhost", "127.0.0.1", "::1"] : [], _key),
            takesChildren ? null : new SimSite(Timeline, number, name, Random, Violate) { Reports = Reports });
        _nodes.Add(node);
        _byName.Add(name, node);
        return node;
    }
}
