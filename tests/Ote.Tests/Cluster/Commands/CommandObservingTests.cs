using System.Net;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Ote.Cluster.Observing;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Commands;

public sealed class CommandObservingTests
{
    private readonly PlayedMirror _mirror = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_target_is_observed_when_the_mirror_has_what_it_made_and_the_command_is_over_before()
    {
        await using var world = await EntryWorld.StartAsync(_mirror, Ct, "a", "b");
        var command = await ApplyAsync(world);
        Assert.Equal("Watching", (await world.UntilAsync("c", c => c.Condition("Observed") is not null, Ct)).Condition("Observed").Text("reason"));
        await AnswerAsync(world, command, ("a", "100"), ("b", "200"));
        var over = await world.OverAsync("c", Ct);
        Assert.Equal(("Succeeded", 2L, 0L, "Unknown"), (over.Text("status", "commandPhase"), over.Whole("status", "targetCounts", "executed"), Observed(over), over.Condition("Observed").Text("status")));
        _mirror.Report("a", "m", "u-a", "99"); // from before
        _mirror.Report("b", "m", "u-b", "201");
        var one = await world.UntilAsync("c", c => Observed(c) == 1, Ct);
        Assert.Equal(("Unknown", "Watching"), (one.Condition("Observed").Text("status"), one.Condition("Observed").Text("reason")));
        Assert.Equal((null, true), (one.Whole("status", "a", "observed"), one.Whole("status", "b", "observed") > 0));
        _mirror.Report("a", "m", "u-a", "100");
        var all = await world.UntilAsync("c", c => Observed(c) == 2, Ct);
        Assert.Equal(("True", "AllObserved"), (all.Condition("Observed").Text("status"), all.Condition("Observed").Text("reason")));
        Assert.Equal(over.Text("status", "completionTime"), all.Text("status", "completionTime"));
        Assert.Equal(["b", "a"], await PagesAsync(world));
        Assert.Equal(2, (await world.ResultsAsync(Ct)).Length);
    }

    [Fact]
    public async Task What_the_mirror_has_before_the_receipt_comes_is_observed_with_it()
    {
        await using var world = await EntryWorld.StartAsync(_mirror, Ct, "a");
        var command = await ApplyAsync(world);
        _mirror.Report("a", "m", "u-a", "100");
        await AnswerAsync(world, command, ("a", "100"));
        var over = await world.OverAsync("c", Ct);
        Assert.Equal((1L, "True"), (Observed(over), over.Condition("Observed").Text("status")));
    }

