using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Tests.Kube.Server.Split;

/// <summary>Lists over shards that several members hold.</summary>
public sealed class SplitListTests : IAsyncLifetime
{
    private SplitWorld _world = null!;

    public async ValueTask InitializeAsync() => _world = await SplitWorld.StartAsync();

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Whoever_is_asked_and_in_pages_of_any_size_a_list_is_that_of_one_mirror_that_has_all(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 120; round++)
        {
            var cluster = $"c{random.Next(24)}";
            await _world.TellAsync(cluster, [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => $"{(random.Next(4) == 0 && round > 60 ? "-" : "")}{"xyz"[random.Next(3)]}s/{"abc"[random.Next(3)]}{random.Next(9)}")]);
        }

        foreach (var query in (string[])["", "labelSelector=app%3Da", "labelSelector=ote-cluster%3Dc3", "fieldSelector=metadata.namespace%3Dys", "labelSelector=ote-cluster+in+(c1,c2,c7)"])
        {
            var all = Items(await _world.AskAsync(2, $"{SplitWorld.Pods}?{query}"));
            Assert.True(all.Count > 1, query);
            foreach (var limit in (int[])[0, 1, 2, random.Next(3, 20), 500])
            {
                Assert.Equal(all, await PagesAsync(random, query, limit));
            }
        }

        Assert.Equal(Items(await _world.AskAsync(2, "/apis/fleet.example/v1/namespaces/xs/pods")), Items(await _world.AskAsync(1, "/apis/fleet.example/v1/namespaces/xs/pods")));
        foreach (var name in (string[])["a1-c1", "b2-c5", "c3-c9", "zz-c1"])
        {
            using var one = await _world.SendAsync(0, $"/apis/fleet.example/v1/namespaces/xs/pods/{name}");
            using var same = await _world.SendAsync(2, $"/apis/fleet.example/v1/namespaces/xs/pods/{name}");
            Assert.Equal(same.StatusCode, one.StatusCode);
        }
    }

    [Fact]
    public async Task Kinds_that_clusters_of_any_shard_report_are_shown_by_each_member()
    {
        const string Widgets = "/apis/fleet.example/v1/widgets";
        await TellAllAsync();
        await _world.AskAsync(0, Widgets, code: 404);
        await _world.TellWidgetAsync("c0", "v1beta1", "a");
        await _world.TellWidgetAsync("c1", "v1", "b");
        await _world.TellWidgetAsync("c2", "v1", "c");
        _world.Time.Advance(TimeSpan.FromSeconds(2)); // what was learned is taken for what is until then
        foreach (var member in (int[])[0, 1])
        {
            var kinds = (await _world.AskAsync(member, "/apis/fleet.example/v1"))["resources"]!.AsArray();
            Assert.Equal("Widget", kinds.Single(k => k.Text("name") == "widgets").Text("kind"));
            Assert.Equal(["a-c0 fleet.example/v1", "b-c1 fleet.example/v1", "c-c2 fleet.example/v1"], (await _world.AskAsync(member, Widgets))["items"]!.AsArray().Select(o => $"{o.Text("metadata", "name")} {o.Text("apiVersion")}"));
        }
    }

    [Fact]
    public async Task What_a_shard_that_nobody_answers_for_has_is_left_out_and_the_answer_says_so()
    {
        await TellAllAsync();
        var all = Items(await _world.AskAsync(0, SplitWorld.Pods));
        Assert.Equal(12, all.Count);
        await _world.LoseAsync(3); // of the second
        using (var partial = await _world.SendAsync(0, SplitWorld.Pods))
        {
            var warning = Assert.Single(partial.Headers.GetValues("Warning"));
            Assert.Equal("299 - \"not all clusters are in this answer: nobody answers for shard 3 of 4, try again soon\"", warning);
            var items = Items(JsonNode.Parse(await partial.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!);
            Assert.Equal(all.Where(o => ShardOf(o) != 3), items);
        }

        // Of one object it is not said that it is not there.
        var there = Name(all.First(o => ShardOf(o) != 3));
        Assert.Equal(there, (await _world.AskAsync(0, $"/apis/fleet.example/v1/namespaces/default/pods/{there}")).Text("metadata", "name"));
        var missing = Name(all.First(o => ShardOf(o) == 3));
        Assert.Contains("nobody answers for shard 3", (await _world.AskAsync(1, $"/apis/fleet.example/v1/namespaces/default/pods/{missing}", 503)).Text("message"), StringComparison.Ordinal);
        await _world.LoseAsync(2);
        using (var less = await _world.SendAsync(0, SplitWorld.Pods))
        {
            Assert.Contains("nobody answers for shards 2, 3 of 4", Assert.Single(less.Headers.GetValues("Warning")), StringComparison.Ordinal);
        }

        foreach (var shard in (int[])[0, 1])
        {
            await _world.LoseAsync(shard);
        }

        using (var partial = await _world.SendAsync(0, SplitWorld.Pods))
        {
            Assert.Contains("nobody answers for shards 0, 1, 2, 3 of 4", await partial.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }

        // None at all is no empty list.
        await _world.AskAsync(0, SplitWorld.Pods, 503);
    }

    [Fact]
    public async Task A_version_or_a_token_of_another_division_or_of_an_object_is_answered_410()
    {
        await TellAllAsync();
        var list = await _world.AskAsync(0, $"{SplitWorld.Pods}?limit=2");
        var version = list.Text("metadata", "resourceVersion")!;
        Assert.Matches("^s([0-9a-f]+\\.){3}[0-9a-f]+$", version);
        Assert.Equal(12, Items(await _world.AskAsync(1, $"{SplitWorld.Pods}?resourceVersion={version}")).Count);
        Assert.Equal(12, Items(await _world.AskAsync(1, $"{SplitWorld.Pods}?resourceVersion=0")).Count);
        foreach (var other in (string[])["17", list["items"]![0].Text("metadata", "resourceVersion")!, "s1.2.3"])
        {
            await _world.AskAsync(0, $"{SplitWorld.Pods}?resourceVersion={other}", 410);
        }

        await _world.AskAsync(0, $"{SplitWorld.Pods}?resourceVersion=-", 400);
        var undivided = (await _world.AskAsync(2, $"{SplitWorld.Pods}?limit=2")).Text("metadata", "continue");
        await _world.AskAsync(0, $"{SplitWorld.Pods}?limit=2&continue={undivided}", 410);
        // One that is ahead of what a shard has.
        await _world.AskAsync(0, $"{SplitWorld.Pods}?resourceVersion={version[..version.LastIndexOf('.')]}.7fffffffffffffff", 504);
    }

    [Fact]
    public async Task Two_that_shards_show_under_one_name_are_both_listed_and_neither_is_done_anything_to()
    {
        var (one, other) = Twins();
        await _world.TellAsync(one, "web-" + other[..^(one.Length + 1)], "a", "z");
        await _world.TellAsync(other, "web", "b");
        var all = Items(await _world.AskAsync(0, SplitWorld.Pods));
        Assert.Equal(5, all.Count);
        Assert.Equal(2, all.Count(o => Name(o) == $"web-{other}"));
        foreach (var limit in (int[])[1, 2, 3, 4])
        {
            Assert.Equal(all, await PagesAsync(new Random(1), "", limit));
        }

        var refused = (await _world.AskAsync(0, $"/apis/fleet.example/v1/namespaces/default/pods/web-{other}", 409)).Text("message")!;
        Assert.Contains("objects of several clusters here", refused, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_is_merged_as_what_is_and_nothing_is_told_of_before_all_shards_were_there()
    {
        await TellAllAsync();
        var now = TimeProvider.System.GetUtcNow().AddMilliseconds(-1).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        await _world.TellAsync("c1", "-web");
        var then = Items(await _world.AskAsync(0, $"{SplitWorld.Pods}?limit=5&ote-at={now}"));
        Assert.Equal(5, then.Count);
        Assert.Contains("goes back to", (await _world.AskAsync(0, $"{SplitWorld.Pods}?ote-at=2020-01-01T00:00:00Z", 410)).Text("message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_members_are_told_what_a_shard_has()
    {
        await TellAllAsync();
        const string Path = "/ote-shards/v1/0/list?resource=/pods&limit=5&of=4";
        using var member = await _world.SendAsync(0, Path, isMember: true);
        Assert.Equal(200, (int)member.StatusCode);
        using var front = await _world.SendAsync(0, Path);
        Assert.Equal(401, (int)front.StatusCode);
        using var elsewhere = await _world.SendAsync(1, Path, isMember: true);
        Assert.Equal(503, (int)elsewhere.StatusCode);
        using var otherwise = await _world.SendAsync(0, Path.Replace("of=4", "of=8", StringComparison.Ordinal), isMember: true);
        Assert.Contains("divides clusters among 4 shards", await otherwise.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private static List<string> Items(JsonNode list) => [.. list["items"]!.AsArray().Select(o =>
    {
        o!["metadata"]!.AsObject().Remove("resourceVersion");
        return o.ToJsonString();
    })];

    private static string Name(string item) => JsonNode.Parse(item).Text("metadata", "name")!;

    private static int ShardOf(string item) => Ote.Roles.ControllerManager.ShardPlan.ShardOf(JsonNode.Parse(item).Text("metadata", "labels", "ote-cluster")!, SplitWorld.Shards);

    /// <summary>A cluster, and one whose name ends with a dash and the former's, of another shard.</summary>
    private static (string One, string Other) Twins() => Enumerable.Range(0, 100).Select(i => ("edge", $"n{i}-edge"))
        .First(pair => Ote.Roles.ControllerManager.ShardPlan.ShardOf(pair.Item1, SplitWorld.Shards) != Ote.Roles.ControllerManager.ShardPlan.ShardOf(pair.Item2, SplitWorld.Shards));

    private async Task TellAllAsync()
    {
        foreach (var i in Enumerable.Range(0, 12))
        {
            await _world.TellAsync($"c{i}", "web");
        }
    }

    /// <summary>All pages, each asked of one or the other.</summary>
    private async Task<List<string>> PagesAsync(Random random, string query, int limit)
    {
        List<string> items = [];
        var rest = "";
        do
        {
            var page = await _world.AskAsync(random.Next(2), $"{SplitWorld.Pods}?{query}&limit={limit}{rest}");
            items.AddRange(Items(page));
            rest = page.Text("metadata", "continue") is { Length: > 0 } token ? $"&continue={token}" : "";
        }
        while (rest.Length > 0);
        return items;
    }
}
