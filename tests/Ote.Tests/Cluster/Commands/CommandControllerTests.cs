using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Cluster.Access;
using Ote.Cluster.Audit;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Tunnel;

namespace Ote.Tests.Cluster.Commands;

public sealed class CommandControllerTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_command_is_accepted_sent_answered_and_over()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a", "b");
        var command = await world.CreateAsync("c", "*", Ct);
        Assert.Equal("command 1 to *", (await Sent(world)).ToString());
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "a"), EntryWorld.Receipt(command, "b", code: 404))));
        var over = await world.OverAsync("c", Ct);
        Assert.Equal(("Failed", 200L, 404L), (over.Text("status", "commandPhase"), over.Whole("status", "a", "code"), over.Whole("status", "b", "code")));
    }

    [Fact]
    public async Task A_command_allowed_for_some_clusters_goes_to_them_by_name_and_the_others_end_with_why_also_over_a_restart()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a", "b", "d");
        world.Access.Verdict = new AccessVerdict(new HashSet<string> { "b" }, "no policy allows it", IsBound: true);
        var command = await world.CreateAsync("c", "*", Ct);
        var sent = await Sent(world);
        Assert.Equal(("command 1 to a,d", "*"), (sent.ToString(), sent.Command!.Condition));
        await world.UntilAsync("c", c => c.Whole("status", "targetCounts", "failed") == 1, Ct);
        world.Access.Verdict = AccessVerdict.Everything; // it was accepted as it was
        await world.RestartAsync();
        Assert.Equal("command 1 to a,d", (await Sent(world)).ToString());
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "a"), EntryWorld.Receipt(command, "d"))));
        var over = await world.OverAsync("c", Ct);
        Assert.Equal(("Failed", 2L), (over.Text("status", "commandPhase"), over.Whole("status", "targetCounts", "succeeded")));
        Assert.Equal(("NotAllowed", "no policy allows it"), (await world.ResultsAsync(Ct)).Single(r => r.Text("cluster") == "b") is var b ? (b.Text("error"), b.Text("text")) : default);
    }

    [Fact]
    public async Task A_command_does_not_wait_for_a_cluster_that_is_deleted_meanwhile_and_says_when_it_gave_up()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a", "b");
        var command = await world.CreateAsync("c", "*", Ct);
        await Sent(world);
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "a"))));
        var began = world.Time.GetUtcNow();
        world.Deleted("b");
        var over = await world.OverAsync("c", Ct);
        Assert.Equal(("Failed", 1L), (over.Text("status", "commandPhase"), over.Whole("status", "targetCounts", "succeeded")));
        var result = (await world.ResultsAsync(Ct)).Single(r => r.Text("cluster") == "b");
        Assert.Equal(("Failed", "ClusterDeleted", "sent"), (result.Text("outcome"), result.Text("error"), result.Text("reached")));
        Assert.InRange(result.Time("timestamp")!.Value, began.AddSeconds(-1), world.Time.GetUtcNow());
    }

    [Fact]
    public async Task A_command_that_is_accepted_anew_after_a_crash_is_noted_once()
    {
        var file = Path.GetTempFileName();
        await using var world = await EntryWorld.StartAsync(Ct, "a");
        await world.StopAsync();
        using (world.Audit = AuditLog.Open(file, AuditLog.LeastMaxBytes, NullLogger.Instance))
        {
            world.Faults.Fail(int.MaxValue, HttpStatusCode.InternalServerError, after: false, FaultyHandler.IsStatusWrite);
            world.Run();
            await world.CreateAsync("c", "*", Ct);
            await Until(world, () => world.Faults.Failed > 1);
            await world.StopAsync();
            Assert.Equal(0, world.Subtree.Unread);
        }

        using (world.Audit = AuditLog.Open(file, AuditLog.LeastMaxBytes, NullLogger.Instance))
        {
            world.Faults.Fail(0, default, false, _ => false);
            world.Run();
            await Sent(world);
            await world.StopAsync();
            Assert.Contains("\"event\":\"accepted\"", Assert.Single(await File.ReadAllLinesAsync(file, Ct)), StringComparison.Ordinal);
        }

        File.Delete(file);
        world.Audit = null;
        world.Run();
    }

    [Fact]
    public async Task A_command_that_policies_allow_for_all_but_one_by_one_means_nobody_else_on_the_way()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a", "b");
        world.Access.Verdict = new AccessVerdict(new HashSet<string>(), "", IsBound: true);
        await world.CreateAsync("c", "*", Ct);
        Assert.Equal("command 1 to a,b", (await Sent(world)).ToString());
    }

    [Fact]
    public async Task A_command_that_is_allowed_nowhere_ends_at_once_and_an_edit_that_is_allowed_runs()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a", "b");
        world.Access.Verdict = new AccessVerdict(new HashSet<string> { "a", "b" }, "no policy allows it", IsBound: true);
        await world.CreateAsync("c", "*", Ct);
        var over = await world.OverAsync("c", Ct);
        Assert.Equal(("Failed", "for none of the 2 clusters it means: no policy allows it"), (over.Text("status", "commandPhase"), over.Condition("Allowed").Text("message")));
        Assert.Equal(0, world.Subtree.Unread);
        world.Access.Verdict = AccessVerdict.Everything;
        await world.EditAsync("c", new JsonObject { ["url"] = "/healthz" }, Ct);
        Assert.Equal("command 2 to *", (await Sent(world)).ToString());
        var running = await world.UntilAsync("c", c => c.Whole("status", "runGeneration") == 2, Ct);
        Assert.DoesNotContain(running.Items("status", "conditions")!, c => c.Text("type") == "Allowed");
    }

    [Fact]
    public async Task Receipts_that_come_before_a_restarted_entry_has_read_its_command_are_acknowledged_when_they_are_stored()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a");
        var command = await world.CreateAsync("c", "*", Ct);
        await Sent(world);
        await world.StopAsync();

        world.Make();
        var early = world.ReceiveAsync(EntryWorld.Receipt(command, "a"));
        var foreign = world.ReceiveAsync(new Receipt { Cluster = "a", CommandUid = "long-gone", Generation = 1, Stage = Stage.Executed });
        Assert.False(early.IsCompleted || foreign.IsCompleted);
        world.Run(make: false);
        await world.WhileTimePasses(Done(early));
        await world.WhileTimePasses(Done(foreign));
        Assert.Single(await world.ResultsAsync(Ct));
        Assert.Equal("Succeeded", (await world.OverAsync("c", Ct)).Text("status", "commandPhase"));
    }

    [Fact]
    public async Task Receipts_that_cannot_be_stored_any_more_because_the_process_stops_are_not_acknowledged()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a");
        var command = await world.CreateAsync("c", "*", Ct);
        await Sent(world);
        world.Faults.Fail(int.MaxValue, HttpStatusCode.InternalServerError, after: false, FaultyHandler.IsPageWrite);
        var receipt = world.ReceiveAsync(EntryWorld.Receipt(command, "a"));
        await Until(world, () => world.Faults.Failed > 0);
        await world.StopAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => receipt.Soon());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => world.ReceiveAsync(EntryWorld.Receipt(command, "a")).Soon());
        world.Faults.Fail(0, default, false, _ => false);
        world.Run();
    }

    [Theory]
    [InlineData(HttpStatusCode.InternalServerError, false)]
    [InlineData(HttpStatusCode.InternalServerError, true)]
    [InlineData(HttpStatusCode.Conflict, false)]
    [InlineData(HttpStatusCode.Gone, false)]
    [InlineData(HttpStatusCode.TooManyRequests, false)]
    [InlineData((HttpStatusCode)0, false)]
    [InlineData((HttpStatusCode)0, true)]
    public async Task A_page_write_that_fails_holds_its_receipts_until_they_are_stored_once(HttpStatusCode code, bool after)
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a", "b");
        var command = await world.CreateAsync("c", "*", Ct);
        await Sent(world);
        world.Faults.Fail(1, code, after, FaultyHandler.IsPageWrite);
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "a"))));
        world.Faults.Fail(3, code, after, FaultyHandler.IsPageWrite);
        var again = world.ReceiveAsync(EntryWorld.Receipt(command, "b"));
        var repeated = world.ReceiveAsync(EntryWorld.Receipt(command, "b"));
        await world.WhileTimePasses(Done(Task.WhenAll(again, repeated)));
        Assert.Equal(["a", "b"], (await world.ResultsAsync(Ct)).Select(r => r.Text("cluster")!).Order(StringComparer.Ordinal));
        Assert.Equal(2, (await world.OverAsync("c", Ct)).Whole("status", "targetCounts", "succeeded"));
    }

    [Fact]
    public async Task A_result_told_twice_is_acknowledged_the_second_time_only_when_the_first_is_stored()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a");
        var command = await world.CreateAsync("c", "*", Ct);
        await Sent(world);
        world.Faults.Fail(int.MaxValue, HttpStatusCode.InternalServerError, after: false, FaultyHandler.IsPageWrite);
        var first = world.ReceiveAsync(EntryWorld.Receipt(command, "a"));
        await Until(world, () => world.Faults.Failed > 0);
        var second = world.ReceiveAsync(EntryWorld.Receipt(command, "a"));
        Assert.False(first.IsCompleted || second.IsCompleted);
        world.Faults.Fail(0, default, false, _ => false);
        await world.WhileTimePasses(Done(Task.WhenAll(first, second)));
        Assert.Single(await world.ResultsAsync(Ct));
    }

    [Fact]
    public async Task Nothing_leaves_before_the_status_says_that_the_command_was_accepted()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a");
        world.Faults.Fail(int.MaxValue, HttpStatusCode.InternalServerError, after: false, FaultyHandler.IsStatusWrite);
        await world.CreateAsync("c", "*", Ct);
        await Until(world, () => world.Faults.Failed > 2);
        Assert.Equal(0, world.Subtree.Unread);
        world.Faults.Fail(0, default, false, _ => false);
        Assert.Equal("command 1 to *", (await Sent(world)).ToString());
    }

    [Fact]
    public async Task An_acceptance_that_was_cut_short_is_made_anew_for_those_whom_the_selector_means_then()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a", "b");
        world.Faults.Fail(int.MaxValue, HttpStatusCode.InternalServerError, after: false, FaultyHandler.IsStatusWrite);
        var command = await world.CreateAsync("c", "*", Ct);
        await Until(world, () => world.Faults.Failed > 0); // by then the page of targets is stored
        await world.StopAsync();
        world.Subtree.Forget("b");
        world.Faults.Fail(0, default, false, _ => false);
        world.Run();
        await Sent(world);
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "a"))));
        Assert.Equal(1, (await world.OverAsync("c", Ct)).Whole("status", "targetCounts", "targets"));
        var pages = await world.Api.ListAsync(Kinds.ClusterControllerResults, "default", new ListQuery("ote.baidu.com/page=targets"), Ct);
        Assert.Equal("""["a"]""", Assert.Single(pages.Items).Items("targets")!.ToJsonString());
    }

    [Fact]
    public async Task An_edit_ends_the_run_before_and_results_go_to_the_generation_they_are_of()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a", "b");
        var command = await world.CreateAsync("c", "*", Ct);
        await Sent(world);
        world.Faults.Fail(2, HttpStatusCode.InternalServerError, after: false, FaultyHandler.IsPageWrite);
        var old = world.ReceiveAsync(EntryWorld.Receipt(command, "a"));
        await Until(world, () => world.Faults.Failed > 0);
        await world.EditAsync("c", new JsonObject { ["url"] = "/api" }, Ct);

        string[] words = [(await Sent(world)).ToString(), (await Sent(world)).ToString()];
        Assert.Equal(["cancel 1 to b", "command 2 to *"], words.Order(StringComparer.Ordinal));
        await world.WhileTimePasses(Done(old));
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "b", Stage.Cancelled), EntryWorld.Receipt(command, "a", code: 201, generation: 2), EntryWorld.Receipt(command, "b", generation: 2))));
        var over = await world.OverAsync("c", Ct, generation: 2);
        Assert.Equal(("Succeeded", 201L), (over.Text("status", "commandPhase"), over.Whole("status", "a", "code")));
        Assert.Equal(["a ", "b Superseded"], (await world.ResultsAsync(Ct)).Select(r => $"{r.Text("cluster")} {r.Text("error")}"));
        Assert.Equal(2, (await world.ResultsAsync(Ct, generation: 2)).Length);
    }

    [Fact]
    public async Task An_edit_made_while_the_entry_was_down_ends_the_run_before_at_those_that_have_not_answered()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a", "b");
        var command = await world.CreateAsync("c", "*", Ct);
        await Sent(world);
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "a"))));
        await world.StopAsync();
        await world.EditAsync("c", new JsonObject { ["clusterSelector"] = "a" }, Ct);
        world.Run();
        string[] words = [(await Sent(world)).ToString(), (await Sent(world)).ToString()];
        Assert.Equal(["cancel 1 to b", "command 2 to a"], words.Order(StringComparer.Ordinal));

        // It is told again when it comes back, until it has answered.
        world.Changed("b", online: false);
        world.Changed("b", online: true);
        Assert.Equal("cancel 1 to b", (await Sent(world)).ToString());
    }

    [Fact]
    public async Task A_cancellation_after_a_restart_waits_for_those_that_may_have_the_command()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a", "b");
        var command = await world.CreateAsync("c", "*", Ct);
        await Sent(world);
        await world.RestartAsync();
        Assert.Equal("command 1 to a,b", (await Sent(world)).ToString());
        await world.EditAsync("c", new JsonObject { ["cancel"] = true }, Ct);
        var cancel = await Sent(world);
        Assert.Equal("cancel 1 to a,b", cancel.ToString());
        Assert.Equal(TimeSpan.FromHours(24), DateTimeOffset.FromUnixTimeMilliseconds(cancel.Cancel!.DeadlineUnixMilliseconds) - (await RunningAsync(world)).Time("status", "startTime"));

        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "a", Stage.Cancelled, 0))));
        Assert.Null((await RunningAsync(world)).Text("status", "completionTime"));
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "b"))));
        var over = await world.OverAsync("c", Ct, generation: 2);
        Assert.Equal(("Cancelled", 1L, 1L), (over.Text("status", "commandPhase"), over.Whole("status", "targetCounts", "cancelled"), over.Whole("status", "targetCounts", "succeeded")));
    }

    [Fact]
    public async Task A_cancellation_is_told_again_to_a_cluster_that_was_away()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a");
        await world.CreateAsync("c", "*", Ct);
        await Sent(world);
        world.Changed("a", online: false);
        await world.EditAsync("c", new JsonObject { ["cancel"] = true }, Ct);
        Assert.Equal("cancel 1 to *", (await Sent(world)).ToString());
        world.Changed("a", online: true);
        Assert.Equal("cancel 1 to a", (await Sent(world)).ToString());
    }

    [Fact]
    public async Task Cancelling_what_is_over_changes_nothing_but_is_seen()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a");
        var command = await world.CreateAsync("c", "*", Ct);
        await Sent(world);
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "a"))));
        await world.OverAsync("c", Ct);
        await world.EditAsync("c", new JsonObject { ["cancel"] = true }, Ct);
        var over = await world.OverAsync("c", Ct, generation: 2);
        Assert.Equal(("Succeeded", 200L), (over.Text("status", "commandPhase"), over.Whole("status", "a", "code")));
        Assert.Equal(0, world.Subtree.Unread);
    }

    [Fact]
    public async Task A_command_cancelled_while_its_end_is_written_is_not_told_a_second_time()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a");
        await world.StopAsync();
        world.Changed("a", online: false);
        world.Faults.SilenceWatchesAfter("\"cancel\":true"); // it tells the edit, and not yet the end
        world.Faults.Before(async request =>
        {
            if (FaultyHandler.IsStatusWrite(request) && (await request.Content!.ReadAsStringAsync(Ct)).Contains("completionTime", StringComparison.Ordinal))
            {
                await world.EditAsync("c", new JsonObject { ["cancel"] = true }, Ct);
            }
        });
        world.Run();
        await world.CreateAsync("c", "*", Ct, spec => spec["lateDelivery"] = false);
        var over = await world.OverAsync("c", Ct, generation: 2);
        Assert.Equal(("Expired", "Offline"), (over.Text("status", "commandPhase"), Assert.Single(await world.ResultsAsync(Ct)).Text("error")));
        Assert.Empty(await world.ResultsAsync(Ct, generation: 2));
        Assert.Equal(0, world.Subtree.Unread);
    }

    [Fact]
    public async Task A_deleted_commands_clusters_are_told_to_end_it_until_they_answer_and_receipts_are_done_with()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a", "b");
        var command = await world.CreateAsync("c", "*", Ct);
        await Sent(world);
        world.Changed("b", online: false);
        await world.Api.DeleteAsync(Kinds.ClusterControllers, "default", "c", Ct);
        Assert.Equal("cancel 1 to *", (await Sent(world)).ToString());
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "a", Stage.Cancelled))));
        world.Changed("b", online: true);
        Assert.Equal("cancel 1 to b", (await Sent(world)).ToString());
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "b"))));
        world.Changed("b", online: false);
        world.Changed("b", online: true);
        await world.CreateAsync("next", "a", Ct);
        Assert.Equal("command 1 to a", (await Sent(world)).ToString());
    }

    [Fact]
    public async Task A_command_made_anew_under_its_name_is_another_one()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a");
        var first = await world.CreateAsync("c", "*", Ct);
        await Sent(world);
        world.Faults.Fail(int.MaxValue, HttpStatusCode.InternalServerError, after: false, FaultyHandler.IsPageWrite);
        var held = world.ReceiveAsync(EntryWorld.Receipt(first, "a"));
        await Until(world, () => world.Faults.Failed > 0);
        await world.Api.DeleteAsync(Kinds.ClusterControllers, "default", "c", Ct);
        var second = await world.CreateAsync("c", "*", Ct);
        await world.WhileTimePasses(Done(held));
        world.Faults.Fail(0, default, false, _ => false);
        Assert.Equal(second.Uid(), (await Sent(world)).Command!.CommandUid);
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(second, "a", code: 201))));
        Assert.Equal(201, (await world.OverAsync("c", Ct)).Whole("status", "a", "code"));
    }

    [Fact]
    public async Task A_target_that_loses_its_tag_is_asked_by_name_whether_it_is_still_meant()
    {
        await using var world = await EntryWorld.StartAsync(Ct);
        world.Subtree.Set("a", ["tier=edge"]);
        world.Subtree.Set("b", ["tier=edge"]);
        var command = await world.CreateAsync("c", "tier=edge", Ct);
        Assert.Equal("", (await Sent(world)).Command!.Condition);
        world.Changed("a", ["tier=edge", "gpu"]);
        world.Changed("b", ["tier=mec"]);
        var asked = await Sent(world);
        Assert.Equal(("b", "tier=edge"), (asked.To.Canonical, asked.Command!.Condition));
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "b", Stage.NotSelected, 0), EntryWorld.Receipt(command, "a"))));
        var over = await world.OverAsync("c", Ct);
        Assert.Equal(("Succeeded", 1L), (over.Text("status", "commandPhase"), over.Whole("status", "targetCounts", "notSelected")));
    }

    [Fact]
    public async Task A_target_that_moved_gets_the_command_where_it_is_now()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a");
        await world.CreateAsync("c", "*", Ct);
        await Sent(world);
        world.Changed("a", epoch: 2);
        Assert.Equal("command 1 to a", (await Sent(world)).ToString());
    }

    [Fact]
    public async Task Clusters_that_do_not_answer_are_asked_again_but_not_those_that_are_away_or_have_it()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a", "b", "away");
        world.Patience = TimeSpan.FromDays(0.5);
        await world.RestartAsync();
        var command = await world.CreateAsync("c", "*", Ct);
        await Sent(world);
        world.Changed("away", online: false);
        await world.ReceiveAsync(EntryWorld.Receipt(command, "b", Stage.Durable));
        await world.UntilAsync("c", c => c.Whole("status", "targetCounts", "durable") == 1, Ct);
        Assert.Equal(0, world.Subtree.Unread);
        world.Time.Advance(world.Patience * 1.5);
        Assert.Equal("command 1 to a", (await Sent(world)).ToString());
        var waiting = await world.UntilAsync("c", c => c.Condition("Complete").Text("reason") == "ClustersAway", Ct);
        Assert.EndsWith("; away: away", waiting.Condition("Complete").Text("message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_target_that_was_revoked_is_called_so()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a", "revoked-1");
        world.Changed("revoked-1", online: false);
        await world.CreateAsync("c", "*", Ct);
        var waiting = await world.UntilAsync("c", c => c.Condition("Complete").Text("reason") == "ClustersAway", Ct);
        Assert.EndsWith("; away: revoked-1 (revoked)", waiting.Condition("Complete").Text("message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_late_delivery_a_restart_does_not_end_those_that_are_only_not_heard_of_yet()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a", "away");
        world.Subtree.Set("away", online: false);
        var command = await world.CreateAsync("c", "*", Ct, spec => spec["lateDelivery"] = false);
        await Sent(world);
        await world.UntilAsync("c", c => c.Whole("status", "targetCounts", "expired") == 1, Ct);
        await world.StopAsync();
        world.Subtree.Set("a", online: false);
        world.Run();
        Assert.Equal("command 1 to a", (await Sent(world)).ToString());
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "a"))));
        Assert.Equal("Expired", (await world.OverAsync("c", Ct)).Text("status", "commandPhase"));
    }

    [Fact]
    public async Task Retention_deletes_after_a_restart_although_the_API_fails_at_first()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a");
        var command = await world.CreateAsync("c", "*", Ct, spec => spec["ttlSecondsAfterFinished"] = 3600);
        await Sent(world);
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "a"))));
        await world.OverAsync("c", Ct);
        await world.StopAsync();
        world.Time.Advance(TimeSpan.FromMinutes(59));
        world.Faults.Fail(2, 0, after: false, r => r.Method == HttpMethod.Delete);
        world.Run();
        await GoneAsync(world, "c", TimeSpan.FromSeconds(10));
        Assert.Equal(2, world.Faults.Failed);
        Assert.InRange(world.Time.GetUtcNow() - Objects.Start, TimeSpan.FromMinutes(60), TimeSpan.MaxValue);
    }

    [Fact]
    public async Task Retention_of_a_year_is_waited_for()
    {
        await using var world = await EntryWorld.StartAsync(Ct, "a");
        var command = await world.CreateAsync("c", "*", Ct, spec => spec["ttlSecondsAfterFinished"] = 365 * 24 * 3600);
        await Sent(world);
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "a"))));
        await world.OverAsync("c", Ct);
        for (int day = 0; day < 364; day++)
        {
            world.Time.Advance(TimeSpan.FromDays(1));
        }

        Assert.NotNull(await world.Api.GetAsync(Kinds.ClusterControllers, "default", "c", Ct));
        await GoneAsync(world, "c", TimeSpan.FromDays(1));
    }

    [Fact]
    public async Task Ten_thousand_targets_with_the_longest_names_of_which_one_answers_end_at_the_deadline()
    {
        await using var world = await EntryWorld.StartAsync(Ct, [.. Enumerable.Range(0, 10_000).Select(i => new string('n', 58) + $"{i:00000}")]);
        var command = await world.CreateAsync("c", "*", Ct, spec => spec["deadlineSeconds"] = 36_000);
        await Sent(world);
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, new string('n', 58) + "00000"))));
        world.Time.Advance(TimeSpan.FromSeconds(36_000));
        var over = await world.OverAsync("c", Ct);
        Assert.Equal((10_000L, 9_999L), (over.Whole("status", "targetCounts", "targets"), over.Whole("status", "targetCounts", "expired")));
        Assert.InRange(over.ToJsonString().Length, 1, 8 * 1024);
        Assert.Equal(20, over.Whole("status", "resultPages"));
        Assert.Equal(10_000, (await world.ResultsAsync(Ct)).Length);
    }

    private static Task<SentWord> Sent(EntryWorld world) => world.WhileTimePasses(world.Subtree.NextAsync());

    private static Task<JsonObject> RunningAsync(EntryWorld world) => world.UntilAsync("c", _ => true, Ct);

    private static async Task<bool> Done(Task task)
    {
        await task;
        return true;
    }

    private static async Task Until(EntryWorld world, Func<bool> condition)
    {
        while (!condition())
        {
            Ct.ThrowIfCancellationRequested();
            world.Time.Advance(TimeSpan.FromMilliseconds(5));
            await Task.Run(() => { });
        }
    }

    private static async Task GoneAsync(EntryWorld world, string name, TimeSpan step)
    {
        while (await world.Api.GetAsync(Kinds.ClusterControllers, "default", name, Ct) is not null)
        {
            world.Time.Advance(step);
        }
    }
}
