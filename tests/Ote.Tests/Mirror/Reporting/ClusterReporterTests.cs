using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Mirror.Applying;
using Ote.Mirror.Reporting;
using Ote.Protocol.Reports;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Mirror.Reporting;

/// <summary>A cluster, which is played by an embedded API server, its reporter, and a mirror that follows it.</summary>
public sealed class ClusterReporterTests : IAsyncLifetime
{
    private static readonly ResourceRef Widgets = new("example.com", "v1", "widgets", "Widget", true);
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch.AddYears(56));
    private readonly CancellationTokenSource _stop = new();
    private readonly ReportJournal _journal = ReportJournal.Open(null, () => 5);
    private ApiServer _cluster = null!;
    private KubeClient _admin = null!;
    private MirrorStore _mirror = null!;
    private Task _running = Task.CompletedTask;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _cluster = await ApiServer.StartAsync(new ApiServerOptions { Name = "site" }, NullLoggerFactory.Instance, TimeProvider.System, Ct);
        _admin = _cluster.CreateClient(UserInfo.Admin);
        _mirror = MirrorStore.Open(new MirrorOptions(), TimeProvider.System, NullLogger.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _journal.Dispose();
        _stop.Dispose();
        _admin.Dispose();
        await _cluster.DisposeAsync();
        await _mirror.DisposeAsync();
    }

    [Fact]
    public async Task A_kind_that_a_cluster_learns_changes_and_forgets_is_reported_as_it_is()
    {
        Assert.True(ReportedKind.TryParse("widgets.example.com", out var kind, out _));
        _running = FollowAsync(new ClusterReporter(_admin, _journal, [kind], _time, () => 0.5, NullLogger.Instance));
        await _admin.CreateAsync(Kinds.CustomResourceDefinitions, null, Definition("v1", "Color"), Ct);
        await _admin.CreateAsync(Widgets, "default", Widget("a"), Ct);
        await PassUntilAsync(() => _mirror.Kinds.Any(k => k.Version == "v1" && k.Definition.Contains("\"Color\"", StringComparison.Ordinal)));
        var told = JsonNode.Parse(Assert.Single(_mirror.Kinds).Definition)!;
        Assert.Equal("""{"singular":"widget","shortNames":["wd"]}""", told["names"]!.ToJsonString());
        Assert.Equal(["status"], told["version"]!["subresources"]!.AsObject().Select(s => s.Key));
        await PassUntilAsync(async () => (await NamesAsync()).SequenceEqual(["a-c1"]));

        var stored = await _admin.GetAsync(Kinds.CustomResourceDefinitions, null, "widgets.example.com", Ct);
        stored!["spec"] = Definition("v1", "Shade")["spec"]!.DeepClone();
        await _admin.ReplaceAsync(Kinds.CustomResourceDefinitions, stored, Ct);
        await PassUntilAsync(() => _mirror.Kinds.Any(k => k.Definition.Contains("\"Shade\"", StringComparison.Ordinal)));

        await _admin.DeleteAsync(Kinds.CustomResourceDefinitions, null, "widgets.example.com", Ct);
        await PassUntilAsync(() => _mirror.Kinds.Count == 0);
        Assert.Empty(await NamesAsync());
    }

    [Fact]
    public async Task A_kind_that_is_not_there_is_told_once_with_what_to_write_and_told_again_when_it_comes()
    {
        await _admin.CreateAsync(Kinds.CustomResourceDefinitions, null, Definition("v1", "Color"), Ct);
        var log = new Heard();
        ReportedKind[] kinds = [.. new[] { "nosuch.example.com", "widgets", "po", "tokenreviews.authentication.k8s.io", "secret", "gadgets.example.com" }.Select(text => ReportedKind.TryParse(text, out var kind, out _) ? kind : throw new InvalidOperationException(text))];
        var reporter = new ClusterReporter(_admin, _journal, [.. kinds, .. ReportedKinds.Default.Where(k => k.Plural == "cronjobs")], _time, () => 0.5, log);
        _running = FollowAsync(reporter);
        await PassUntilAsync(() => kinds.All(k => reporter.Awaited.Has(k.Stream)));
        Assert.Equal(
            "gadgets.example.com (give its plural and, behind a dot, its group, as in widgets.example.com; kubectl api-resources tells what the cluster has); "
            + "nosuch.example.com (give its plural and, behind a dot, its group, as in widgets.example.com; kubectl api-resources tells what the cluster has); "
            + "po (write --report pods, as the cluster calls it in full); secret (secrets are never reported); "
            + "tokenreviews.authentication.k8s.io (what the cluster has of that name cannot be listed and watched, and so not be reported); "
            + "widgets (write --report widgets.example.com, as the cluster calls it in full)",
            reporter.Awaited.Text);

        var words = System.Threading.Channels.Channel.CreateUnbounded<Ote.Shim.Contract.Readiness>();
        await words.Writer.WriteAsync(new Ote.Shim.Contract.Readiness { Ready = true }, Ct);
        await using var told = new ReadinessWithFigures(reporter.Tally, reporter.Lag, reporter.Awaited, _time).WatchAsync(words.Reader.ReadAllAsync(Ct), Ct).GetAsyncEnumerator(Ct);
        Assert.True(await told.MoveNextAsync());
        Assert.Equal(reporter.Awaited.Text, told.Current.ReportsLack);

        var gadgets = JsonNode.Parse(Definition("v1", "Color").ToJsonString().Replace("widget", "gadget", StringComparison.Ordinal).Replace("Widget", "Gadget", StringComparison.Ordinal).Replace("\"wd\"", "\"gd\"", StringComparison.Ordinal))!;
        await _admin.CreateAsync(Kinds.CustomResourceDefinitions, null, (JsonObject)gadgets, Ct);
        var next = told.MoveNextAsync().AsTask();
        await PassUntilAsync(() => next.IsCompleted);
        Assert.DoesNotContain("gadgets", told.Current.ReportsLack, StringComparison.Ordinal);
        await PassUntilAsync(() => log.Lines.Any(l => l.StartsWith("Information 6006 gadgets.example.com", StringComparison.Ordinal))); // a moment after the state is
        Assert.Equal(kinds.Length, log.Lines.Count(l => l.StartsWith("Warning 6005", StringComparison.Ordinal))); // each once, and none of those that nobody named
        Assert.Contains(log.Lines, l => l.StartsWith("Warning 6005 po is to be reported (--report), and the cluster has no such kind: write --report pods, as the cluster calls it in full. It is waited for", StringComparison.Ordinal));
    }

    private static JsonObject Definition(string version, string column) => (JsonObject)JsonNode.Parse($$$"""
        {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"widgets.example.com"},"spec":{"group":"example.com","scope":"Namespaced",
         "names":{"plural":"widgets","singular":"widget","kind":"Widget","listKind":"WidgetList","shortNames":["wd"]},
         "versions":[{"name":"{{{version}}}","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true} },"subresources":{"status":{} },
          "additionalPrinterColumns":[{"name":"{{{column}}}","type":"string","jsonPath":".spec.color"}]}]} }
        """)!;

    private static JsonObject Widget(string name) => (JsonObject)JsonNode.Parse($$$"""{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"{{{name}}}"},"spec":{"color":"red"} }""")!;

    private async Task FollowAsync(ClusterReporter reporter)
    {
        var requests = System.Threading.Channels.Channel.CreateUnbounded<ReportRequest>();
        await requests.Writer.WriteAsync(new ReportRequest { Follow = new Follow { WindowBytes = 1 << 20 } });
        var watching = reporter.RunAsync(_stop.Token);
        await foreach (var report in reporter.FollowAsync(requests.Reader.ReadAllAsync(_stop.Token), _stop.Token))
        {
            Assert.True(await _mirror.ApplyAsync("c1", report));
            await requests.Writer.WriteAsync(new ReportRequest { Kept = new StreamCursor { Kind = report.Kind, Epoch = report.Epoch, Revision = report.To } });
        }

        await watching;
    }

    private async Task<string[]> NamesAsync() => [.. (await _mirror.ListAsync(new Ote.Kube.Server.Store.PageQuery("example.com/widgets", null, 0, "", "", 100), Ct)).Rows.Select(r => r.Key.Name)];

    private Task PassUntilAsync(Func<bool> holds) => PassUntilAsync(() => Task.FromResult(holds()));

    /// <summary>Lets the reporter's time pass until something has come about.</summary>
    private async Task PassUntilAsync(Func<Task<bool>> holds)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        patience.CancelAfter(TimeSpan.FromSeconds(20));
        while (!await holds())
        {
            Assert.False(_running.IsCompleted, $"{_running.Exception}");
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
            patience.Token.ThrowIfCancellationRequested();
        }
    }
}
