using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Tests.Kube.Server.Split;

/// <summary>Watches over shards that several members hold.</summary>
public sealed class SplitWatchTests : IAsyncLifetime
{
    private SplitWorld _world = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _world = await SplitWorld.StartAsync();

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task Each_change_is_told_once_and_from_each_version_told_either_member_goes_on()
    {
        await AllAsync("web");
        var start = await VersionAsync();
        using var watch = await _world.WatchAsync(0, $"&resourceVersion={start}");
        await AllAsync("db");
        await _world.TellAsync("c3", "-web");
        var (told, versions) = await TakeAsync(watch, 13);
        Assert.Equal([.. Enumerable.Range(0, 12).Select(i => $"ADDED db-c{i}"), "DELETED web-c3"], told.Order(StringComparer.Ordinal).OrderBy(t => t.StartsWith('D')).ThenBy(t => int.Parse(t.Split('c')[^1], System.Globalization.CultureInfo.InvariantCulture)));
        Assert.Equal(13, versions.Distinct().Count());
        foreach (var at in (int[])[0, 5, 11])
        {
            using var next = await _world.WatchAsync(1, $"&resourceVersion={versions[at]}");
            Assert.Equal(told[(at + 1)..].Order(StringComparer.Ordinal), (await TakeAsync(next, 12 - at)).Told.Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public async Task One_that_names_no_version_begins_with_what_is_and_goes_on_with_what_comes()
    {
        await AllAsync("web");
        using var watch = await _world.WatchAsync(1, "&labelSelector=app%3Dw");
        Assert.Equal(Enumerable.Range(0, 12).Select(i => $"ADDED web-c{i}").Order(StringComparer.Ordinal), (await TakeAsync(watch, 12)).Told.Order(StringComparer.Ordinal));
        await _world.TellAsync("c1", "db");
        await _world.TellAsync("c2", "www");
        Assert.Equal(["ADDED www-c2"], (await TakeAsync(watch, 1)).Told);
    }

    [Fact]
    public async Task Initial_events_end_with_a_bookmark_from_which_one_goes_on()
    {
        await AllAsync("web");
        using var watch = await _world.WatchAsync(0, "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
        var (told, versions) = await TakeAsync(watch, 13);
        Assert.Equal("BOOKMARK ", told[^1]);
        using var next = await _world.WatchAsync(1, $"&resourceVersion={versions[^1]}");
        await _world.TellAsync("c7", "db");
        Assert.Equal(["ADDED db-c7"], (await TakeAsync(next, 1)).Told);
    }

    [Fact]
    public async Task Where_a_shard_has_another_holder_since_who_watches_is_told_410_whoever_is_asked()
    {
        await AllAsync("web");
        var before = await VersionAsync();
        using var here = await _world.WatchAsync(1, $"&resourceVersion={before}"); // the shard's holder itself
        using var there = await _world.WatchAsync(0, $"&resourceVersion={before}");
        await _world.LoseAsync(3);
        // While nobody has it the others' changes are told.
        var cluster = Enumerable.Range(0, 12).Select(i => $"c{i}").First(c => Ote.Roles.ControllerManager.ShardPlan.ShardOf(c, SplitWorld.Shards) != 3);
        await _world.TellAsync(cluster, "db");
        Assert.Equal([$"ADDED db-{cluster}"], (await TakeAsync(here, 1)).Told);
        Assert.Equal([$"ADDED db-{cluster}"], (await TakeAsync(there, 1)).Told);
        var partial = await VersionAsync();
        _world.Take(3, member: 0);
        Assert.Equal("410", (await _world.PassUntilAsync(LastAsync(here))).At("object", "code")?.ToString());
        Assert.Equal("410", (await _world.PassUntilAsync(LastAsync(there))).At("object", "code")?.ToString());
        // And who listed meanwhile, and did not have what it has.
        using var late = await _world.WatchAsync(0, $"&resourceVersion={partial}");
        Assert.Equal("410", (await _world.PassUntilAsync(LastAsync(late))).At("object", "code")?.ToString());
    }

    [Fact]
    public async Task A_version_of_an_object_or_of_another_division_is_told_410_and_what_is_none_400()
    {
        foreach (var version in (string[])["17", "s1.2"])
        {
            using var watch = await _world.WatchAsync(0, $"&resourceVersion={version}");
            Assert.Equal("410", (await LastAsync(watch)).At("object", "code")?.ToString());
        }

        await _world.AskAsync(0, $"{SplitWorld.Pods}?watch=true&resourceVersion=-", 400);
    }

    private static async Task<(List<string> Told, List<string> Versions)> TakeAsync(StreamReader watch, int count)
    {
        var (told, versions) = (new List<string>(), new List<string>());
        while (told.Count < count)
        {
            var line = JsonNode.Parse(await watch.ReadLineAsync(Ct) ?? throw new InvalidOperationException($"it ended after {string.Join(", ", told)}"))!;
            told.Add($"{line.Text("type")} {line.Text("object", "metadata", "name")}");
            versions.Add(line.Text("object", "metadata", "resourceVersion")!);
        }

        return (told, versions);
    }

    private static async Task<JsonNode> LastAsync(StreamReader watch)
    {
        JsonNode? last = null;
        while (await watch.ReadLineAsync(Ct) is { } line)
        {
            last = JsonNode.Parse(line);
        }

        return last ?? throw new InvalidOperationException("it ended without a word");
    }

    private async Task<string> VersionAsync() => (await _world.AskAsync(0, $"{SplitWorld.Pods}?limit=1")).Text("metadata", "resourceVersion")!;

    private async Task AllAsync(string pod)
    {
        foreach (var i in Enumerable.Range(0, 12))
        {
            await _world.TellAsync($"c{i}", pod);
        }
    }
}
