using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Budgets;
using Ote.Cluster.Failover;
using Ote.Cluster.Journal;
using Ote.Cluster.Messages;
using Ote.Flow;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Testing;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Cluster.Budgets;

/// <summary>A budget written at the root reaches the site, and both ends of its link hold to it, over restarts and a move.</summary>
public sealed class BudgetTreeTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_budget_set_at_the_root_is_in_force_at_both_ends_at_once_and_after_a_restart()
    {
        await using var tree = await StartAsync();
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        var epoch = Epoch(tree, "c1");

        await WriteAsync(tree, new JsonObject { ["bytesPerSecond"] = 65_536, ["dailyBytes"] = 200 << 20 });
        await UntilAsync(() => tree["north"].LinkCosts.GetValueOrDefault("c1").Budget?.BytesPerSecond == 65_536);
        Assert.Equal(200L << 20, tree["c1"].LinkCost!.Value.Budget!.DailyBytes);
        Assert.Equal(epoch, Epoch(tree, "c1")); // the same link

        var carried = tree["c1"].LinkCost!.Value.BytesToday;
        await tree.StopAsync("c1");
        await tree.AddAsync("c1", "north", [], Ct);
        Assert.True(tree["c1"].LinkCost!.Value.BytesToday >= carried, "the day's count began anew");
        await UntilAsync(() => tree["c1"].Parent == "north" && tree["north"].LinkCosts.GetValueOrDefault("c1").Budget?.BytesPerSecond == 65_536);

        await WriteAsync(tree, []);
        await UntilAsync(() => tree["c1"].LinkCost!.Value.Budget is null && tree["north"].LinkCosts.GetValueOrDefault("c1").Budget is null);
    }

    [Fact]
    public async Task A_parent_after_a_failover_holds_to_the_budget_too()
    {
        await using var tree = await StartAsync();
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("south", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", [], Ct);
        await UntilAsync(() => tree["c1"].Candidates.Contains("south"));
        await WriteAsync(tree, new JsonObject { ["dailyBytes"] = 200 << 20 });
        await UntilAsync(() => tree["c1"].LinkCost!.Value.Budget is not null);

        await tree.StopAsync("north");

        await UntilAsync(() => tree["south"].LinkCosts.GetValueOrDefault("c1").Budget?.DailyBytes == 200 << 20);
    }

    [Fact]
    public async Task A_cap_set_after_a_move_counts_at_the_new_parent_what_the_link_carried_under_the_old_one()
    {
        await using var tree = await StartAsync();
        await tree.AddAsync("north", "root", [], Ct, leaf: false);
        await tree.AddAsync("south", "root", [], Ct, leaf: false);
        await tree.AddAsync("c1", "north", [], Ct);
        await UntilAsync(() => tree["c1"].Candidates.Contains("south"));
        await tree["north"].Messages.SendAsync("c1", "t", "", Noise(200_000), TimeSpan.FromHours(1));
        await UntilAsync(() => tree["c1"].LinkCost!.Value.BytesToday > 200_000);
        await tree.StopAsync("north");
        await UntilAsync(() => tree["c1"].Parent == "south");

        await WriteAsync(tree, new JsonObject { ["dailyBytes"] = 200 << 20 });

        await UntilAsync(() => tree["south"].LinkCosts.GetValueOrDefault("c1").Budget is not null);
        Assert.InRange(tree["south"].LinkCosts["c1"].BytesToday, 200_000, 2_000_000);
    }

    [Fact]
    public async Task The_root_shows_what_a_link_costs()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var tree = new SmallTree { Time = time };
        await tree.WhileAsync(Done(tree.StartRootAsync(Ct)));
        await tree.WhileAsync(tree.AddAsync("c1", "root", [], Ct));
        await tree.WhileAsync(tree.ClusterIsAsync("c1", "online", Ct));
        await WriteAsync(tree, new JsonObject { ["dailyBytes"] = 200 << 20 });

        var shown = await tree.WhileAsync(SmallTree.UntilAsync(tree.Root, Kinds.Clusters, null, "c1", c => c.Whole("status", "link", "dailyBytes") == 200 << 20, Ct));

        Assert.True(shown.Whole("status", "link", "bytesToday") > 0);
        Assert.True(shown.Condition("WithinLinkBudget").Text("status") == "True");
        Assert.NotNull(shown.Time("status", "link", "asOf"));
    }

    [Fact]
    public async Task A_cap_that_is_reached_is_kept_and_shown_within_seconds_so_that_a_kill_begins_no_new_day()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var disk = new MemoryJournal();
        await using var tree = new SmallTree { Time = time, Journal = name => name == "c1" ? disk : null };
        await tree.WhileAsync(Done(tree.StartRootAsync(Ct)));
        await tree.WhileAsync(tree.AddAsync("c1", "root", [], Ct));
        await tree.WhileAsync(tree.ClusterIsAsync("c1", "online", Ct));
        await WriteAsync(tree, new JsonObject { ["dailyBytes"] = 1 << 20 });
        await tree.WhileAsync(Done(UntilAsync(() => tree["c1"].LinkCost?.Budget is not null)));
        for (var i = 0; i < 6; i++)
        {
            await tree["root"].Messages.SendAsync("c1", "t", "", Noise(200_000), TimeSpan.FromHours(1));
        }

        await tree.WhileAsync(Done(UntilAsync(() => tree["c1"].LinkCost!.Value.IsSpent)));
        var reached = time.GetUtcNow();
        await tree.WhileAsync(SmallTree.UntilAsync(tree.Root, Kinds.Clusters, null, "c1", c => c.Condition("WithinLinkBudget").Text("status") == "False", Ct));

        Assert.InRange(time.GetUtcNow() - reached, TimeSpan.Zero, TimeSpan.FromSeconds(15));
        Assert.InRange(OwnBudget.Load(disk).Kept.Bytes, 1 << 20, 2 << 20);
    }

    [Fact]
    public async Task A_message_that_quiet_hours_held_beyond_its_life_expires_and_is_not_called_delivered()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var tree = new SmallTree { Time = time };
        await tree.WhileAsync(Done(tree.StartRootAsync(Ct)));
        await tree.WhileAsync(tree.AddAsync("c1", "root", [], Ct));
        await tree.WhileAsync(tree.ClusterIsAsync("c1", "online", Ct));
        await WriteAsync(tree, new JsonObject { ["quietHours"] = new JsonArray("00:00-12:00", "11:00-00:00") });
        await tree.WhileAsync(Done(UntilAsync(() => tree["c1"].LinkCost?.Budget is not null)));
        var body = new byte[] { 1 };
        var late = await tree["root"].Messages.SendAsync("c1", "t", "", body, TimeSpan.FromSeconds(2));
        var patient = await tree["root"].Messages.SendAsync("c1", "t", "", body, TimeSpan.FromMinutes(5));
        await tree.WhileAsync(Done(Task.Delay(TimeSpan.FromSeconds(4), time, Ct)));

        await WriteAsync(tree, []);
        var fate = await tree.WhileAsync(tree["root"].Messages.WaitAsync(late.Id, Ct));
        Assert.Equal((SentState.Expired, "its time was over when it came to c1"), (fate!.State, fate.Text));
        Assert.Equal(SentState.Delivered, (await tree.WhileAsync(tree["root"].Messages.WaitAsync(patient.Id, Ct)))!.State);
        Assert.Equal(1, tree["c1"].Messages.Waiting);
    }

    [Fact]
    public async Task The_api_refuses_what_is_no_budget()
    {
        await using var tree = await StartAsync();
        await tree.AddAsync("c1", "root", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        foreach (var wrong in (JsonObject[])
            [new() { ["bytesPerSecond"] = 1 }, new() { ["quietHours"] = new JsonArray("25:00-06:00") }, new() { ["offset"] = "8" }, new() { ["laneWeights"] = new JsonObject { ["bulk"] = 0 } }])
        {
            var refused = await Assert.ThrowsAsync<KubeStatusException>(() => WriteAsync(tree, wrong));
            Assert.Contains("spec.linkBudget", refused.Message, StringComparison.Ordinal);
        }
    }

    private static Task<JsonObject> WriteAsync(SmallTree tree, JsonObject budget) =>
        tree.Root.PatchAsync(Kinds.Clusters, null, "c1", PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["linkBudget"] = Replacing(budget) } }, Ct);

    // A merge patch keeps what it does not name.
    private static JsonObject Replacing(JsonObject budget)
    {
        foreach (var field in (string[])["bytesPerSecond", "dailyBytes", "quietHours", "offset", "laneWeights"])
        {
            budget.TryAdd(field, null);
        }

        return budget;
    }

    private static byte[] Noise(int length)
    {
        var bytes = new byte[length];
        new Random(1).NextBytes(bytes);
        return bytes;
    }

    private static ulong Epoch(SmallTree tree, string name) => tree["root"].Below.First(e => e.Name == name).Epoch;

    private static Task UntilAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string what = "") => Eventually.HoldsAsync(condition, what, TimeSpan.FromSeconds(30), Ct);

    private static async Task<bool> Done(Task task)
    {
        await task;
        return true;
    }

    private static Task<SmallTree> StartAsync() => SmallTree.StartAsync(Ct, options => options with
    {
        Tunnel = options.Tunnel with { Heartbeat = TimeSpan.FromMilliseconds(200), Lease = TimeSpan.FromSeconds(2) },
        Failover = new FailoverOptions
        {
            Backoff = new BackoffOptions(TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(500)),
            Spread = TimeSpan.FromMilliseconds(10),
        },
    });
}
