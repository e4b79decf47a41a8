using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Ote.Cluster.Budgets;
using Ote.Cluster.Messages;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Testing;
using Ote.Tests.Cluster.Handling;

namespace Ote.Tests.Cluster.Budgets;

/// <summary>A site's budget holds on a real link over TLS on loopback, with messages between clusters as traffic, by the wall clock.</summary>
public sealed class BudgetTrafficTests
{
    private const int BodyBytes = 60_000;
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_rate_holds_what_a_site_sends_to_so_many_bytes_a_second_and_nothing_is_lost()
    {
        await using var tree = await TreeAsync(compress: false);
        await LimitAsync(tree, new JsonObject { ["bytesPerSecond"] = 100_000 });
        var (time, before) = (TimeProvider.System, tree["c1"].LinkCost!.Value.Sent);
        var began = time.GetTimestamp();

        await SendAsync(tree, 8, RandomNumberGenerator.GetBytes(BodyBytes)); // 480 kB

        var (took, sent) = (time.GetElapsedTime(began), tree["c1"].LinkCost!.Value.Sent - before);
        Assert.True(sent > 8 * BodyBytes, $"{sent} bytes");

        // The first second's bytes and one packet go at once.
        Assert.True(took.TotalSeconds > (sent - 100_000 - 16_384) / 100_000.0, $"{sent} bytes in {took}");
    }

    [Fact]
    public async Task A_spent_day_holds_messages_back_at_both_ends_and_commands_still_pass()
    {
        await using var tree = await TreeAsync(compress: false);
        await LimitAsync(tree, new JsonObject { ["dailyBytes"] = LinkBudget.LeastDailyBytes });
        await SendAsync(tree, 20, RandomNumberGenerator.GetBytes(BodyBytes), mustArrive: false);
        await UntilAsync(() => tree["c1"].LinkCost!.Value.IsSpent && tree["root"].LinkCosts["c1"].IsSpent);
        var carried = tree["c1"].LinkCost!.Value.BytesToday;
        Assert.InRange(carried, LinkBudget.LeastDailyBytes, LinkBudget.LeastDailyBytes + 200_000); // what was on its way

        var down = await tree["root"].Messages.SendAsync("c1", "t", "", RandomNumberGenerator.GetBytes(BodyBytes));
        await tree.CommandAsync("make", "c1", "POST", "/api/v1/namespaces/default/configmaps", """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"}}""", Ct);
        Assert.Equal("Succeeded", (await tree.OverAsync("make", Ct)).Text("status", "commandPhase"));
        Assert.Equal((0, SentState.OnItsWay), (tree["c1"].Messages.Waiting, tree["root"].Messages.Find(down.Id)!.State));
        Assert.True(tree["root"].Messages.Waiting < 20, "all arrived");

        await LimitAsync(tree, []); // the operator lifts it: what waited goes, and nothing was lost
        await UntilAsync(() => tree["root"].Messages.Waiting == 20 && tree["c1"].Messages.Waiting == 1);
    }

    [Fact]
    public async Task Quiet_hours_hold_messages_back_while_they_last()
    {
        await using var tree = await TreeAsync();
        var now = TimeProvider.System.GetUtcNow();
        var (from, to) = (now.AddMinutes(-10), now.AddMinutes(10));
        await LimitAsync(tree, new JsonObject { ["quietHours"] = new JsonArray(FormattableString.Invariant($"{from:HH:mm}-{to:HH:mm}")) });
        var sent = await tree["c1"].Messages.SendAsync("root", "t", "", Encoding.UTF8.GetBytes("x"));
        await tree.CommandAsync("make", "c1", "POST", "/api/v1/namespaces/default/configmaps", """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"}}""", Ct);
        Assert.Equal("Succeeded", (await tree.OverAsync("make", Ct)).Text("status", "commandPhase"));
        Assert.Equal((0, SentState.OnItsWay), (tree["root"].Messages.Waiting, tree["c1"].Messages.Find(sent.Id)!.State));

        await LimitAsync(tree, new JsonObject { ["quietHours"] = new JsonArray(FormattableString.Invariant($"{now.AddHours(3):HH:mm}-{now.AddHours(4):HH:mm}")) });
        Assert.Equal(SentState.Delivered, (await tree["c1"].Messages.WaitAsync(sent.Id, Ct))!.State);
    }

    [Fact]
    public async Task Compression_is_chosen_where_bytes_are_scarce_and_pays_and_not_where_it_does_not()
    {
        await using var tree = await TreeAsync();
        var text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("red shoes: 3, blue shoes: 4; ", 2000)));
        await SendAsync(tree, 4, text);
        Assert.Equal(0, tree["c1"].LinkCost!.Value.SavedToday); // loopback, no budget: bytes cost nothing

        await LimitAsync(tree, new JsonObject { ["dailyBytes"] = 1L << 30 });
        var (saved, sent) = (tree["c1"].LinkCost!.Value.SavedToday, tree["c1"].LinkCost!.Value.Sent);
        await SendAsync(tree, 4, text);
        Assert.True(tree["c1"].LinkCost!.Value.SavedToday - saved > 4 * text.Length / 2, "less than half was saved");
        Assert.True(tree["c1"].LinkCost!.Value.Sent - sent < 4 * text.Length / 2, "more than half was sent");

        (saved, sent) = (tree["c1"].LinkCost!.Value.SavedToday, tree["c1"].LinkCost!.Value.Sent);
        await SendAsync(tree, 4, RandomNumberGenerator.GetBytes(text.Length)); // will not become smaller
        Assert.InRange(tree["c1"].LinkCost!.Value.SavedToday - saved, 0, 2000);
        Assert.InRange(tree["c1"].LinkCost!.Value.Sent - sent, 4 * text.Length, 4 * text.Length * 11 / 10);
    }

    private static async Task SendAsync(SmallTree tree, int count, byte[] body, bool mustArrive = true)
    {
        List<string> ids = [];
        for (var i = 0; i < count; i++)
        {
            ids.Add((await tree["c1"].Messages.SendAsync("root", "t", "", body)).Id);
        }

        foreach (var id in mustArrive ? ids : [])
        {
            Assert.Equal(SentState.Delivered, (await tree["c1"].Messages.WaitAsync(id, Ct))!.State);
        }
    }

    private static async Task LimitAsync(SmallTree tree, JsonObject budget)
    {
        foreach (var field in (string[])["bytesPerSecond", "dailyBytes", "quietHours", "offset", "laneWeights"])
        {
            budget.TryAdd(field, null); // a merge patch keeps what it does not name
        }

        var written = await tree.Root.PatchAsync(Kinds.Clusters, null, "c1", PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["linkBudget"] = budget } }, Ct);
        Assert.True(BudgetSpec.TryRead((JsonObject)written["spec"]!["linkBudget"]!, out var wished, out var error), error);
        await UntilAsync(() => Equals(tree["c1"].LinkCost!.Value.Budget ?? new LinkBudget(), wished) && Equals(tree["root"].LinkCosts.GetValueOrDefault("c1").Budget ?? new LinkBudget(), wished));
    }

    private static Task UntilAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string what = "") => Eventually.HoldsAsync(condition, what, TimeSpan.FromSeconds(60), Ct);

    private static async Task<SmallTree> TreeAsync(bool compress = true)
    {
        var tree = await SmallTree.StartAsync(Ct, options => options with { Tunnel = options.Tunnel with { Compress = compress } });
        await tree.AddAsync("c1", "root", [], Ct);
        await tree.ClusterIsAsync("c1", "online", Ct);
        return tree;
    }
}
