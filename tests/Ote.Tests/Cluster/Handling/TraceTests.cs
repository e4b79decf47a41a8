using System.Collections.Concurrent;
using System.Diagnostics;
using Ote.Cluster.Commands;
using Ote.Cluster.Tunnel;
using Ote.Kube.Objects;
using Ote.Shim;
using Ote.Shim.Contract;

namespace Ote.Tests.Cluster.Handling;

/// <summary>W3C trace context from a control entry over two links to the shim.</summary>
public sealed class TraceTests
{
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Command_is_one_trace_from_its_entry_over_each_hop_to_the_shim()
    {
        var seen = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == TunnelMetrics.MeterName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = seen.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        await using var tree = await SmallTree.StartAsync(Ct);
        await tree.AddAsync("mid", "root", [], Ct, leaf: false);
        var shim = new NotingShim();
        await tree.AddAsync("c1", "mid", [], Ct, shim: shim);
        await tree.ClusterIsAsync("c1", "online", Ct);

        var command = await tree.CommandAsync("traced", "c1", "GET", ConfigMaps, "", Ct);
        await tree.OverAsync("traced", Ct);

        var trace = command.Uid().Replace("-", "", StringComparison.Ordinal);
        var own = seen.Where(a => a.TraceId.ToHexString() == trace).ToList(); // other trees of this process are listened to as well
        var handed = Assert.Single(shim.Traces);
        var executed = Assert.Single(own, a => a.OperationName == "command.execute");
        Assert.Equal(executed.Id, handed);
        var sent = Assert.Single(own, a => a.OperationName == "command.send");
        var first = Assert.Single(own, a => a.OperationName == "tunnel.receive" && a.ParentSpanId == sent.SpanId);
        Assert.Single(own, a => a.OperationName == "tunnel.receive" && a.ParentSpanId == first.SpanId);
    }

    [Fact]
    public async Task Callers_trace_is_continued_at_the_shim_when_nobody_listens_on_the_way()
    {
        const string given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        await using var tree = await SmallTree.StartAsync(Ct);
        await tree.AddAsync("mid", "root", [], Ct, leaf: false);
        var shim = new NotingShim();
        await tree.AddAsync("c1", "mid", [], Ct, shim: shim);
        await tree.ClusterIsAsync("c1", "online", Ct);

        await tree.CommandAsync("traced", "c1", "GET", ConfigMaps, "", Ct, annotations: new() { [CommandTrace.Annotation] = given });
        await tree.OverAsync("traced", Ct);

        Assert.StartsWith("00-0af7651916cd43dd8448eb211c80319c-", Assert.Single(shim.Traces), StringComparison.Ordinal);
    }

    private sealed class NotingShim : IClusterShim
    {
        public ConcurrentQueue<string> Traces { get; } = new();

        public ValueTask<ShimDescription> DescribeAsync(CancellationToken ct) => new(new ShimDescription { Kind = "noting", Destinations = { "api" } });

        public Task<ExecuteResponse> ExecuteAsync(ExecuteRequest request, CancellationToken ct)
        {
            Traces.Enqueue(request.Traceparent);
            return Task.FromResult(new ExecuteResponse { Code = 200 });
        }

        public async IAsyncEnumerable<Readiness> WatchReadinessAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
        {
            yield return new Readiness { Ready = true };
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
        }

        public ValueTask DisposeAsync() => default;
    }
}
