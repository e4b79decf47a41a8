using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Controllers.EdgeNodes;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Testing;

namespace Ote.Tests.Controllers.EdgeNodes;

public sealed class EdgeNodeMetricsTests : IDisposable
{
    private readonly EdgeNodeMetrics _metrics;
    private readonly MeterListener _listener = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<string, double> _seen = [];
    private readonly Meters _meters = new();

    public EdgeNodeMetricsTests()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Scope == _meters)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => See(instrument, value, tags, false));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => See(instrument, value, tags, false));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => See(instrument, value, tags, true));
        _listener.Start();
        _metrics = new EdgeNodeMetrics(_meters);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _listener.Dispose();
        _meters.Dispose();
    }

    [Fact]
    public void Controller_that_does_not_lead_tells_only_that()
    {
        Assert.Equal(["ote.edgenodes.leads 0"], Read());
        _metrics.Looked([]);
        Assert.Contains("ote.edgenodes.leads 1", Read());
        _metrics.Left();
        Assert.Equal(["ote.edgenodes.leads 0"], Read());
    }

    [Fact]
    public void One_that_leads_tells_how_its_nodes_stand_and_what_is_said_of_them()
    {
        _metrics.Looked(
        [
            new(EdgeNodePhase.Ready, false, TimeSpan.FromSeconds(3), 0, 0, 1),
            new(EdgeNodePhase.Ready, false, TimeSpan.FromSeconds(4), 2, 0, 0),
            new(EdgeNodePhase.Autonomous, true, TimeSpan.FromSeconds(90), 1, 1, 0),
            new(EdgeNodePhase.Lost, false, TimeSpan.FromSeconds(60), 0, 2, 0),
        ]);
        Assert.Equal(
            [
                "ote.edgenodes.kept 1", "ote.edgenodes.leads 1",
                "ote.edgenodes.nodes Autonomous 1", "ote.edgenodes.nodes Lost 1", "ote.edgenodes.nodes NotReady 0", "ote.edgenodes.nodes Ready 2", "ote.edgenodes.nodes Unknown 0",
                "ote.edgenodes.unheard 90", "ote.edgenodes.words reached 3", "ote.edgenodes.words refused 1", "ote.edgenodes.words unreached 3",
            ],
            Read());
    }

    [Fact]
    public async Task Node_that_is_given_up_is_counted_once_and_not_with_each_look()
    {
        var time = new FakeTimeProvider();
        await using var api = await ApiServer.StartAsync(new ApiServerOptions { Name = "up" }, NullLoggerFactory.Instance, TimeProvider.System, Token);
        using var client = api.CreateClient(UserInfo.Admin);
        foreach (var (name, labels, annotations) in new[]
        {
            ("alone", """{"ote.baidu.com/autonomy":"enabled"}""", """{"ote.baidu.com/autonomy-alone":"evict"}"""),
            ("kept", """{"ote.baidu.com/autonomy":"enabled"}""", "{}"), ("plain", "{}", "{}"),
        })
        {
            await client.CreateAsync(Kinds.Nodes, null, (JsonObject)JsonNode.Parse(
                $$$"""{"apiVersion":"v1","kind":"Node","metadata":{"name":"{{{name}}}","labels":{{{labels}}},"annotations":{{{annotations}}}},"status":{"conditions":[{"type":"Ready","status":"True"}]}}""")!, Token);
            await client.CreateAsync(Kinds.Leases, "kube-node-lease", (JsonObject)JsonNode.Parse(
                $$$"""{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"{{{name}}}"},"spec":{"holderIdentity":"{{{name}}}","leaseDurationSeconds":40,"renewTime":"2026-01-01T00:00:00.000000Z"}}""")!, Token);
        }

        using var ends = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var controller = new EdgeNodeController(client, new EdgeNodeControllerOptions(), time, () => 0.5, _metrics, NullLogger.Instance);
        await controller.InstallAsync(Token);
        var running = Task.WhenAll(controller.WatchAsync(ends.Token), controller.LeadAsync(ends.Token));
        await UntilAsync(() => Read().Contains("ote.edgenodes.nodes Ready 3"));
        time.Advance(TimeSpan.FromSeconds(23));
        await UntilAsync(() => Read().Contains("ote.edgenodes.nodes Lost 1"));
        Assert.Equal(
            [
                "ote.edgenodes.kept 1", "ote.edgenodes.leads 1", "ote.edgenodes.lost Unwitnessed 1", "ote.edgenodes.nodes Autonomous 1", "ote.edgenodes.nodes Lost 1", "ote.edgenodes.nodes NotReady 0",
                "ote.edgenodes.nodes Ready 0", "ote.edgenodes.nodes Unknown 1", "ote.edgenodes.unheard 23", "ote.edgenodes.words reached 0", "ote.edgenodes.words refused 0", "ote.edgenodes.words unreached 0",
            ],
            Read());
        time.Advance(TimeSpan.FromSeconds(5));
        await UntilAsync(() => Read().Contains("ote.edgenodes.unheard 28"));
        Assert.Contains("ote.edgenodes.lost Unwitnessed 1", Read());
        await ends.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Equal(["ote.edgenodes.leads 0", "ote.edgenodes.lost Unwitnessed 1"], Read());
    }

    private static Task UntilAsync(Func<bool> holds, [CallerArgumentExpression(nameof(holds))] string what = "") => Eventually.HoldsAsync(holds, what, TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

    private string[] Read()
    {
        lock (_gate)
        {
            foreach (var gauge in _seen.Keys.Where(key => !key.StartsWith("ote.edgenodes.lost", StringComparison.Ordinal)).ToArray())
            {
                _seen.Remove(gauge);
            }
        }

        _listener.RecordObservableInstruments();
        lock (_gate)
        {
            return [.. _seen.Select(one => $"{one.Key} {one.Value}").Order(StringComparer.Ordinal)];
        }
    }

    private void See(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags, bool adds)
    {
        var key = instrument.Name + (tags.Length > 0 ? $" {tags[0].Value}" : "");
        lock (_gate)
        {
            _seen[key] = adds ? _seen.GetValueOrDefault(key) + value : value;
        }
    }

    private sealed class Meters : IMeterFactory
    {
        private readonly List<Meter> _made = [];

        public Meter Create(MeterOptions options)
        {
            options.Scope = this;
            var meter = new Meter(options);
            _made.Add(meter);
            return meter;
        }

        public void Dispose() => _made.ForEach(meter => meter.Dispose());
    }
}
