using System.Diagnostics.Metrics;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Controllers.EdgeNodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;

namespace Ote.Tests.Controllers.EdgeNodes;

/// <summary>The column HEARD of <c>kubectl get edgenodes</c>.</summary>
public sealed class LastHeardTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 27, 12, 0, 0, TimeSpan.Zero));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_node_that_was_never_heard_shows_no_time_and_one_that_is_heard_shows_it_from_then_on()
    {
        await using var api = await ApiServer.StartAsync(new ApiServerOptions { Name = "up" }, NullLoggerFactory.Instance, TimeProvider.System, Token);
        using var client = api.CreateClient(UserInfo.Admin);
        foreach (var name in (string[])["made-by-hand", "dead", "alive"])
        {
            await client.CreateAsync(Kinds.Nodes, null, new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Node", ["metadata"] = new JsonObject { ["name"] = name } }, Token);
        }

        await CreateLeaseAsync(client, "dead", "2026-11-20T00:00:00.000000Z");
        await CreateLeaseAsync(client, "alive", "2026-11-27T11:59:55.000000Z");
        using var meters = new Meters();
        using var metrics = new EdgeNodeMetrics(meters);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var controller = new EdgeNodeController(client, new EdgeNodeControllerOptions(), _time, () => 0.5, metrics, NullLogger.Instance);
        await controller.InstallAsync(Token);
        var running = Task.WhenAll(controller.WatchAsync(ends.Token), controller.LeadAsync(ends.Token));

        await EdgeNodeWorld.UntilAsync(async () => (await StatusAsync(client, "dead")).Text("reason") == "NothingSaid" && (await StatusAsync(client, "made-by-hand")).Count > 0);
        await client.PatchAsync(Kinds.Leases, "kube-node-lease", "alive", PatchKind.Merge, JsonNode.Parse("""{"spec":{"renewTime":"2026-11-27T12:00:05.000000Z"}}""")!, Token);
        await EdgeNodeWorld.UntilAsync(async () =>
        {
            _time.Advance(TimeSpan.FromSeconds(5));
            return (await StatusAsync(client, "alive")).Text("lastHeard") is not null && (await StatusAsync(client, "dead")).Text("reason") == "NotHeard";
        });
        Assert.Null((await StatusAsync(client, "dead")).Text("lastHeard"));
        Assert.Null((await StatusAsync(client, "made-by-hand")).Text("lastHeard"));
        Assert.Equal(["alive True", "dead False", "made-by-hand False"], await CellsAsync(client));
        await ends.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    /// <summary>Of each node whether kubectl has a time to show: it leaves the place of nothing empty.</summary>
    private static async Task<IEnumerable<string>> CellsAsync(KubeClient client)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "apis/ote.baidu.com/v1/edgenodes");
        request.Headers.TryAddWithoutValidation("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
        using var answer = await client.OpenAsync(request, "edgenodes", Token);
        var table = JsonNode.Parse(await answer.Content.ReadAsStringAsync(Token))!;
        var heard = table["columnDefinitions"]!.AsArray().Select(column => column.Text("name")).ToList().IndexOf("Heard");
        return table["rows"]!.AsArray().Select(row => $"{row!["cells"]![0]} {row["cells"]![heard] is not null}").Order(StringComparer.Ordinal);
    }

    private static async Task<JsonObject> StatusAsync(KubeClient client, string node) => (await client.GetAsync(EdgeNodeController.EdgeNodes, null, node, Token))?["status"] as JsonObject ?? [];

    private static Task<JsonObject> CreateLeaseAsync(KubeClient client, string node, string renewed) => client.CreateAsync(Kinds.Leases, "kube-node-lease", (JsonObject)JsonNode.Parse(
        $$$"""{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"{{{node}}}"},"spec":{"holderIdentity":"{{{node}}}","leaseDurationSeconds":40,"renewTime":"{{{renewed}}}"}}""")!, Token);

    private sealed class Meters : IMeterFactory
    {
        public Meter Create(MeterOptions options) => new(options);

        public void Dispose()
        {
            // What is made here is nobody's to read.
        }
    }
}
