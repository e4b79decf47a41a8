using System.Diagnostics.Metrics;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.EdgeCluster;
using Ote.EdgeCluster.Runtimes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;
using Edge = Ote.EdgeCluster.EdgeCluster;

namespace Ote.Tests.EdgeCluster;

/// <summary>A cluster in the process and in virtual time, and what a test asks of it.</summary>
internal sealed class EdgeWorld : IAsyncDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly List<IAsyncDisposable> _ends = [];

    public FakeTimeProvider Time { get; } = new(Sample.Now);

    public IMeterFactory Meters => _services.GetRequiredService<IMeterFactory>();

    public Edge Cluster { get; private set; } = null!;

    public KubeClient Client { get; private set; } = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<EdgeWorld> StartAsync(int nodes = 1, SimulatedRuntimeOptions? simulated = null, string? folder = null, Func<EdgeClusterOptions, EdgeClusterOptions>? options = null)
    {
        var world = new EdgeWorld();
        await world.BeginAsync(nodes, simulated, folder, options);
        return world;
    }

    /// <summary>Ends the cluster without a word and starts it again from its folder.</summary>
    public async Task RestartAsync(string folder, int nodes = 1, SimulatedRuntimeOptions? simulated = null)
    {
        await EndAsync();
        await BeginAsync(nodes, simulated, folder, null);
    }

    public Task<JsonObject> CreateAsync(ResourceRef kind, string json)
    {
        var obj = Sample.Parse(json);
        obj["apiVersion"] = kind.ApiVersion;
        obj["kind"] = kind.Kind;
        return Client.CreateAsync(kind, kind.Namespaced ? obj.Text("metadata", "namespace") ?? "default" : null, obj, Token);
    }

    public Task<JsonObject> PatchAsync(ResourceRef kind, string name, string patch, PatchKind how = PatchKind.StrategicMerge) =>
        Client.PatchAsync(kind, kind.Namespaced ? "default" : null, name, how, JsonNode.Parse(patch)!, Token);

    public Task<JsonObject?> GetAsync(ResourceRef kind, string name) => Client.GetAsync(kind, kind.Namespaced ? "default" : null, name, Token);

    public Task<bool> DeleteAsync(ResourceRef kind, string name) => Client.DeleteAsync(kind, kind.Namespaced ? "default" : null, name, Token);

    public Task<JsonObject> EvictAsync(string pod) => Client.SendAsync(
        HttpMethod.Post, Kinds.Pods.Path("default", pod, "eviction"),
        new JsonObject { ["apiVersion"] = "policy/v1", ["kind"] = "Eviction", ["metadata"] = new JsonObject { ["name"] = pod, ["namespace"] = "default" } }, null, Token);

    public Watcher Watch(ResourceRef kind)
    {
        var watcher = new Watcher(Client, kind) { Pass = () => StepAsync(TimeSpan.FromMilliseconds(100)) };
        _ends.Add(watcher);
        return watcher;
    }

    /// <summary>As the watcher's own, in longer steps of virtual time; fails after an hour of it.</summary>
    public async Task<IReadOnlyList<JsonObject>> PassUntilAsync(Watcher watcher, Func<IReadOnlyList<JsonObject>, bool> condition, TimeSpan? step = null)
    {
        await watcher.Synced.WaitAsync(Token);
        var end = Time.GetUtcNow().AddHours(1);
        while (!condition(watcher.Items))
        {
            Assert.True(Time.GetUtcNow() < end, $"after an hour they are {string.Join("\n", watcher.Items.Select(i => i.ToJsonString()))}");
            await StepAsync(step ?? TimeSpan.FromSeconds(1));
        }

        return watcher.Items;
    }

    /// <summary>Lets a while pass, and the controllers do what is due then.</summary>
    public async Task StepAsync(TimeSpan step)
    {
        Time.Advance(step);
        await QuietAsync();
    }

    /// <summary>Lets the controllers finish what can be done without time passing; what the watches still carry comes with the next step.</summary>
    public async Task QuietAsync()
    {
        for (var calm = 0; calm < 50; calm = Cluster.IsBusy ? 0 : calm + 1)
        {
            await Task.Yield();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        await _services.DisposeAsync();
    }

    private async Task BeginAsync(int nodes, SimulatedRuntimeOptions? simulated, string? folder, Func<EdgeClusterOptions, EdgeClusterOptions>? change)
    {
        var options = new EdgeClusterOptions
        {
            Name = "c1", Nodes = nodes, DataDirectory = folder, LeaseInterval = TimeSpan.FromSeconds(10), Simulated = simulated ?? new SimulatedRuntimeOptions { StartDelay = TimeSpan.Zero },
        };
        Cluster = await Edge.StartAsync(change?.Invoke(options) ?? options, NullLoggerFactory.Instance, Time, () => 0.5, Token, Meters);
        _ends.Add(Cluster);
        Client = new KubeClient(new HttpClient(Cluster.CreateHandler(UserInfo.Admin)) { BaseAddress = new Uri("https://embedded/"), Timeout = Timeout.InfiniteTimeSpan });
    }

    private async Task EndAsync()
    {
        foreach (var end in Enumerable.Reverse(_ends).ToList())
        {
            await end.DisposeAsync();
        }

        _ends.Clear();
    }
}
