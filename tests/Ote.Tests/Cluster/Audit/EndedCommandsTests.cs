using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Cluster.Audit;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;
using Ote.Protocol.Tunnel;
using Ote.Tests.Cluster.Commands;

namespace Ote.Tests.Cluster.Audit;

/// <summary>What an entry's audit log and result pages hold of commands that somebody ended, by cancelling or by an edit.</summary>
public sealed class EndedCommandsTests : IDisposable
{
    private static readonly UserInfo Alice = new("alice", ["ote:commanders", UserInfo.Masters]);
    private readonly string _file = Path.GetTempFileName();
    private AuditLog? _audit;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_audit_says_who_cancelled_a_command_and_how_many_targets_were_open()
    {
        await using var world = await WorldAsync("a", "b", "c");
        var command = await world.CreateAsync("c", "*", Ct);
        await SentAsync(world);
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "a"))));
        await CancelAsync(world);
        Assert.Equal("cancel 1 to b,c", (await SentAsync(world)).ToString());
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "b", Stage.Cancelled, 0), EntryWorld.Receipt(command, "c", Stage.Cancelled, 0))));
        await world.OverAsync("c", Ct, generation: 2);

        var lines = await StoppedAsync(world);
        Assert.Equal(["accepted 1", "cancelled 1", "over 1"], lines.Select(Event));
        Assert.Equal(("system:admin", "alice", 3L, 2L), (lines[1].Text("user"), lines[1].Text("cancelledBy"), lines[1].Whole("targets"), lines[1].Whole("open")));
        Assert.Equal("""["ote:commanders","system:masters"]""", lines[1].Items("cancelledByGroups")!.ToJsonString());
        Assert.Equal("system:admin", lines[2].Text("user"));
    }

    [Fact]
    public async Task Who_cancelled_is_noted_once_over_restarts_and_is_never_taken_for_who_commanded()
    {
        await using var world = await WorldAsync("a");
        var command = await world.CreateAsync("c", "*", Ct);
        await SentAsync(world);
        await StoppedAsync(world);
        await CancelAsync(world); // while the entry is down
        Restart(world);
        await SentAsync(world);
        await StoppedAsync(world);
        Restart(world);
        await SentAsync(world);
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "a", Stage.Cancelled, 0))));
        await world.OverAsync("c", Ct, generation: 2);

        var lines = await StoppedAsync(world);
        Assert.Equal(["accepted 1", "cancelled 1", "over 1"], lines.Select(Event));
        Assert.Equal(("alice", 1L), (lines[1].Text("cancelledBy"), lines[1].Whole("open")));
        Assert.Equal([null, null], lines[1..].Select(l => l.Text("user")));
    }

    [Fact]
    public async Task Cancelling_what_is_over_leaves_no_line()
    {
        await using var world = await WorldAsync("a");
        var command = await world.CreateAsync("c", "*", Ct);
        await SentAsync(world);
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "a"))));
        await world.OverAsync("c", Ct);
        await CancelAsync(world);
        await world.OverAsync("c", Ct, generation: 2);
        Assert.Equal(["accepted 1", "over 1"], (await StoppedAsync(world)).Select(Event));
    }

    [Fact]
    public async Task A_generation_that_an_edit_takes_the_place_of_is_over_with_an_outcome_for_each_target()
    {
        await using var world = await WorldAsync("a", "b", "away");
        world.Changed("away", online: false);
        var command = await world.CreateAsync("c", "*", Ct);
        await SentAsync(world);
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "a"), EntryWorld.Receipt(command, "b", Stage.Durable, 0))));
        await EditAsync(world);
        SentWord[] words = [await SentAsync(world), await SentAsync(world)];
        Assert.Equal(["cancel 1 to away,b", "command 2 to a"], words.Select(w => w.ToString()).Order(StringComparer.Ordinal));
        Assert.Equal(2UL, words.Single(w => w.Cancel is not null).Cancel!.SupersededBy);

        // What they say afterwards of a generation that is over changes nothing.
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "b"), EntryWorld.Receipt(command, "a", generation: 2))));
        await world.OverAsync("c", Ct, generation: 2);
        var results = (await world.ResultsAsync(Ct)).ToDictionary(r => r.Text("cluster")!);
        Assert.Equal(
            ["a Succeeded  ", "away Cancelled Superseded accepted", "b Cancelled Superseded durable"],
            results.OrderBy(r => r.Key, StringComparer.Ordinal).Select(r => $"{r.Key} {r.Value.Text("outcome")} {r.Value.Text("error")} {r.Value.Text("reached")}"));
        Assert.Equal("generation 2 of the command took this one's place before it left", results["away"].Text("text"));
        Assert.Equal("generation 2 of the command took this one's place before the cluster answered, which may have carried this one out", results["b"].Text("text"));
        Assert.NotNull(results["b"].Time("timestamp"));

        var lines = await StoppedAsync(world);
        Assert.Equal(["accepted 1", "over 1", "accepted 2", "over 2"], lines.Select(Event));
        Assert.Equal(
            (3L, 1L, 2L, 2L, 2L),
            (lines[1].Whole("targets"), lines[1].Whole("succeeded"), lines[1].Whole("cancelled"), lines[1].Whole("superseded"), lines[1].Whole("supersededBy")));
        Assert.Null(lines[3].Whole("supersededBy"));
    }

    [Fact]
    public async Task An_edit_that_the_entry_takes_up_after_two_crashes_ends_the_former_generation_once_and_its_targets_are_told()
    {
        await using var world = await WorldAsync("a", "b");
        var command = await world.CreateAsync("c", "*", Ct);
        await SentAsync(world);
        await world.WhileTimePasses(Done(world.ReceiveAsync(EntryWorld.Receipt(command, "a"))));
        await StoppedAsync(world);
        await EditAsync(world);
        world.Faults.Fail(int.MaxValue, HttpStatusCode.InternalServerError, after: false, FaultyHandler.IsStatusWrite);
        Restart(world);
        await SentAsync(world); // b is told to end
        while (world.Faults.Failed == 0)
        {
            Ct.ThrowIfCancellationRequested();
            world.Time.Advance(TimeSpan.FromMilliseconds(5));
            await Task.Run(() => { }, Ct);
        }

        await StoppedAsync(world);
        world.Faults.Fail(0, default, false, _ => false);
        while (world.Subtree.Unread > 0)
        {
            await SentAsync(world);
        }

        Restart(world);
        string[] words = [(await SentAsync(world)).ToString(), (await SentAsync(world)).ToString()];
        Assert.Equal(["cancel 1 to b", "command 2 to a"], words.Order(StringComparer.Ordinal));
        Assert.Equal(["a ", "b Superseded"], (await world.ResultsAsync(Ct)).Select(r => $"{r.Text("cluster")} {r.Text("error")}"));
        var lines = await StoppedAsync(world);
        Assert.Equal(["accepted 1", "over 1", "accepted 2"], lines.Select(Event));
        Assert.Equal((1L, 1L), (lines[1].Whole("succeeded"), lines[1].Whole("superseded")));
    }

    public void Dispose()
    {
        _audit?.Dispose();
        File.Delete(_file);
    }

    private static Task<SentWord> SentAsync(EntryWorld world) => world.WhileTimePasses(world.Subtree.NextAsync());

    private static Task<JsonObject> EditAsync(EntryWorld world) => world.EditAsync("c", new JsonObject { ["clusterSelector"] = "a" }, Ct);

    private static Task<JsonObject> CancelAsync(EntryWorld world) =>
        world.As(Alice).PatchAsync(Kinds.ClusterControllers, "default", "c", PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["cancel"] = true } }, Ct);

    private static async Task<bool> Done(Task task)
    {
        await task;
        return true;
    }

    private static string Event(JsonObject line) => $"{line.Text("event")} {line.Whole("generation")}";

    private async Task<EntryWorld> WorldAsync(params string[] clusters)
    {
        var world = await EntryWorld.StartAsync(Ct, clusters);
        await world.StopAsync();
        Restart(world);
        return world;
    }

    private void Restart(EntryWorld world)
    {
        _audit?.Dispose();
        world.Audit = _audit = AuditLog.Open(_file, AuditLog.LeastMaxBytes, NullLogger.Instance);
        world.Run();
    }

    /// <summary>Ends the process and reads what it noted.</summary>
    private async Task<JsonObject[]> StoppedAsync(EntryWorld world)
    {
        await world.StopAsync();
        return [.. (await File.ReadAllLinesAsync(_file, Ct)).Select(l => (JsonObject)JsonNode.Parse(l)!)];
    }
}
