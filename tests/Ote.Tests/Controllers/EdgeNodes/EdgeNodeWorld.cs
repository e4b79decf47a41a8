using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Controllers.EdgeNodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Testing;

namespace Ote.Tests.Controllers.EdgeNodes;

/// <summary>A cluster whose nodes are of one site, and replicas of the controller; in virtual time.</summary>
internal sealed class EdgeNodeWorld(ApiServer api) : IAsyncDisposable
{
    private readonly List<Replica> _replicas = [];

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 11, 27, 12, 0, 0, TimeSpan.Zero));

    public KubeClient Client { get; } = api.CreateClient(UserInfo.Admin);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static async Task<EdgeNodeWorld> StartAsync() => new(await ApiServer.StartAsync(new ApiServerOptions { Name = "up" }, NullLoggerFactory.Instance, TimeProvider.System, Token));

    public async ValueTask DisposeAsync()
    {
        foreach (var replica in _replicas)
        {
            await replica.DisposeAsync();
        }

        Client.Dispose();
        await api.DisposeAsync();
    }

    /// <summary>A node that is opted in, ready by its kubelet's word; its lease is renewed so long ago by its own clock.</summary>
    public async Task AddNodeAsync(string name, string witness = "{}", int renewedAgo = 0, string labels = "\"ote.baidu.com/autonomy\":\"enabled\",", string annotations = "")
    {
        await Client.CreateAsync(Kinds.Nodes, null, Parse(
            $$$"""
            {"apiVersion":"v1","kind":"Node","metadata":{"name":"{{{name}}}","labels":{{{{labels}}}"ote.baidu.com/site":"hall"},"annotations":{{{{annotations}}}"ote.baidu.com/witness":{{{JsonValue.Create(witness).ToJsonString()}}}}},
            "status":{"conditions":[{"type":"MemoryPressure","status":"False","reason":"KubeletHasSufficientMemory","message":"enough"},{"type":"Ready","status":"True","reason":"KubeletReady","message":"kubelet is posting ready status"}]}}
            """), Token);
        await Client.CreateAsync(Kinds.Leases, "kube-node-lease", Parse(
            $$$"""{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"{{{name}}}"},"spec":{"holderIdentity":"{{{name}}}","leaseDurationSeconds":40,"renewTime":"{{{At(-renewedAgo)}}}"}}"""), Token);
    }

    /// <summary>The kubelet renews its lease, by a clock that is so many seconds ahead.</summary>
    public Task RenewAsync(string name, int ahead = 0) => Client.PatchAsync(Kinds.Leases, "kube-node-lease", name, PatchKind.Merge, Parse($$$"""{"spec":{"renewTime":"{{{At(ahead)}}}"}}"""), Token);

    /// <summary>Kubernetes gives the node up: as its node controller writes it.</summary>
    public Task GiveUpAsync(string name)
    {
        var now = Time.GetUtcNow().ToKubeTime();
        var conditions = new JsonArray();
        foreach (var type in new[] { "MemoryPressure", "Ready" })
        {
            conditions.Add((JsonNode)new JsonObject { ["type"] = type, ["status"] = "Unknown", ["reason"] = "NodeStatusUnknown", ["message"] = "Kubelet stopped posting node status.", ["lastTransitionTime"] = now });
        }

        return Client.PatchAsync(Kinds.Nodes, null, name, PatchKind.StrategicMerge, new JsonObject { ["status"] = new JsonObject { ["conditions"] = conditions } }, Token, "status");
    }

    /// <summary>A replica that watches; it leads when told.</summary>
    public async Task<Replica> StartReplicaAsync(ILogger? log = null, EdgeNodeControllerOptions? options = null)
    {
        var replica = new Replica(new EdgeNodeController(Client, options ?? new EdgeNodeControllerOptions(), Time, () => 0.5, new EdgeNodeMetrics(null), log ?? NullLogger.Instance));
        _replicas.Add(replica);
        await replica.Controller.InstallAsync(Token);
        await replica.Controller.Sees.Synced.WaitAsync(Token);
        return replica;
    }

    public async Task<JsonObject> StatusAsync(string node) => (await Client.GetAsync(EdgeNodeController.EdgeNodes, null, node, Token))?["status"] as JsonObject ?? [];

    public async Task<JsonObject> LeaseAsync(string node) => (await Client.GetAsync(Kinds.Leases, "kube-node-lease", node, Token))!;

    public async Task<string> ConditionAsync(string node, string type)
    {
        var condition = (await Client.GetAsync(Kinds.Nodes, null, node, Token))!.Condition(type);
        return $"{condition.Text("status")} {condition.Text("reason")}";
    }

    public Task PhaseAsync(string node, string phase) => UntilAsync(async () => (await StatusAsync(node)).Text("phase") == phase);

    public static Task UntilAsync(Func<Task<bool>> holds, [CallerArgumentExpression(nameof(holds))] string what = "") => Eventually.HoldsAsync(holds, what, TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

    public static JsonObject Parse(string json) => (JsonObject)JsonNode.Parse(json)!;

    private string At(int seconds) => Time.GetUtcNow().AddSeconds(seconds).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    internal sealed class Replica : IAsyncDisposable
    {
        private readonly CancellationTokenSource _ends = new();
        private readonly Task _watching;
        private CancellationTokenSource? _led;
        private Task? _leading;

        public Replica(EdgeNodeController controller) => (Controller, _watching) = (controller, controller.WatchAsync(_ends.Token));

        public EdgeNodeController Controller { get; }

        public void Lead() => _leading = Controller.LeadAsync((_led = new CancellationTokenSource()).Token);

        /// <summary>Leads no more, and goes on watching.</summary>
        public async Task LeaveAsync()
        {
            if (_leading is { } leading)
            {
                _leading = null;
                await _led!.CancelAsync();
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leading);
                _led.Dispose();
            }
        }

        public async ValueTask DisposeAsync()
        {
            if (_watching.IsCompleted)
            {
                return;
            }

            await LeaveAsync();
            await _ends.CancelAsync();
            await _watching;
            _ends.Dispose();
        }
    }
}
