using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.SystemTests.Kubernetes;
using Ote.Testing;

namespace Ote.SystemTests.Clients;

/// <summary>A reflector that believes nothing follows both servers through many changes, bookmarks, and a history that was compacted under it.</summary>
public sealed class ProtocolReflectorTests(RealClusters clusters)
{
    private const int Writers = 4;
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(60);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(ServerUnderTest.Embedded)]
    [InlineData(ServerUnderTest.Real)]
    public async Task Reflector_knows_every_change_once_and_ends_with_what_a_fresh_list_has(string side)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(side, clusters, Ct);
        using HttpClient http = server.Http();
        using KubeClient client = new(server.Http());
        string run = RealClusters.FreshName("reflect"), other = RealClusters.FreshName("beside");
        string group = $"{run}.example.com";
        ResourceRef kind = await ServerUnderTest.DefineAsync(client, group, Ct);
        ConcurrentQueue<long> written = [];
        for (int i = 0; i < 30; i++)
            await CreateAsync(client, kind, run, $"{run}-{i:00}", []);

        // A list in pages that something is written under; then changes by many.
        ProtocolReflector reflector = new(http, $"apis/{group}/v1/namespaces/default/notes", $"run={run}")
        {
            BetweenPages = _ => CreateAsync(client, kind, run, $"{run}-late", written),
        };
        using (Loop loop = new(reflector))
        {
            await UntilAsync(() => reflector.Lists == 1, "the first list");
            await Task.WhenAll(Enumerable.Range(0, Writers).Select(w => ChangeAsync(client, kind, run, $"{run}-w{w}", written)));
            await UntilAsync(() => reflector.Version >= written.Max(), "what was written");
            Assert.Empty(reflector.Faults);
            Assert.DoesNotContain(written, version => !reflector.Saw(version));
            Assert.Equal(await FreshAsync(client, kind, run), reflector.Current);

            // What it does not select moves its version, by bookmarks alone.
            await CreateAsync(client, kind, other, other, written);
            await UntilAsync(() => reflector.Version >= written.Max(), "a bookmark");
            Assert.True(reflector.Bookmarks > 0);
            Assert.Equal((1, 0), (reflector.Lists, reflector.ExpiredWatches));
            await loop.EndAsync();
        }

        // Away, until its version is not kept any more: 410, and a new list says what is gone and what came.
        await client.DeleteAsync(kind, "default", $"{run}-07", Ct);
        await CreateAsync(client, kind, run, $"{run}-new", written);
        await server.CompactAsync(written.Max().ToString(CultureInfo.InvariantCulture), () => TouchAsync(client, kind, other), Ct);
        if (server.ForgottenVersion is { } forgotten)
            reflector.ComeFrom(forgotten);
        using (Loop loop = new(reflector))
        {
            await UntilAsync(() => reflector.Lists == 2, "a new list");
            Assert.Equal(1, reflector.ExpiredWatches);
            Assert.Equal(await FreshAsync(client, kind, run), reflector.Current);
            await ChangeAsync(client, kind, run, $"{run}-again", written);
            await UntilAsync(() => reflector.Version >= written.Max(), "what was written after the new list");
            Assert.Equal(await FreshAsync(client, kind, run), reflector.Current);
            Assert.Empty(reflector.Faults);
            await loop.EndAsync();
        }
    }

    [Theory]
    [InlineData(ServerUnderTest.Embedded)]
    [InlineData(ServerUnderTest.Real)]
    public async Task List_whose_version_is_compacted_between_two_pages_is_told_so_and_begun_anew(string side)
    {
        await using ServerUnderTest server = await ServerUnderTest.StartAsync(side, clusters, Ct);
        using HttpClient http = server.Http();
        using KubeClient client = new(server.Http());
        string run = RealClusters.FreshName("pages"), other = RealClusters.FreshName("beside");
        string group = $"{run}.example.com";
        ResourceRef kind = await ServerUnderTest.DefineAsync(client, group, Ct);
        ConcurrentQueue<long> written = [];
        for (int i = 0; i < 30; i++)
            await CreateAsync(client, kind, run, $"{run}-{i:00}", written);
        await CreateAsync(client, kind, other, other, written);

        ProtocolReflector reflector = new(http, $"apis/{group}/v1/namespaces/default/notes", $"run={run}")
        {
            BetweenPages = async _ =>
            {
                await CreateAsync(client, kind, run, $"{run}-late", written);
                await server.CompactAsync(written.Max().ToString(CultureInfo.InvariantCulture), () => TouchAsync(client, kind, other), Ct);
            },
        };
        using Loop loop = new(reflector);
        await UntilAsync(() => reflector.Lists == 1, "a list from beginning to end");
        await loop.EndAsync();
        Assert.Equal(1, reflector.ExpiredLists);
        Assert.Equal(31, reflector.Current.Count);
        Assert.Equal(await FreshAsync(client, kind, run), reflector.Current);
        Assert.Empty(reflector.Faults);
    }

    private static async Task<IReadOnlyList<string>> FreshAsync(KubeClient client, ResourceRef kind, string run) =>
        [.. (await client.ListAsync(kind, "default", new ListQuery($"run={run}"), Ct)).Items.Select(o => $"{o.Name()} {o.ResourceVersion()}").Order(StringComparer.Ordinal)];

    private static async Task CreateAsync(KubeClient client, ResourceRef kind, string run, string name, ConcurrentQueue<long> written)
    {
        JsonObject map = new() { ["apiVersion"] = $"{kind.Group}/v1", ["kind"] = "Note", ["metadata"] = new JsonObject { ["name"] = name, ["labels"] = new JsonObject { ["run"] = run } }, ["spec"] = new JsonObject { ["n"] = "0" } };
        written.Enqueue(Version(await client.CreateAsync(kind, "default", map, Ct)));
    }

    /// <summary>Creates, changes and deletes an object, three times over.</summary>
    private static async Task ChangeAsync(KubeClient client, ResourceRef kind, string run, string name, ConcurrentQueue<long> written)
    {
        for (int life = 0; life < 3; life++)
        {
            await CreateAsync(client, kind, run, name, written);
            for (int n = 1; n < 4; n++)
                written.Enqueue(Version(await client.PatchAsync(kind, "default", name, PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["n"] = $"{n}" } }, Ct)));
            if (life < 2)
                await client.DeleteAsync(kind, "default", name, Ct);
        }
    }

    private static Task<JsonObject> TouchAsync(KubeClient client, ResourceRef kind, string name) => client.PatchAsync(
        kind, "default", name, PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["at"] = Guid.NewGuid().ToString("N") } }, Ct);

    private static long Version(JsonObject obj) => long.Parse(obj.ResourceVersion(), CultureInfo.InvariantCulture);

    private static Task UntilAsync(Func<bool> condition, string what) => Eventually.HoldsAsync(condition, what, s_soon, Ct);

    /// <summary>A reflector that runs.</summary>
    private sealed class Loop : IDisposable
    {
        private readonly CancellationTokenSource _enough = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        private readonly Task _running;

        public Loop(ProtocolReflector reflector) => _running = reflector.RunAsync(_enough.Token);

        public async Task EndAsync()
        {
            await _enough.CancelAsync();
            await _running;
        }

        public void Dispose()
        {
            _enough.Cancel();
            _enough.Dispose();
        }
    }
}
