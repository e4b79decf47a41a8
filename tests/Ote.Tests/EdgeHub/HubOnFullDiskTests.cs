using System.Text.Json.Nodes;
using Ote.EdgeHub.Offline;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeHub;

/// <summary>The hub of a node whose disk takes nothing more, between an embedded API server and a scripted kubelet.</summary>
public sealed class HubOnFullDiskTests : IAsyncLifetime
{
    private const string Pods = "api/v1/pods?fieldSelector=spec.nodeName%3Dn1&resourceVersion=0";
    private static readonly ListQuery s_ofNode = new(FieldSelector: "spec.nodeName=n1");
    private HubWorld _world = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _world = await HubWorld.StartAsync();
        await _world.CreatePodAsync("a");
        await ListAsync(Pods);
    }

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task While_connected_the_node_lists_watches_and_writes_on_and_is_told_what_is_new()
    {
        var list = await _world.Node.SendAsync(HttpMethod.Get, Pods, null, null, Token);
        await using var watch = _world.Node.WatchAsync(Kinds.Pods, null, s_ofNode, list.Text("metadata", "resourceVersion")!, Token).GetAsyncEnumerator(Token);
        Fill();
        await _world.CreatePodAsync("b");
        Assert.True(await watch.MoveNextAsync());
        Assert.Equal("b", watch.Current.Object.Name());
        Assert.Equal(["a", "b"], await ListAsync(Pods));

        // What was never asked for is passed on, with its watch; secrets are read, tokens are had, status is written.
        await CreateAsync(Kinds.Services, """{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"ports":[{"port":80}]}}""");
        Assert.Contains("s", await ListAsync("api/v1/services?resourceVersion=0"));
        await using var services = _world.Node.WatchAsync(Kinds.Services, null, null, "0", Token).GetAsyncEnumerator(Token);
        Assert.True(await services.MoveNextAsync());
        await CreateAsync(Kinds.Secrets, """{"apiVersion":"v1","kind":"Secret","metadata":{"name":"word"}}""");
        Assert.NotNull(await _world.Node.GetAsync(Kinds.Secrets, "default", "word", Token));
        await CreateAsync(Kinds.ServiceAccounts, """{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"shop"}}""");
        using var pod = _world.PodWith(await HubWorld.TokenAsync(_world.Node, "shop"));
        Assert.NotNull(await pod.GetAsync(Kinds.Services, "default", "s", Token));
        await StatusAsync("a", "10.0.0.9", 10);
        Assert.Equal("10.0.0.9", (await _world.Upstream.GetAsync(Kinds.Pods, "default", "a", Token))!.Text("status", "podIP"));
        Assert.Contains("no room is left", _world.Hub.Trouble, StringComparison.Ordinal);

        // And when it is cut off now, it knows what it has been told.
        await _world.CutAsync();
        Assert.Equal(["a", "b"], await ListAsync(Pods));
    }

    [Fact]
    public async Task What_cannot_be_told_yet_for_want_of_room_does_not_hold_up_the_lease_by_which_the_node_is_known_to_live()
    {
        await _world.Upstream.CreateAsync(Kinds.Leases, "kube-node-lease", (JsonObject)JsonNode.Parse("""{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"n1"},"spec":{"holderIdentity":"n1"}}""")!, Token);
        await _world.CutAsync();
        await StatusAsync("a", "10.0.0.0", 10);
        Fill();
        _world.Cable.Restore();
        await HubWorld.UntilAsync(() => Task.FromResult(_world.Hub.State == Ote.EdgeHub.Offline.ConnectionState.Returning), "an API server answers, and the journal cannot be told");
        await _world.Node.PatchAsync(Kinds.Leases, "kube-node-lease", "n1", PatchKind.Merge, new JsonObject { ["spec"] = new JsonObject { ["leaseTransitions"] = 7 } }, Token);
        Assert.Equal(7, (await _world.Upstream.GetAsync(Kinds.Leases, "kube-node-lease", "n1", Token))!.Whole("spec", "leaseTransitions"));
        Assert.NotEqual(Ote.EdgeHub.Offline.ConnectionState.Connected, _world.Hub.State);
    }

    [Fact]
    public async Task While_cut_off_a_write_is_refused_with_what_to_do_and_nobody_sees_anything_of_it_and_it_is_told_when_there_was_room()
    {
        await _world.CutAsync();
        await StatusAsync("a", "10.0.0.0", 10);
        var list = await _world.Node.SendAsync(HttpMethod.Get, Pods, null, null, Token);
        await using var watch = _world.Node.WatchAsync(Kinds.Pods, null, s_ofNode, list.Text("metadata", "resourceVersion")!, Token).GetAsyncEnumerator(Token);
        var begun = watch.MoveNextAsync();
        await StatusUntilHeardAsync(begun);
        Fill();
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => StatusAsync("a", "10.0.0.9", 300_000));
        Assert.Equal(507, refused.Code);
        Assert.Equal(
            $"pods \"a\" cannot be written: while the node is cut off from its API servers this has to be kept on its disk: The database {_world.Folder}/node.db cannot be written: no room is left for it. "
            + "Nothing of this was stored; make room on its disk, no restart is needed.",
            refused.Message);
        Assert.Equal("10.0.0.1", (await _world.Node.GetAsync(Kinds.Pods, "default", "a", Token))!.Text("status", "podIP"));
        Assert.Equal(["a"], await ListAsync(Pods));

        Free();
        await StatusAsync("a", "10.0.0.10", 300_000);
        Assert.True(await watch.MoveNextAsync());
        Assert.Equal("10.0.0.10", watch.Current.Object.Text("status", "podIP")); // the next that it hears
        await _world.RestoreAsync();
        Assert.Equal("10.0.0.10", (await _world.Upstream.GetAsync(Kinds.Pods, "default", "a", Token))!.Text("status", "podIP"));
        Assert.Null(_world.Hub.Trouble);
    }

    [Fact]
    [Trait("Defect", "E5")]
    public async Task Return_waits_for_room_and_tells_the_journal_once()
    {
        await _world.CutAsync();
        await StatusAsync("a", "10.0.0.9", 10);
        var version = (await _world.Upstream.GetAsync(Kinds.Pods, "default", "a", Token))!.ResourceVersion();
        await using var told = _world.Upstream.WatchAsync(Kinds.Pods, null, s_ofNode, version, Token).GetAsyncEnumerator(Token);
        Pragma("query_only=ON");
        _world.Cable.Restore();
        await HubWorld.UntilAsync(() => Task.FromResult(_world.Hub is { State: ConnectionState.Returning, Trouble: not null }), "the return was tried");
        Assert.Equal(1, _world.Hub.Journalled);
        Assert.Equal(["a"], await ListAsync(Pods));

        Pragma("query_only=OFF");
        await HubWorld.UntilAsync(() => Task.FromResult(_world.Hub.State == ConnectionState.Connected), "connected");
        Assert.Equal(0, _world.Hub.Journalled);
        await CreateAsync(Kinds.Pods, """{"apiVersion":"v1","kind":"Pod","metadata":{"name":"z"},"spec":{"nodeName":"n1","containers":[{"name":"c","image":"i"}]}}""");
        List<string> changes = [];
        while (await told.MoveNextAsync() && told.Current.Object.Name() != "z")
        {
            changes.Add(told.Current.Object.Text("status", "podIP") ?? "");
        }

        Assert.Equal(["10.0.0.9"], changes);
    }

    [Fact]
    public async Task Copy_that_memory_cannot_hold_either_is_passed_on_and_not_told_for_true_while_cut_off()
    {
        var list = await _world.Node.SendAsync(HttpMethod.Get, Pods, null, null, Token);
        await using var watch = _world.Node.WatchAsync(Kinds.Pods, null, s_ofNode, list.Text("metadata", "resourceVersion")!, Token).GetAsyncEnumerator(Token);
        var begun = watch.MoveNextAsync();
        await StatusUntilHeardAsync(begun);
        Fill();
        var toItsEnd = ReadToEndAsync(watch);
        for (var i = 0; i < 20; i++)
        {
            await CreateAsync(Kinds.Pods, $$$"""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p{{{i:00}}}","annotations":{"a":"{{{new string('x', 200_000)}}}"}},"spec":{"nodeName":"n1","containers":[{"name":"c","image":"i"}]}}""");
            await _world.Upstream.PatchAsync(
                Kinds.Pods, "default", $"p{i:00}", PatchKind.Merge, new JsonObject { ["status"] = new JsonObject { ["message"] = new string('y', 800_000) } }, Token, "status");
        }

        await toItsEnd; // The hub cannot keep it up.
        Assert.Equal(21, (await ListAsync(Pods)).Count);
        await _world.CutAsync();
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => ListAsync(Pods));
        Assert.Equal(503, refused.Code);
        Assert.Contains("its copy of pods could not be kept up", refused.Message, StringComparison.Ordinal);

        Free();
        await _world.RestoreAsync();
        await HubWorld.UntilAsync(() => Task.FromResult(_world.Hub.Trouble is null), "there is room");
        await HubWorld.UntilAsync(async () => (await ListAsync(Pods)).Count == 21, "all are told");
        await _world.CutAsync();
        await HubWorld.UntilAsync(async () => (await ListAsync(Pods)).Count == 21, "all are known");
    }

    /// <summary>A watch that has begun has heard of what was written last.</summary>
    private async Task StatusUntilHeardAsync(ValueTask<bool> heard)
    {
        var next = heard.AsTask();
        await StatusAsync("a", "10.0.0.1", 10);
        Assert.True(await next);
    }

    [Fact]
    public async Task What_is_found_damaged_while_it_runs_is_told_once_and_then_read_from_the_API_server_and_the_next_start_fills_it_anew()
    {
        _world.Hub.Database.Write(session => { session.Execute("UPDATE objects SET value=zeroblob(LENGTH(value))"); return 0; });
        while (_world.Hub.Database.Recent.LetGo().IsMore)
        {
            // What was read a moment ago would be told.
        }

        var fault = await Assert.ThrowsAsync<KubeStatusException>(() => ListAsync(Pods));
        Assert.Equal((500, $"pods cannot be read: The cache {_world.Folder}/node.db is damaged: a value of it is not what was written. Start the hub again: it puts the file aside and fills another."), (fault.Code, fault.Message));
        Assert.Equal(["a"], await ListAsync(Pods));
        await _world.StopHubAsync();
        await _world.StartHubAsync();
        await HubWorld.UntilAsync(() => Task.FromResult(_world.Hub.State == ConnectionState.Connected), "connected");
        Assert.Equal(["a"], await ListAsync(Pods));
        await _world.CutAsync();
        Assert.Equal(["a"], await ListAsync(Pods));
        Assert.Null(_world.Hub.Trouble);
    }

    private static async Task ReadToEndAsync(IAsyncEnumerator<WatchEvent> watch)
    {
        while (await watch.MoveNextAsync())
        {
        }
    }

    private async Task<List<string>> ListAsync(string path) => [.. (await _world.Node.SendAsync(HttpMethod.Get, path, null, null, Token)).Items("items")!.OfType<JsonObject>().Select(one => one.Name())];

    private Task<JsonObject> CreateAsync(ResourceRef kind, string json) => _world.Upstream.CreateAsync(kind, "default", (JsonObject)JsonNode.Parse(json)!, Token);

    private Task<JsonObject> StatusAsync(string pod, string ip, int bytes) => _world.Node.PatchAsync(
        Kinds.Pods, "default", pod, PatchKind.Merge, new JsonObject { ["status"] = new JsonObject { ["podIP"] = ip, ["message"] = new string('x', bytes) } }, Token, "status");

    /// <summary>No page more than there are.</summary>
    private void Fill() => Pragma("max_page_count=1");

    private void Free() => Pragma("max_page_count=1000000");

    private void Pragma(string text) => _world.Hub.Database.Read(session => { session.Execute($"PRAGMA {text}"); return 0; });
}