    [Fact]
    public async Task A_cluster_whose_shim_does_not_report_is_not_waited_for_and_named()
    {
        await using var world = await EntryWorld.StartAsync(_mirror, Ct, "silent-1");
        var command = await ApplyAsync(world);
        await AnswerAsync(world, command, ("silent-1", "100"));
        var over = await world.OverAsync("c", Ct); // with its end, and not a minute later
        Assert.Equal((0L, "NotSeen"), (Observed(over), over.Condition("Observed").Text("reason")));
        Assert.Contains("cannot be known at clusters whose shims do not report, such as silent-1", over.Condition("Observed").Text("message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_target_that_failed_is_not_looked_for()
    {
        await using var world = await EntryWorld.StartAsync(_mirror, Ct, "a", "b");
        var command = await ApplyAsync(world);
        _mirror.Report("a", "m", "u-a", "100");
        _mirror.Report("b", "m", "u-b", "100");
        var refused = Answer(command, "b", "100");
        refused.Code = 409;
        await Taken(world, world.ReceiveAsync(Answer(command, "a", "100"), refused));
        var over = await world.OverAsync("c", Ct);
        Assert.Equal((1L, "True"), (Observed(over), over.Condition("Observed").Text("status")));
        Assert.Equal(["a"], await PagesAsync(world));
    }

    [Fact]
    public async Task What_was_not_observed_before_a_restart_is_looked_at_again_after_it()
    {
        await using var world = await EntryWorld.StartAsync(_mirror, Ct, "a", "b", "d");
        var command = await ApplyAsync(world);
        _mirror.Report("a", "m", "u-a", "100");
        await AnswerAsync(world, command, ("a", "100"), ("b", "100"), ("d", "100"));
        await world.UntilAsync("c", c => c.Text("status", "completionTime") is not null && Observed(c) == 1, Ct);
        await world.StopAsync();
        Assert.False(_mirror.IsHeard);
        _mirror.Report("b", "m", "u-b", "100"); // nobody hears it
        world.Run();
        await world.UntilAsync("c", c => Observed(c) == 2, Ct);
        _mirror.Report("d", "m", "u-d", "100");
        var all = await world.UntilAsync("c", c => Observed(c) == 3, Ct);
        Assert.Equal(("True", true), (all.Condition("Observed").Text("status"), all.Whole("status", "a", "observed") > 0));
        Assert.Equal(["a", "b", "d"], await PagesAsync(world));
    }

    [Fact]
    public async Task A_run_that_is_under_way_goes_on_after_a_restart_with_what_was_observed()
    {
        await using var world = await EntryWorld.StartAsync(_mirror, Ct, "a", "b");
        var command = await ApplyAsync(world);
        _mirror.Report("a", "m", "u-a", "100");
        await AnswerAsync(world, command, ("a", "100"));
        await world.UntilAsync("c", c => Observed(c) == 1, Ct);
        await world.RestartAsync();
        _mirror.Report("b", "m", "u-b", "100");
        await AnswerAsync(world, command, ("b", "100"));
        var over = await world.UntilAsync("c", c => c.Text("status", "completionTime") is not null && Observed(c) == 2, Ct);
        Assert.Equal("True", over.Condition("Observed").Text("status"));
        Assert.Equal(["a", "b"], await PagesAsync(world));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_observation_is_told_when_it_is_stored_and_stored_once_whatever_became_of_the_write(bool carriedOut)
    {
        await using var world = await EntryWorld.StartAsync(_mirror, Ct, "a");
        var command = await ApplyAsync(world);
        await AnswerAsync(world, command, ("a", "100"));
        await world.OverAsync("c", Ct);
        world.Faults.Fail(1, HttpStatusCode.InternalServerError, after: carriedOut, FaultyHandler.IsPageWrite);
        _mirror.Report("a", "m", "u-a", "100");
        await world.UntilAsync("c", c => Observed(c) == 1, Ct);
        Assert.Equal(1, world.Faults.Failed);
        Assert.Equal(["a"], await PagesAsync(world));
    }

    [Fact]
    public async Task A_mirror_that_cannot_be_read_holds_no_command_up_and_is_read_later()
    {
        await using var world = await EntryWorld.StartAsync(_mirror, Ct, "a");
        var command = await ApplyAsync(world);
        _mirror.Fails = true;
        _mirror.Report("a", "m", "u-a", "100");
        await AnswerAsync(world, command, ("a", "100"));
        Assert.Equal(0L, Observed(await world.OverAsync("c", Ct)));
        _mirror.Fails = false;
        await world.UntilAsync("c", c => Observed(c) == 1, Ct);
    }

    [Fact]
    public async Task A_cluster_that_reports_no_such_kind_is_not_looked_for_after_a_minute_and_the_command_says_so()
    {
        await using var world = await EntryWorld.StartAsync(new PlayedMirror { HasKind = false }, Ct, "a");
        var command = await ApplyAsync(world);
        await AnswerAsync(world, command, ("a", "100"));
        var over = await world.OverAsync("c", Ct);
        Assert.Equal("Succeeded", over.Text("status", "commandPhase"));
        var given = await world.UntilAsync("c", c => c.Condition("Observed").Text("reason") == "NotSeen", Ct);
        Assert.Equal(("Unknown", 0L), (given.Condition("Observed").Text("status"), Observed(given)));
        Assert.True(world.Time.GetUtcNow() - over.Time("status", "completionTime")!.Value >= Ote.Cluster.Observing.Observation.KindPatience - TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task It_is_looked_for_a_limited_time()
    {
        await using var world = await EntryWorld.StartAsync(_mirror, Ct, "a");
        var command = await ApplyAsync(world, spec => spec["deadlineSeconds"] = 30);
        await AnswerAsync(world, command, ("a", "100"));
        var over = await world.OverAsync("c", Ct);
        await world.UntilAsync("c", c => c.Condition("Observed").Text("reason") == "NotSeen", Ct);
        Assert.True(world.Time.GetUtcNow() - over.Time("status", "completionTime")!.Value >= Ote.Cluster.Observing.Observation.Least - TimeSpan.FromSeconds(1));
        var looks = _mirror.Looks;
        _mirror.Report("a", "m", "u-a", "100");
        await world.RestartAsync(); // a time that is over stays over
        await world.CreateAsync("later", "a", Ct);
        await world.UntilAsync("later", c => c.Text("status", "startTime") is not null, Ct);
        Assert.Equal(looks, _mirror.Looks);
    }

    [Fact]
    public async Task A_read_and_a_command_where_no_mirror_is_kept_say_nothing_of_it()
    {
        await using var world = await EntryWorld.StartAsync(_mirror, Ct, "a");
        var read = await world.CreateAsync("read", "*", Ct);
        await world.WhileTimePasses(world.Subtree.NextAsync());
        await Taken(world, world.ReceiveAsync(EntryWorld.Receipt(read, "a")));
        var over = await world.OverAsync("read", Ct);
        Assert.Equal((null, null), (over.Condition("Observed"), over.Whole("status", "targetCounts", "observed")));
        await world.StopAsync();
        world.Mirror = null;
        world.Run();
        await AnswerAsync(world, await ApplyAsync(world), ("a", "100"));
        over = await world.OverAsync("c", Ct);
        Assert.Equal((null, null), (over.Condition("Observed"), over.Whole("status", "targetCounts", "observed")));
    }

    [Fact]
    public async Task An_edit_is_observed_by_what_it_makes_and_the_former_run_is_not_looked_for_any_more()
    {
        await using var world = await EntryWorld.StartAsync(_mirror, Ct, "a");
        var command = await ApplyAsync(world);
        await AnswerAsync(world, command, ("a", "100"));
        await world.OverAsync("c", Ct);
        await world.EditAsync("c", new JsonObject { ["body"] = "{}" }, Ct);
        await world.UntilAsync("c", c => c.Whole("status", "runGeneration") == 2, Ct);
        _mirror.Report("a", "m", "u-a", "100");
        var second = Answer(command, "a", "150");
        second.Generation = 2;
        await Taken(world, world.ReceiveAsync(second));
        var over = await world.OverAsync("c", Ct, generation: 2);
        Assert.Equal((0L, "Watching"), (Observed(over), over.Condition("Observed").Text("reason")));
        _mirror.Report("a", "m", "u-a", "150");
        await world.UntilAsync("c", c => Observed(c) == 1, Ct);
        Assert.Empty(await PagesAsync(world));
        Assert.Equal(["a"], await PagesAsync(world, generation: 2));
    }

    [Fact]
    public async Task Of_a_great_fan_out_it_is_counted_and_paged_and_a_deletion_waits_until_it_is_gone()
    {
        string[] clusters = [.. Enumerable.Range(0, 120).Select(i => $"c{i:d3}")];
        await using var world = await EntryWorld.StartAsync(_mirror, Ct, clusters);
        var command = await ApplyAsync(world, spec => (spec["method"], spec["url"]) = ("DELETE", "/api/v1/namespaces/default/configmaps/m"));
        foreach (var cluster in clusters)
        {
            _mirror.Report(cluster, "m", $"u-{cluster}", "500"); // it is still there
        }

        await AnswerAsync(world, command, [.. clusters.Select(c => (c, "100"))]);
        Assert.Equal(0, Observed(await world.OverAsync("c", Ct)));
        foreach (var cluster in clusters)
        {
            _mirror.Report(cluster, "m", null, gone: true);
        }

        var all = await world.UntilAsync("c", c => Observed(c) == 120, Ct);
        Assert.Equal("True", all.Condition("Observed").Text("status"));
        Assert.Equal(clusters, (await PagesAsync(world)).Order());
    }

    private static long? Observed(JsonObject command) => command.Whole("status", "targetCounts", "observed");

    /// <summary>A command that has left.</summary>
    private static async Task<JsonObject> ApplyAsync(EntryWorld world, Action<JsonObject>? more = null)
    {
        var command = await world.CreateAsync("c", "*", Ct, spec =>
        {
            (spec["method"], spec["url"]) = ("PATCH", "/api/v1/namespaces/default/configmaps/m?fieldManager=test");
            more?.Invoke(spec);
        });
        await world.WhileTimePasses(world.Subtree.NextAsync());
        return command;
    }

    private static Receipt Answer(JsonObject command, string cluster, string version)
    {
        var receipt = EntryWorld.Receipt(command, cluster);
        receipt.Body = ByteString.CopyFromUtf8($$"""{"kind":"ConfigMap","metadata":{"name":"m","namespace":"default","uid":"u-{{cluster}}","resourceVersion":"{{version}}"} }""");
        return receipt;
    }

    private static Task<bool> AnswerAsync(EntryWorld world, JsonObject command, params (string Cluster, string Version)[] answers) =>
        Taken(world, world.ReceiveAsync([.. answers.Select(a => Answer(command, a.Cluster, a.Version))]));

    private static Task<bool> Taken(EntryWorld world, Task receiving) => world.WhileTimePasses(Done(receiving));

    private static async Task<bool> Done(Task task)
    {
        await task;
        return true;
    }

    private static async Task<string[]> PagesAsync(EntryWorld world, ulong generation = 1) =>
        [.. ObservedPages.Read((await world.Api.ListAsync(Kinds.ClusterControllerResults, "default", new ListQuery($"ote.baidu.com/page=observed,ote.baidu.com/generation={generation}"), Ct)).Items).Select(o => o.Cluster)];
}
