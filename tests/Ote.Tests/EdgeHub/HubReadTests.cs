using System.Globalization;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeHub;

/// <summary>What a copy answers in the API server's place, at which versions, over a cut and a return.</summary>
public sealed class HubReadTests : HubTests
{
    [Fact]
    public async Task A_table_of_one_object_is_the_API_servers()
    {
        await World.Upstream.CreateAsync(Kinds.ConfigMaps, "default", (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"page"},"data":{"a":"1","b":"2"}}""")!, Token);
        using var request = new HttpRequestMessage(HttpMethod.Get, "api/v1/namespaces/default/configmaps/page");
        request.Headers.TryAddWithoutValidation("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
        using var answer = await World.Node.OpenAsync(request, "page", Token);
        Assert.Contains("\"columnDefinitions\"", await answer.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Defect", "E16")]
    public async Task A_kubelet_that_asks_for_its_node_at_any_version_is_answered_from_the_copy_and_never_from_before_its_own_write()
    {
        await World.Upstream.CreateAsync(Kinds.Nodes, null, (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1"}}""")!, Token);
        await ListFromZeroAsync(World.Node, "api/v1/nodes?fieldSelector=metadata.name%3Dn1");
        Assert.Equal("n1", (await FromZeroAsync(World.Node, "api/v1/nodes/n1")).Name());
        Assert.Equal(0, World.Asked("get", "nodes"));
        for (var i = 0; i < 50; i++)
        {
            await NodeLabelAsync(World.Node, $"{i}");
            Assert.Equal($"{i}", (await FromZeroAsync(World.Node, "api/v1/nodes/n1")).Labels().Text("word"));
        }

        await HubWorld.UntilAsync(
            async () =>
            {
                var before = World.Asked("get", "nodes");
                Assert.Equal("49", (await FromZeroAsync(World.Node, "api/v1/nodes/n1")).Labels().Text("word"));
                return World.Asked("get", "nodes") == before;
            },
            "the copy has the last write");
    }

    [Fact]
    public async Task A_copy_whose_watch_has_told_nothing_since_the_return_answers_no_read_of_one_object()
    {
        await World.Upstream.CreateAsync(Kinds.Nodes, null, (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1"}}""")!, Token);
        await ListFromZeroAsync(World.Node, "api/v1/nodes?fieldSelector=metadata.name%3Dn1");
        await World.CutAsync();
        await NodeLabelAsync(World.Upstream, "away");
        Assert.Null((await FromZeroAsync(World.Node, "api/v1/nodes/n1")).Labels().Text("word"));
        await World.RestoreAsync();
        Assert.Equal("away", (await FromZeroAsync(World.Node, "api/v1/nodes/n1")).Labels().Text("word"));
    }

    [Fact]
    [Trait("Defect", "E18")]
    public async Task What_is_part_of_a_copy_is_chosen_out_of_it_and_needs_no_watch_of_its_own()
    {
        await World.CreatePodAsync("a");
        await World.CreatePodAsync("b");
        await ListFromZeroAsync(World.Node, "api/v1/pods");
        Assert.Equal("b", Assert.Single(await ListFromZeroAsync(World.Node, "api/v1/namespaces/default/pods?fieldSelector=metadata.name%3Db")).Name());
        await World.CutAsync();
        Assert.Equal(2, (await World.Node.ListAsync(Kinds.Pods, "default", null, Token)).Items.Count);
        Assert.Empty((await World.Node.ListAsync(Kinds.Pods, "default", new ListQuery(LabelSelector: "app=none"), Token)).Items);
    }

    [Fact]
    [Trait("Defect", "E3")]
    public async Task A_watch_from_before_a_copy_was_made_is_expired_and_loses_nothing_silently()
    {
        await World.CreatePodAsync("a");
        var before = (await World.Upstream.ListAsync(Kinds.Pods, null, null, Token)).ResourceVersion;
        await World.Upstream.DeleteAsync(Kinds.Pods, "default", "a", Token);
        await World.CreatePodAsync("b");
        await ListFromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        var expired = await Assert.ThrowsAsync<KubeStatusException>(async () => await World.Node.WatchAsync(Kinds.Pods, null, OfNode, before, Token).FirstAsync(Token));
        Assert.True(expired.IsExpired);
    }

    [Fact]
    public async Task A_watch_from_a_version_that_no_API_server_can_have_given_is_expired_and_moves_no_version_here()
    {
        await World.CreatePodAsync("a");
        await ListFromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        Assert.True((await Assert.ThrowsAsync<KubeStatusException>(async () => await World.Node.WatchAsync(Kinds.Pods, null, OfNode, $"{long.MaxValue}", Token).FirstAsync(Token))).IsExpired);
        await World.CutAsync();
        Assert.InRange(long.Parse((await StatusAsync("a", "10.0.0.7")).ResourceVersion(), CultureInfo.InvariantCulture), 1, 1_000_000);
    }

    [Fact]
    public async Task A_list_that_was_begun_in_pages_goes_on_where_it_was_begun_or_is_begun_anew()
    {
        await World.CreatePodAsync("a");
        await World.CreatePodAsync("b");
        const string Pods = "api/v1/pods?fieldSelector=spec.nodeName%3Dn1&limit=1";
        async Task<JsonObject> NextAsync(JsonObject page) => await World.Node.SendAsync(HttpMethod.Get, $"{Pods}&continue={page.Text("metadata", "continue")}", null, null, Token);
        var ours = await FromZeroAsync(World.Node, Pods);
        Assert.Equal("b", Assert.Single((await NextAsync(ours)).Items("items")!)!.Text("metadata", "name"));
        var kubernetes = Convert.ToBase64String("""{"v":"meta.k8s.io/v1","rv":7,"start":"default/a"}"""u8.ToArray()).TrimEnd('=');
        await World.CutAsync();
        Assert.Equal("b", Assert.Single((await NextAsync(ours)).Items("items")!)!.Text("metadata", "name"));
        var expired = await Assert.ThrowsAsync<KubeStatusException>(() => NextAsync(new JsonObject { ["metadata"] = new JsonObject { ["continue"] = kubernetes } }));
        Assert.True(expired.IsExpired);
    }

    [Fact]
    [Trait("Defect", "E7")]
    [Trait("Defect", "E21")]
    public async Task Watch_goes_on_over_a_cut_and_tells_what_the_kubelet_writes_and_what_came_back()
    {
        await World.CreatePodAsync("a");
        var list = await FromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await using var watch = World.Node.WatchAsync(Kinds.Pods, null, OfNode, list.Text("metadata", "resourceVersion")!, Token).GetAsyncEnumerator(Token);
        var next = watch.MoveNextAsync();
        await World.CutAsync();
        await StatusAsync("a", "10.0.0.9");
        Assert.True(await next);
        Assert.Equal("10.0.0.9", watch.Current.Object.Text("status", "podIP"));
        var version = watch.Current.Object.ResourceVersion();
        await StatusAsync("a", "10.0.0.10");
        Assert.True(await watch.MoveNextAsync());
        Assert.True(long.Parse(watch.Current.Object.ResourceVersion(), System.Globalization.CultureInfo.InvariantCulture) > long.Parse(version, System.Globalization.CultureInfo.InvariantCulture));
        await World.RestoreAsync();
        Assert.Equal("10.0.0.10", (await World.Upstream.GetAsync(Kinds.Pods, "default", "a", Token))!.Text("status", "podIP"));
    }

    [Fact]
    public async Task Version_that_was_given_out_while_cut_off_is_expired_once_the_API_server_has_told_its_own()
    {
        await World.CreatePodAsync("a");
        await ListFromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await World.CutAsync();
        JsonObject local = [];
        for (var i = 0; i < 50; i++)
        {
            local = await StatusAsync("a", $"10.0.0.{i}");
        }

        await World.RestoreAsync();
        await HubWorld.UntilAsync(
            async () =>
            {
                try
                {
                    await using var watch = World.Node.WatchAsync(Kinds.Pods, null, OfNode, local.ResourceVersion(), Token).GetAsyncEnumerator(Token);
                    using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
                    await watch.MoveNextAsync().AsTask().WaitAsync(soon.Token);
                    return false;
                }
                catch (KubeStatusException expired)
                {
                    return expired.IsExpired;
                }
                catch (OperationCanceledException)
                {
                    return false;
                }
            },
            "a watch from a version of the hub's own is refused with 410");
    }

    [Fact]
    public async Task After_a_return_a_watch_can_begin_at_once_where_a_list_of_what_is_so_now_ends()
    {
        await World.CreatePodAsync("a");
        await ListFromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await World.CutAsync();
        for (var i = 0; i < 50; i++)
        {
            await StatusAsync("a", $"10.0.0.{i}");
        }

        await World.RestoreAsync();
        await LabelAsync("a", "back");
        await LabelIsShownAsync("back"); // The copy has been read again.
        // What others write moves the API server's version on while the copy has nothing to hear of.
        await World.Upstream.CreateAsync(Kinds.ConfigMaps, "default", new JsonObject { ["apiVersion"] = "v1", ["kind"] = "ConfigMap", ["metadata"] = new JsonObject { ["name"] = "other" } }, Token);

        var list = await World.Node.SendAsync(HttpMethod.Get, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1", null, null, Token);
        await WatchesOnAsync(list);
    }

    [Fact]
    public async Task Who_lists_anew_after_a_return_from_the_version_it_knows_is_told_from_the_copy_and_watches_on_from_there()
    {
        await World.CreatePodAsync("a");
        await ListFromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await World.CutAsync();
        var own = await StatusAsync("a", "10.0.0.9");
        await World.RestoreAsync();
        await LabelAsync("a", "back");
        await LabelIsShownAsync("back"); // The copy has been read again.

        // An API server that lists out of its cache would tell a version from before the node's own, where no watch can begin.
        var asked = World.Asked("list", "pods");
        var list = await ListFromAsync(own.ResourceVersion());
        Assert.Equal(asked, World.Asked("list", "pods"));
        Assert.Equal("back", list.Items("items")!.OfType<JsonObject>().Single().Labels().Text("word"));
        await WatchesOnAsync(list);

        // What the copy has not reached yet, only the API server can say.
        var ahead = await World.Upstream.CreateAsync(Kinds.ConfigMaps, "default", new JsonObject { ["apiVersion"] = "v1", ["kind"] = "ConfigMap", ["metadata"] = new JsonObject { ["name"] = "other" } }, Token);
        await ListFromAsync(ahead.ResourceVersion());
        Assert.Equal(asked + 1, World.Asked("list", "pods"));

        Task<JsonObject> ListFromAsync(string version) => World.Node.SendAsync(HttpMethod.Get, $"api/v1/pods?fieldSelector=spec.nodeName%3Dn1&resourceVersion={version}", null, null, Token);
    }

    [Fact]
    public async Task Copies_of_a_time_that_the_API_server_has_lost_are_read_anew()
    {
        await World.CreatePodAsync("a");
        await ListFromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await HubWorld.UntilAsync(() => Task.FromResult(World.Hub.Database.Read(session => session.Scalar("SELECT COUNT(*) FROM scopes WHERE complete=1")) > 0), "the copy is on the disk");
        // Its copies are of version 1000 and more, and the API server, restored from a backup, begins again before that.
        World.Hub.Database.Write(session => session.Scalar("UPDATE scopes SET revision=revision+1000 RETURNING 1"));
        await World.StopHubAsync();
        await LabelAsync("a", "now");
        await World.CreatePodAsync("restored");
        await World.StartHubAsync();
        await HubWorld.UntilAsync(() => Task.FromResult(World.Logged.Contains(7032)), "it is seen that versions went back");
        await HubWorld.UntilAsync(
            async () => (await ListFromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1")).Select(pod => $"{pod.Name()} {pod.Labels().Text("word")}").SequenceEqual(["a now", "restored "]), "the copy is of now");
        var list = await FromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await WatchesOnAsync(list);
    }

    [Fact]
    public async Task Object_that_was_read_by_its_name_before_a_watch_kept_it_is_told_as_the_watch_has_it()
    {
        await World.CreatePodAsync("a");
        await World.Node.GetAsync(Kinds.Pods, "default", "a", Token);
        await ListFromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await LabelAsync("a", "new");
        await LabelIsShownAsync("new");
        await World.CutAsync();
        Assert.Equal("new", (await World.Node.GetAsync(Kinds.Pods, "default", "a", Token))!.Labels().Text("word"));
    }

    [Fact]
    public async Task Version_that_the_API_server_gives_as_the_hub_did_while_cut_off_does_not_hide_what_it_has()
    {
        await World.CreatePodAsync("a");
        await ListFromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await World.CutAsync();
        await StatusAsync("a", "10.0.0.9");
        var local = await StatusAsync("a", "10.0.0.10");
        await LabelAsync("a", "new");
        await World.RestoreAsync(); // The label had the first of these versions, and the status that is told has the second.
        Assert.Equal(local.ResourceVersion(), (await World.Upstream.GetAsync(Kinds.Pods, "default", "a", Token))!.ResourceVersion());
        await LabelIsShownAsync("new");
    }

    /// <summary>A watch that begins where a list ends is told the next change, and that first.</summary>
    private async Task WatchesOnAsync(JsonObject list)
    {
        await using var watch = World.Node.WatchAsync(Kinds.Pods, null, OfNode, list.Text("metadata", "resourceVersion")!, Token).GetAsyncEnumerator(Token);
        var next = watch.MoveNextAsync();
        await LabelAsync("a", "next");
        Assert.True(await next);
        Assert.Equal("next", watch.Current.Object.Labels().Text("word"));
    }
}
