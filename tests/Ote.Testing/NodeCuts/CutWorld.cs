using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Testing.Simulation;

namespace Ote.Testing.NodeCuts;

/// <summary>One node with its hub, its kubelet and its containers, the API server of its cluster, and who uses that. One thread.</summary>
internal sealed class CutWorld : IAsyncDisposable
{
    public const string Node = "n1";
    public const string Kubelet = "system:node:n1";
    public const string Token = "token-of-the-kubelet";

    // As few as make an API server forget what a node missed.
    private const int HistoryKept = 40;
    private readonly Random _random;
    private readonly ApiServer _api;
    private readonly string _folder;

    private CutWorld(CutPlan plan, Timeline timeline, Random random, ApiServer api)
    {
        (Plan, Timeline, _random, _api) = (plan, timeline, random, api);
        Clock = new SimClock(timeline, 1);
        Story = new CutStory(timeline, plan.Log);
        Admin = api.CreateClient(UserInfo.Admin);
        // In memory where there is such a folder: a disk's waits are real time.
        _folder = Directory.CreateDirectory(Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), "ote-node-" + Path.GetRandomFileName())).FullName;
        Sees = new Saboteur(this, api.CreateHandler(new UserInfo(Kubelet, [UserInfo.Masters])));
        Containers = new NodeContainers(Story);
        Acknowledged = new Acknowledged();
        Hub = new HubProcess(this, _folder);
        LocalWire = new Wire(Clock, LocalLatency, () => Hub.Door);
        Script = CreateClient("script");
        Agent = new KubeletProcess(this);
        Centre = new Centre(this);
        Witness = new ApiWitness(this);
    }

    public CutPlan Plan { get; }

    public Timeline Timeline { get; }

    /// <summary>The clock of all that is no process of the node.</summary>
    public SimClock Clock { get; }

    public CutStory Story { get; }

    /// <summary>The administrator, beside the API server.</summary>
    public KubeClient Admin { get; }

    /// <summary>What carries out what the hub asks the API server; see <see cref="IsApiDown"/>.</summary>
    public HttpMessageHandler? ApiDoor => IsApiDown ? null : Sees;

    /// <summary>Whether nobody answers at the API server's address.</summary>
    public bool IsApiDown { get; set; }

    public HubProcess Hub { get; }

    /// <summary>The way of the node's components to the hub.</summary>
    public Wire LocalWire { get; }

    /// <summary>The kubelet's way to the hub, beside the kubelet, for who looks.</summary>
    public KubeClient Script { get; }

    public NodeContainers Containers { get; }

    public KubeletProcess Agent { get; }

    /// <summary>What the kubelet was told that it has been done.</summary>
    public Acknowledged Acknowledged { get; }

    public Centre Centre { get; }

    public ApiWitness Witness { get; }

    private Saboteur Sees { get; }

    /// <summary>Makes a world; nothing of the node runs yet.</summary>
    public static async Task<CutWorld> CreateAsync(CutPlan plan, Timeline timeline)
    {
        var random = new Random(plan.Seed);
        var api = await ApiServer.StartAsync(
            new ApiServerOptions { Name = "up", PodsEndGracefully = true, HistoryKept = HistoryKept, NewUid = () => NewUid(random), Random = random.NextDouble },
            NullLoggerFactory.Instance, new SimClock(timeline, 0), CancellationToken.None).ConfigureAwait(false);
        return new CutWorld(plan, timeline, random, api);
    }

    /// <summary>Uniform in [0, 1).</summary>
    public double Random() => _random.NextDouble();

    /// <summary>One of several.</summary>
    public T One<T>(IReadOnlyList<T> of) => of[_random.Next(of.Count)];

    /// <summary>Whether something of this chance happens.</summary>
    public bool Chance(double probability) => _random.NextDouble() < probability;

    /// <summary>A time between two.</summary>
    public TimeSpan Between(double least, double most) => TimeSpan.FromSeconds(least + (_random.NextDouble() * (most - least)));

    /// <summary>Of a crossing to the API server.</summary>
    public TimeSpan Latency() => Between(0.001, 0.03);

    /// <summary>A uid that is no other's.</summary>
    public Guid NewUid() => NewUid(_random);

    /// <summary>A client of the hub with the kubelet's credentials.</summary>
    public KubeClient CreateClient(string agent)
    {
        var http = new HttpClient(LocalWire.CreateHandler()) { BaseAddress = new Uri("https://hub/"), Timeout = Timeout.InfiniteTimeSpan };
        http.DefaultRequestHeaders.Authorization = new("Bearer", Token);
        return new KubeClient(http, agent);
    }

    /// <summary>Waits.</summary>
    public Task PassAsync(TimeSpan time) => Task.Delay(time, Clock);

    /// <summary>Reads JSON.</summary>
    public static JsonObject Parse(string json) => (JsonObject)JsonNode.Parse(json)!;

    public async ValueTask DisposeAsync()
    {
        Witness.Stop();
        Agent.Kill();
        await Hub.DisposeAsync().ConfigureAwait(false);
        Admin.Dispose();
        await _api.DisposeAsync().ConfigureAwait(false);
        Directory.Delete(_folder, recursive: true);
    }

    private TimeSpan LocalLatency() => Between(0.0002, 0.002);

    private static Guid NewUid(Random random)
    {
        Span<byte> bytes = stackalloc byte[16];
        random.NextBytes(bytes);
        return new Guid(bytes);
    }
}
