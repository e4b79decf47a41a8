using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Tests.Kube.Server.Http;

namespace Ote.Tests.Kube.Server.Watching;

public sealed class WatchTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Defect", "E2")]
    public async Task Watch_FromAVersion_GivesEachChangeAfterItOnceAndInOrder_WhileWritersRace(bool onDisk)
    {
        const int Writers = 8;
        const int Each = 40;
        await using var api = await ApiServerFixture.StartAsync(onDisk);
        var start = (await api.Admin.ListAsync(Kinds.ConfigMaps, "default", null, Token)).ResourceVersion;
        var writing = Task.WhenAll(Enumerable.Range(0, Writers).Select(w => Task.Run(
            async () =>
            {
                for (var i = 0; i < Each; i++)
                {
                    await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map($"w{w}-{i}"), Token);
                }
            },
            Token)));
        // Several watchers begin at different moments of the storm; each must see the whole of it.
        var watchers = Enumerable.Range(0, 6).Select(async i =>
        {
            for (var spin = 0; spin < i * 50; spin++)
            {
                await Task.Yield();
            }

            var seen = new List<long>();
            await foreach (var change in api.Admin.WatchAsync(Kinds.ConfigMaps, "default", null, start, Token))
            {
                if (change.Type == WatchEventType.Bookmark)
                {
                    continue;
                }

                Assert.Equal(WatchEventType.Added, change.Type);
                seen.Add(long.Parse(change.Object.ResourceVersion(), System.Globalization.CultureInfo.InvariantCulture));
                if (seen.Count == Writers * Each)
                {
                    break;
                }
            }

            return seen;
        }).ToList();
        await writing;
        foreach (var seen in await Task.WhenAll(watchers))
        {
            Assert.Equal(Writers * Each, seen.Count);
            Assert.Equal(seen.Distinct().Order(), seen);
        }
    }

    [Fact]
    public async Task Watch_WithoutAVersion_BeginsWithWhatIsThere()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map("a"), Token);
        var events = await TakeAsync(api.Admin.WatchAsync(Kinds.ConfigMaps, "default", null, "", Token), 1);
        Assert.Equal((WatchEventType.Added, "a"), (events[0].Type, events[0].Object.Name()));
    }

    [Fact]
    public async Task Watch_ByLabel_AddsWhatBeginsToMatch_AndDeletesWhatCeases()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var start = (await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map("a"), Token)).ResourceVersion();
        foreach (var labels in (string[])["""{"tier":"edge"}""", """{"tier":"edge","x":"y"}""", """{"tier":"cloud","x":"y"}"""])
        {
            await api.Admin.PatchAsync(
                Kinds.ConfigMaps, "default", "a", PatchKind.Merge, new JsonObject { ["metadata"] = new JsonObject { ["labels"] = JsonNode.Parse(labels) } }, Token);
        }

        var events = await TakeAsync(api.Admin.WatchAsync(Kinds.ConfigMaps, "default", new ListQuery("tier=edge"), start, Token), 3);
        Assert.Equal([WatchEventType.Added, WatchEventType.Modified, WatchEventType.Deleted], events.Select(e => e.Type));
    }

    [Fact]
    public async Task Watch_FromACompactedVersion_IsExpired()
    {
        await using var api = await ApiServerFixture.StartAsync(options: o => o with { HistoryKept = 10 });
        var start = (await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map("a"), Token)).ResourceVersion();
        for (var i = 0; i < 40; i++)
        {
            await api.Admin.PatchAsync(Kinds.ConfigMaps, "default", "a", PatchKind.Merge, new JsonObject { ["data"] = new JsonObject { ["n"] = $"{i}" } }, Token);
        }

        var expired = await Assert.ThrowsAsync<KubeStatusException>(() => TakeAsync(api.Admin.WatchAsync(Kinds.ConfigMaps, "default", null, start, Token), 1));
        Assert.True(expired.IsExpired);
    }

    [Fact]
    public async Task Watch_FromAVersionThatNeverWas_IsExpired()
    {
        await using var api = await ApiServerFixture.StartAsync();
        var expired = await Assert.ThrowsAsync<KubeStatusException>(() => TakeAsync(api.Admin.WatchAsync(Kinds.ConfigMaps, "default", null, "999999", Token), 1));
        Assert.True(expired.IsExpired);
    }

    [Fact]
    public async Task Watch_ThatIsQuiet_GetsBookmarksOfTheNewestVersion()
    {
        var time = new FakeTimeProvider();
        await using var api = await ApiServerFixture.StartAsync(time: time);
        var start = (await api.Admin.ListAsync(Kinds.ConfigMaps, "default", null, Token)).ResourceVersion;
        // A change of another kind moves the version on without an event here.
        var newest = (await api.Admin.CreateAsync(Kinds.Secrets, "default", new JsonObject { ["metadata"] = new JsonObject { ["name"] = "s" } }, Token)).ResourceVersion();
        await using var watch = api.Admin.WatchAsync(Kinds.ConfigMaps, "default", null, start, Token).GetAsyncEnumerator(Token);
        var next = watch.MoveNextAsync().AsTask();
        while (!next.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(61));
            await Task.WhenAny(next, Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Token));
        }

        Assert.True(await next);
        Assert.Equal((WatchEventType.Bookmark, newest), (watch.Current.Type, watch.Current.Object.ResourceVersion()));
    }

    [Fact]
    public async Task Watch_WhoseTimeIsUp_EndsWithABookmarkOfTheNewestVersion()
    {
        var time = new FakeTimeProvider();
        await using var api = await ApiServerFixture.StartAsync(time: time);
        var start = (await api.Admin.ListAsync(Kinds.ConfigMaps, "default", null, Token)).ResourceVersion;
        await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map("a"), Token);
        var newest = (await api.Admin.CreateAsync(Kinds.Secrets, "default", Map("s"), Token)).ResourceVersion();
        string[] lines = [.. await LinesAsync("&allowWatchBookmarks=true"), "|", .. await LinesAsync("")];

        Assert.Equal(["ADDED", $"BOOKMARK {newest}", "|", "ADDED"], lines);

        async Task<List<string>> LinesAsync(string bookmarks)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=30&resourceVersion={start}{bookmarks}");
            using var answer = await api.Admin.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token);
            using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(Token));
            var told = new List<string>();
            while (await reader.ReadLineAsync(Token) is { } line)
            {
                var change = JsonNode.Parse(line);
                told.Add(change.Text("type") == "BOOKMARK" ? $"BOOKMARK {change.Text("object", "metadata", "resourceVersion")}" : change.Text("type")!);
                // Shorter than the interval of bookmarks: the one that comes is that of the end.
                time.Advance(TimeSpan.FromSeconds(31));
            }

            return told;
        }
    }

    [Fact]
    public async Task Watch_ThatKnowsTheNewestVersion_IsLeftAlone()
    {
        var time = new FakeTimeProvider();
        await using var api = await ApiServerFixture.StartAsync(time: time);
        await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map("a"), Token);
        using var request = new HttpRequestMessage(
            HttpMethod.Get, "api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=600&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
        using var answer = await api.Admin.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(Token));
        var told = new List<string?>();
        while (await reader.ReadLineAsync(Token) is { } line)
        {
            told.Add(JsonNode.Parse(line).Text("type"));
            if (told.Count == 2)
            {
                time.Advance(TimeSpan.FromSeconds(61));
                time.Advance(TimeSpan.FromSeconds(600));
            }
        }

        Assert.Equal(["ADDED", "BOOKMARK"], told);
    }

    [Fact]
    [Trait("Defect", "E4")]
    public async Task Watch_GivenUpByItsReader_Ends()
    {
        await using var api = await ApiServerFixture.StartAsync(options: o => o with { MaxWatches = 1 });
        for (var i = 0; i < 3; i++)
        {
            await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map($"m{i}"), Token);
            await TakeUntilAdmittedAsync(api);
        }
    }

    [Fact]
    public async Task Watch_BeyondTheMost_IsTooManyRequests()
    {
        await using var api = await ApiServerFixture.StartAsync(options: o => o with { MaxWatches = 1 });
        await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map("a"), Token);
        await using var first = api.Admin.WatchAsync(Kinds.ConfigMaps, "default", null, "", Token).GetAsyncEnumerator(Token);
        Assert.True(await first.MoveNextAsync());
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => TakeAsync(api.Admin.WatchAsync(Kinds.ConfigMaps, "default", null, "", Token), 1));
        Assert.Equal(429, refused.Code);
    }

    [Fact]
    [Trait("Defect", "E1")]
    public async Task Watch_WhoseReaderIsStuck_IsCutOff_AndHoldsNobodyBack()
    {
        await using var api = await ApiServerFixture.StartAsync(options: o => o with { WatchBuffer = 5 });
        using var request = new HttpRequestMessage(HttpMethod.Get, "api/v1/configmaps?watch=1");
        using var answer = await api.Admin.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token);
        var text = new string('x', 20_000);
        for (var i = 0; i < 40; i++)
        {
            var map = Map($"m{i}");
            map["data"] = new JsonObject { ["text"] = text };
            await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", map, Token);
        }

        await using var stream = await answer.Content.ReadAsStreamAsync(Token);
        await Assert.ThrowsAnyAsync<IOException>(() => stream.CopyToAsync(Stream.Null, Token));
    }

    [Fact]
    public async Task Watch_WithInitialEvents_MarksTheirEnd()
    {
        await using var api = await ApiServerFixture.StartAsync();
        using var request = new HttpRequestMessage(
            HttpMethod.Get, "api/v1/namespaces?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
        using var answer = await api.Admin.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(Token));
        for (var i = 0; i < 4; i++)
        {
            Assert.StartsWith("{\"type\":\"ADDED\"", await lines.ReadLineAsync(Token), StringComparison.Ordinal);
        }

        var mark = (JsonObject)JsonNode.Parse((await lines.ReadLineAsync(Token))!)!;
        Assert.Equal(("BOOKMARK", "true"), (mark.Text("type"), mark.Text("object", "metadata", "annotations", "k8s.io/initial-events-end")));
    }

    [Fact]
    public async Task Watch_ThatWantsNoInitialEvents_BeginsNow()
    {
        await using var api = await ApiServerFixture.StartAsync();
        await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map("before"), Token);
        await api.Admin.DeleteAsync(Kinds.ConfigMaps, "default", "before", Token);
        using var request = new HttpRequestMessage(
            HttpMethod.Get, "api/v1/namespaces/default/configmaps?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
        using var answer = await api.Admin.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token);
        await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map("after"), Token);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(Token));
        var first = JsonNode.Parse((await lines.ReadLineAsync(Token))!);
        Assert.Equal(("ADDED", "after"), (first.Text("type"), first.Text("object", "metadata", "name")));
    }

    [Fact]
    public async Task Watch_OfATable_NamesItsColumnsOnce()
    {
        await using var api = await ApiServerFixture.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "api/v1/namespaces?watch=1");
        request.Headers.TryAddWithoutValidation("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
        using var answer = await api.Admin.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(Token));
        var first = JsonNode.Parse((await lines.ReadLineAsync(Token))!)!["object"];
        var second = JsonNode.Parse((await lines.ReadLineAsync(Token))!)!["object"];
        Assert.Equal("Table", first.Text("kind"));
        Assert.NotEmpty(first.Items("columnDefinitions")!);
        Assert.Empty(second.Items("columnDefinitions")!);
        Assert.Single(second.Items("rows")!);
    }

    private static async Task TakeUntilAdmittedAsync(ApiServerFixture api)
    {
        while (true)
        {
            try
            {
                await TakeAsync(api.Admin.WatchAsync(Kinds.ConfigMaps, "default", null, "", Token), 1);
                return;
            }
            catch (KubeStatusException busy) when (busy.Code == 429)
            {
                // The watch before is still being wound up.
                await Task.Yield();
            }
        }
    }

    private static async Task<List<WatchEvent>> TakeAsync(IAsyncEnumerable<WatchEvent> watch, int count)
    {
        var events = new List<WatchEvent>();
        await foreach (var change in watch)
        {
            if (change.Type != WatchEventType.Bookmark)
            {
                events.Add(change);
            }

            if (events.Count == count)
            {
                break;
            }
        }

        return events;
    }

    private static JsonObject Map(string name) => new() { ["metadata"] = new JsonObject { ["name"] = name } };
}
