using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Handling;
using Ote.Cluster.Routing;
using Ote.Kube.Objects;
using Ote.Shim.Contract;
using Ote.Tests.Shim;
using Wire = Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Handling;

public sealed class LocalWatchTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 5, 12, 0, 0, TimeSpan.Zero));
    private readonly ScriptedShim _shim = new();
    private readonly System.Threading.Channels.Channel<LocalReport> _told = System.Threading.Channels.Channel.CreateUnbounded<LocalReport>();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_change_is_told_at_once_and_what_comes_and_goes_within_seconds_as_its_last_word_only()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var watch = new LocalWatch(_shim, r => _told.Writer.TryWrite(r), _time, NullLogger.Instance);
        var running = watch.RunAsync(stop.Token);
        Say(ready: true);
        Assert.Equal(new LocalReport(true, "", Now, Reports: false), await NextAsync());

        for (var i = 0; i < 5; i++)
        {
            Say(ready: false, "shim at x cannot be reached");
            Say(ready: true);
        }

        Say(ready: false, "shim at x cannot be reached");
        await UntilAsync(() => _shim.Readiness.Reader.Count == 0 && watch.Now is { IsReachable: false });
        var since = Now;
        Assert.False(_told.Reader.TryRead(out _)); // not yet
        var next = NextAsync();
        while (!next.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        Assert.Equal(new LocalReport(false, "shim at x cannot be reached", since, Reports: false), await next);
        Assert.False(_told.Reader.TryRead(out _));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task Figures_that_change_while_all_nodes_stay_are_told_once_a_minute_the_newest_alone()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var watch = new LocalWatch(_shim, r => _told.Writer.TryWrite(r), _time, NullLogger.Instance);
        var running = watch.RunAsync(stop.Token);
        var began = _time.GetUtcNow();
        Count(nodes: 2, pods: 1);
        Assert.Equal(1u, (await NextAsync()).Figures!.Pods);
        Count(nodes: 2, pods: 2);
        Count(nodes: 2, pods: 3);
        Assert.Equal(3u, (await ByTimeAsync()).Figures!.Pods);
        Assert.True(_time.GetUtcNow() - began >= LocalWatch.FiguresPause, $"told after {_time.GetUtcNow() - began}");
        Assert.False(_told.Reader.TryRead(out _));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);

        void Count(uint nodes, uint pods) => _shim.Readiness.Writer.TryWrite(
            new Readiness { Ready = true, Summary = new Ote.Protocol.Reports.ClusterSummary { Nodes = 2, NodesReady = nodes, Pods = pods } });

        async Task<LocalReport> ByTimeAsync()
        {
            var next = NextAsync();
            while (!next.IsCompleted)
            {
                _time.Advance(TimeSpan.FromSeconds(1));
                await Task.Yield();
            }

            return await next;
        }
    }

    [Fact]
    public async Task What_is_to_be_reported_and_is_not_there_is_told_and_kept_while_the_cluster_does_not_answer()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var running = new LocalWatch(_shim, r => _told.Writer.TryWrite(r), _time, NullLogger.Instance).RunAsync(stop.Token);
        _shim.Readiness.Writer.TryWrite(new Readiness { Ready = true, ReportsLack = "po (write --report pods)" });
        Assert.Equal("po (write --report pods)", (await NextAsync()).ReportsLack);
        _shim.Readiness.Writer.TryWrite(new Readiness { Text = "it does not answer" });
        var next = NextAsync();
        while (!next.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        Assert.Equal((false, "po (write --report pods)"), ((await next).IsReachable, (await next).ReportsLack));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public void A_node_that_is_lost_or_gained_and_a_cluster_that_does_not_answer_are_more_than_figures()
    {
        var told = new LocalReport(true, "", 0, "v1", new Ote.Protocol.Reports.ClusterSummary { Nodes = 2, NodesReady = 2, Pods = 3 });
        Assert.True(LocalWatch.IsOfFiguresAlone(told, told with { Figures = new Ote.Protocol.Reports.ClusterSummary { Nodes = 2, NodesReady = 2, Pods = 4 } }));
        Assert.False(LocalWatch.IsOfFiguresAlone(told, told with { Figures = new Ote.Protocol.Reports.ClusterSummary { Nodes = 2, NodesReady = 1, Pods = 3 } }));
        Assert.False(LocalWatch.IsOfFiguresAlone(told, told with { Figures = new Ote.Protocol.Reports.ClusterSummary { Nodes = 3, NodesReady = 2, Pods = 3 } }));
        Assert.False(LocalWatch.IsOfFiguresAlone(told, told with { IsReachable = false }));
        Assert.False(LocalWatch.IsOfFiguresAlone(told with { Figures = null }, told));
    }

    [Fact]
    public void Figures_of_no_possible_cluster_are_not_taken()
    {
        Assert.True(LocalReport.IsSound(new Ote.Protocol.Reports.ClusterSummary { Nodes = 1, NodesReady = 1 }));
        Assert.False(LocalReport.IsSound(new Ote.Protocol.Reports.ClusterSummary { Nodes = 1, NodesReady = 2 }));
        Assert.False(LocalReport.IsSound(new Ote.Protocol.Reports.ClusterSummary { Resources = { new Ote.Protocol.Reports.ResourceFigures { Name = "cpu", Capacity = -1 } } }));
        Assert.False(LocalReport.IsSound(new Ote.Protocol.Reports.ClusterSummary { Resources = { new Ote.Protocol.Reports.ResourceFigures { Name = "cpu" }, new Ote.Protocol.Reports.ResourceFigures { Name = "cpu" } } }));
        Assert.Null(LocalReport.From(new Wire.LocalReport { Reachable = true, Summary = new Ote.Protocol.Reports.ClusterSummary { Pods = uint.MaxValue } })!.Figures);
    }

    [Fact]
    public async Task A_shim_that_stops_is_not_reachable_any_more()
    {
        var watch = new LocalWatch(_shim, r => _told.Writer.TryWrite(r), _time, NullLogger.Instance);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var running = watch.RunAsync(stop.Token);
        _shim.Readiness.Writer.Complete();
        Assert.Equal(new LocalReport(false, "the shim has stopped", Now), await NextAsync());
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public void The_condition_says_since_when_by_the_sites_clock_and_is_unknown_while_its_controller_is_away()
    {
        var cluster = new JsonObject { ["status"] = new JsonObject() };
        var entry = new RouteEntry { Name = "c1", Uid = "u", Managed = true, Online = true, Local = new LocalReport(true, "", Now - 600) };
        Assert.Equal(("True", "Answering", "2026-03-05T11:50:00Z"), Written(entry));
        Assert.Equal(("False", "NotAnswering", "2026-03-05T11:59:00Z"), Written(entry with { Local = new LocalReport(false, "shim at x cannot be reached", Now - 60) }));
        Assert.Equal("shim at x cannot be reached", cluster.Condition("LocalClusterReachable").Text("message"));
        Assert.Equal("Unknown", Written(entry with { Online = false }).Item1);
        Assert.Equal(("True", "Answering", "2026-03-05T12:00:00Z"), Written(entry with { Local = new LocalReport(true, "", Now + 3600) })); // a clock that is ahead
        ClusterStatus.WriteLocal((JsonObject)cluster["status"]!, entry with { Local = null }, _time.GetUtcNow());
        Assert.Null(cluster.Condition("LocalClusterReachable")); // an older build

        (string?, string?, string?) Written(RouteEntry what)
        {
            ClusterStatus.WriteLocal((JsonObject)cluster["status"]!, what, _time.GetUtcNow());
            var condition = cluster.Condition("LocalClusterReachable");
            return (condition.Text("status"), condition.Text("reason"), condition.Text("lastTransitionTime"));
        }
    }

    [Fact]
    public void It_travels_with_the_route_and_an_endless_text_is_cut()
    {
        var entry = new RouteEntry { Name = "c1", Uid = "u", Parent = "root", Managed = true, Online = true, Local = new LocalReport(false, "t", 5) };
        Assert.True(RouteWire.TryRead(RouteWire.ToWire(entry), out var read, out _));
        Assert.Equal(entry.Local, read.Local);
        var hostile = RouteWire.ToWire(entry);
        hostile.Local = new Wire.LocalReport { Text = new string('x', 10_000), SinceUnixSeconds = ulong.MaxValue };
        Assert.True(RouteWire.TryRead(hostile, out read, out _));
        Assert.Equal(LocalReport.MaxText, read.Local!.Text.Length);
        Assert.Equal(_time.GetUtcNow(), read.Local.SinceBy(_time.GetUtcNow()));
    }

    private long Now => _time.GetUtcNow().ToUnixTimeSeconds();

    private void Say(bool ready, string text = "") => _shim.Readiness.Writer.TryWrite(new Readiness { Ready = ready, Text = text });

    private Task<LocalReport> NextAsync() => _told.Reader.ReadAsync(Ct).AsTask();

    private static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
        {
            Ct.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
