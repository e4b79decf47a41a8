using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Ote.EdgeHub.Cache;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;

namespace Ote.Tests.EdgeHub;

/// <summary>The hub of a node between an embedded API server and a scripted kubelet.</summary>
public sealed class EdgeHubTests : IAsyncLifetime
{
    private static readonly ListQuery s_ofNode = new(FieldSelector: "spec.nodeName=n1");
    private HubWorld _world = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _world = await HubWorld.StartAsync();

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task Who_shows_no_credentials_gets_nothing()
    {
        using var http = _world.HubEndpoint(new KubeEndpoint(new Uri("https://hub"))).CreateHttpClient(TimeProvider.System);
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync(new Uri("api/v1/pods", UriKind.Relative), Token)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync(new Uri("api", UriKind.Relative), Token)).StatusCode);
    }

    [Fact]
    public async Task Certificate_of_a_user_whose_credentials_the_hub_has_not_is_refused_and_not_lent_anothers()
    {
        using var admin = new KubeClient(_world.HubEndpoint(Kubeconfig.Load(_world.WriteKubeconfig("admin", new UserInfo("ann", [UserInfo.Masters])))).CreateHttpClient(TimeProvider.System));
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => admin.ListAsync(Kinds.Pods, null, null, Token));
        Assert.Equal(401, refused.Code);
        Assert.Contains("no credentials of \"ann\"", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Component_keeps_its_own_rights()
    {
        using var proxy = _world.ClientOf("proxy");
        await proxy.ListAsync(Kinds.Services, null, null, Token);
        Assert.Equal(403, (await Assert.ThrowsAsync<KubeStatusException>(() => ListFromZeroAsync(proxy, "api/v1/pods"))).Code);
        await ListFromZeroAsync(_world.Node, "api/v1/pods");
        // A copy that another component filled is not this one's to read.
        Assert.Equal(403, (await Assert.ThrowsAsync<KubeStatusException>(() => ListFromZeroAsync(proxy, "api/v1/pods"))).Code);
    }

    [Fact]
    public async Task While_cut_off_a_component_neither_reads_what_another_had_read_nor_writes_with_the_kubelets_rights()
    {
        await _world.Upstream.CreateAsync(Kinds.Secrets, "default", (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"Secret","metadata":{"name":"word"},"stringData":{"word":"x"}}""")!, Token);
        await _world.CreatePodAsync("a");
        Assert.NotNull(await _world.Node.GetAsync(Kinds.Secrets, "default", "word", Token));
        await ListFromZeroAsync(_world.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await _world.CutAsync();
        Assert.NotNull(await _world.Node.GetAsync(Kinds.Secrets, "default", "word", Token));
        using var proxy = _world.ClientOf("proxy");
        Assert.Equal(503, (await Assert.ThrowsAsync<KubeStatusException>(() => proxy.GetAsync(Kinds.Secrets, "default", "word", Token))).Code);
        Assert.Equal(503, (await Assert.ThrowsAsync<KubeStatusException>(() => proxy.ListAsync(Kinds.Pods, null, s_ofNode, Token))).Code);
        var write = await Assert.ThrowsAsync<KubeStatusException>(() => proxy.PatchAsync(Kinds.Pods, "default", "a", PatchKind.Merge, new JsonObject { ["status"] = new JsonObject { ["podIP"] = "10.6.6.6" } }, Token, "status"));
        Assert.Equal(503, write.Code);
        Assert.Contains("only its kubelet writes pods", write.Message, StringComparison.Ordinal);
        Assert.Equal(0, _world.Hub.Journalled);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_the_API_server_has_no_more_is_not_there_while_cut_off_either(bool throughHub)
    {
        await _world.Upstream.CreateAsync(Kinds.Secrets, "default", (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"Secret","metadata":{"name":"word"},"stringData":{"word":"x"}}""")!, Token);
        Assert.NotNull(await _world.Node.GetAsync(Kinds.Secrets, "default", "word", Token));
        Assert.True(await (throughHub ? _world.Node : _world.Upstream).DeleteAsync(Kinds.Secrets, "default", "word", Token));
        if (!throughHub)
        {
            Assert.Null(await _world.Node.GetAsync(Kinds.Secrets, "default", "word", Token));
        }

        await _world.CutAsync();
        Assert.Equal(503, (await Assert.ThrowsAsync<KubeStatusException>(() => _world.Node.GetAsync(Kinds.Secrets, "default", "word", Token))).Code);
    }

    [Fact]
    public async Task What_a_kubelet_writes_of_its_drivers_while_cut_off_is_told_and_it_cannot_take_its_node_out_of_the_cluster()
    {
        var drivers = new ResourceRef("storage.k8s.io", "v1", "csinodes", "CSINode", false);
        await _world.Upstream.CreateAsync(Kinds.Nodes, null, (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1"}}""")!, Token);
        await _world.Upstream.CreateAsync(drivers, null, (JsonObject)JsonNode.Parse("""{"apiVersion":"storage.k8s.io/v1","kind":"CSINode","metadata":{"name":"n1"},"spec":{"drivers":[]}}""")!, Token);
        await _world.Node.GetAsync(drivers, null, "n1", Token);
        await _world.Node.GetAsync(Kinds.Nodes, null, "n1", Token);
        await _world.CutAsync();
        await _world.Node.PatchAsync(drivers, null, "n1", PatchKind.Merge, JsonNode.Parse("""{"spec":{"drivers":[{"name":"csi.x","nodeID":"n1","topologyKeys":null}]}}""")!, Token);
        await _world.Node.PatchAsync(Kinds.Nodes, null, "n1", PatchKind.Merge, JsonNode.Parse("""{"spec":{"unschedulable":true}}""")!, Token);
        Assert.Equal(503, (await Assert.ThrowsAsync<KubeStatusException>(() => _world.Node.DeleteAsync(Kinds.Nodes, null, "n1", Token))).Code);
        await _world.RestoreAsync();
        Assert.Equal("csi.x", (await _world.Upstream.GetAsync(drivers, null, "n1", Token))!.Items("spec", "drivers")![0].Text("name"));
        Assert.True((await _world.Upstream.GetAsync(Kinds.Nodes, null, "n1", Token)).Truth("spec", "unschedulable"));
    }

    [Fact]
    public async Task Who_waits_for_the_end_of_a_pod_that_it_deleted_while_cut_off_as_kubectl_does_is_answered()
    {
        await _world.CreatePodAsync("a");
        await ListFromZeroAsync(_world.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await _world.CutAsync();
        const string One = "api/v1/namespaces/default/pods?fieldSelector=metadata.name%3Da";
        var list = await _world.Node.SendAsync(HttpMethod.Get, One, null, null, Token);
        Assert.Equal("a", Assert.Single(list.Items("items")!).Text("metadata", "name"));
        await using var watch = _world.Node.WatchAsync(Kinds.Pods, "default", new ListQuery(FieldSelector: "metadata.name=a"), list.Text("metadata", "resourceVersion")!, Token).GetAsyncEnumerator(Token);
        var next = watch.MoveNextAsync();
        await _world.Node.SendAsync(HttpMethod.Delete, "api/v1/namespaces/default/pods/a?gracePeriodSeconds=0", null, null, Token);
        Assert.True(await next);
        Assert.Equal(WatchEventType.Deleted, watch.Current.Type);
        Assert.Empty((await _world.Node.SendAsync(HttpMethod.Get, One, null, null, Token)).Items("items")!);
    }

    [Fact]
    public async Task A_table_of_one_object_is_the_API_servers()
    {
        await _world.Upstream.CreateAsync(Kinds.ConfigMaps, "default", (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"page"},"data":{"a":"1","b":"2"}}""")!, Token);
        using var request = new HttpRequestMessage(HttpMethod.Get, "api/v1/namespaces/default/configmaps/page");
        request.Headers.TryAddWithoutValidation("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
        using var answer = await _world.Node.OpenAsync(request, "page", Token);
        Assert.Contains("\"columnDefinitions\"", await answer.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pods_that_the_kubelet_watches_are_there_while_cut_off_and_after_a_restart_of_the_hub()
    {
        await _world.CreatePodAsync("a");
        await ListFromZeroAsync(_world.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await _world.CreatePodAsync("b");
        await HubWorld.UntilAsync(async () => (await ListFromZeroAsync(_world.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1")).Count == 2, "the second pod came by the watch");
        await _world.CutAsync();
        Assert.Equal(["a", "b"], (await _world.Node.ListAsync(Kinds.Pods, null, s_ofNode, Token)).Items.Select(pod => pod.Name()));
        await _world.StopHubAsync();
        await _world.StartHubAsync();
        Assert.Equal(["a", "b"], (await _world.Node.ListAsync(Kinds.Pods, null, s_ofNode, Token)).Items.Select(pod => pod.Name()));
        Assert.Equal("a", (await _world.Node.GetAsync(Kinds.Pods, "default", "a", Token))!.Name());
    }

    [Fact]
    public async Task A_kubelet_that_asks_for_its_node_at_any_version_is_answered_from_the_copy_and_never_from_before_its_own_write()
    {
        await _world.Upstream.CreateAsync(Kinds.Nodes, null, (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1"}}""")!, Token);
        await ListFromZeroAsync(_world.Node, "api/v1/nodes?fieldSelector=metadata.name%3Dn1");
        Assert.Equal("n1", (await FromZeroAsync(_world.Node, "api/v1/nodes/n1")).Name());
        Assert.Equal(0, _world.Asked("get", "nodes"));
        for (var i = 0; i < 50; i++)
        {
            await NodeLabelAsync(_world.Node, $"{i}");
            Assert.Equal($"{i}", (await FromZeroAsync(_world.Node, "api/v1/nodes/n1")).Labels().Text("word"));
        }

        await HubWorld.UntilAsync(
            async () =>
            {
                var before = _world.Asked("get", "nodes");
                Assert.Equal("49", (await FromZeroAsync(_world.Node, "api/v1/nodes/n1")).Labels().Text("word"));
                return _world.Asked("get", "nodes") == before;
            },
            "the copy has the last write");
    }

    [Fact]
    public async Task A_copy_whose_watch_has_told_nothing_since_the_return_answers_no_read_of_one_object()
    {
        await _world.Upstream.CreateAsync(Kinds.Nodes, null, (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1"}}""")!, Token);
        await ListFromZeroAsync(_world.Node, "api/v1/nodes?fieldSelector=metadata.name%3Dn1");
        await _world.CutAsync();
        await NodeLabelAsync(_world.Upstream, "away");
        Assert.Null((await FromZeroAsync(_world.Node, "api/v1/nodes/n1")).Labels().Text("word"));
        await _world.RestoreAsync();
        Assert.Equal("away", (await FromZeroAsync(_world.Node, "api/v1/nodes/n1")).Labels().Text("word"));
    }

    [Fact]
    public async Task What_is_part_of_a_copy_is_chosen_out_of_it_and_needs_no_watch_of_its_own()
    {
        await _world.CreatePodAsync("a");
        await _world.CreatePodAsync("b");
        await ListFromZeroAsync(_world.Node, "api/v1/pods");
        Assert.Equal("b", Assert.Single(await ListFromZeroAsync(_world.Node, "api/v1/namespaces/default/pods?fieldSelector=metadata.name%3Db")).Name());
        await _world.CutAsync();
        Assert.Equal(2, (await _world.Node.ListAsync(Kinds.Pods, "default", null, Token)).Items.Count);
        Assert.Empty((await _world.Node.ListAsync(Kinds.Pods, "default", new ListQuery(LabelSelector: "app=none"), Token)).Items);
    }

    [Fact]
    public async Task What_was_never_asked_is_refused_while_cut_off_and_not_told_to_be_empty()
    {
        await _world.CutAsync();
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => _world.Node.ListAsync(Kinds.Services, null, null, Token));
        Assert.Equal(503, refused.Code);
        Assert.Contains("cut off", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_cut_off_a_kubelet_writes_of_its_pods_the_status_alone_as_at_the_API_server()
    {
        await _world.CreatePodAsync("a");
        await ListFromZeroAsync(_world.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await _world.CutAsync();
        var other = JsonNode.Parse("""{"spec":{"containers":[{"name":"c","image":"other"}]}}""")!;
        Assert.Equal(403, (await Assert.ThrowsAsync<KubeStatusException>(() => _world.Node.PatchAsync(Kinds.Pods, "default", "a", PatchKind.StrategicMerge, other, Token))).Code);
        Assert.Equal(0, _world.Hub.Journalled);
        await StatusAsync("a", "10.0.0.7");
        await _world.RestoreAsync();
        var pod = (await _world.Upstream.GetAsync(Kinds.Pods, "default", "a", Token))!;
        Assert.Equal(("i", "10.0.0.7"), (pod.Items("spec", "containers")![0].Text("image"), pod.Text("status", "podIP")));
        Assert.DoesNotContain((await _world.Upstream.ListAsync(Kinds.Events, "default", null, Token)).Items, one => one.Text("reason") == "OfflineWriteDropped");
    }

    [Fact]
    public async Task A_watch_from_before_a_copy_was_made_is_expired_and_loses_nothing_silently()
    {
        await _world.CreatePodAsync("a");
        var before = (await _world.Upstream.ListAsync(Kinds.Pods, null, null, Token)).ResourceVersion;
        await _world.Upstream.DeleteAsync(Kinds.Pods, "default", "a", Token);
        await _world.CreatePodAsync("b");
        await ListFromZeroAsync(_world.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        var expired = await Assert.ThrowsAsync<KubeStatusException>(async () => await _world.Node.WatchAsync(Kinds.Pods, null, s_ofNode, before, Token).FirstAsync(Token));
        Assert.True(expired.IsExpired);
    }

    [Fact]
    public async Task A_watch_from_a_version_that_no_API_server_can_have_given_is_expired_and_moves_no_version_here()
    {
        await _world.CreatePodAsync("a");
        await ListFromZeroAsync(_world.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        Assert.True((await Assert.ThrowsAsync<KubeStatusException>(async () => await _world.Node.WatchAsync(Kinds.Pods, null, s_ofNode, $"{long.MaxValue}", Token).FirstAsync(Token))).IsExpired);
        await _world.CutAsync();
        Assert.InRange(long.Parse((await StatusAsync("a", "10.0.0.7")).ResourceVersion(), CultureInfo.InvariantCulture), 1, 1_000_000);
    }

    [Fact]
    public async Task A_list_that_was_begun_in_pages_goes_on_where_it_was_begun_or_is_begun_anew()
    {
        await _world.CreatePodAsync("a");
        await _world.CreatePodAsync("b");
        const string Pods = "api/v1/pods?fieldSelector=spec.nodeName%3Dn1&limit=1";
        async Task<JsonObject> NextAsync(JsonObject page) => await _world.Node.SendAsync(HttpMethod.Get, $"{Pods}&continue={page.Text("metadata", "continue")}", null, null, Token);
        var ours = await FromZeroAsync(_world.Node, Pods);
        Assert.Equal("b", Assert.Single((await NextAsync(ours)).Items("items")!)!.Text("metadata", "name"));
        var kubernetes = Convert.ToBase64String("""{"v":"meta.k8s.io/v1","rv":7,"start":"default/a"}"""u8.ToArray()).TrimEnd('=');
        await _world.CutAsync();
        Assert.Equal("b", Assert.Single((await NextAsync(ours)).Items("items")!)!.Text("metadata", "name"));
        var expired = await Assert.ThrowsAsync<KubeStatusException>(() => NextAsync(new JsonObject { ["metadata"] = new JsonObject { ["continue"] = kubernetes } }));
        Assert.True(expired.IsExpired);
    }

    [Fact]
    public async Task While_cut_off_the_cluster_says_of_itself_what_it_said_before()
    {
        string[] documents = ["version", "apis", "apis/apps/v1"];
        var before = new List<string>();
        foreach (var document in documents)
        {
            before.Add(await _world.Node.Http.GetStringAsync(new Uri(document, UriKind.Relative), Token));
        }

        await _world.CutAsync();
        await _world.StopHubAsync();
        await _world.StartHubAsync();
        foreach (var (document, said) in documents.Zip(before))
        {
            using var answer = await _world.Node.Http.GetAsync(new Uri(document, UriKind.Relative), Token);
            Assert.Equal((said, "application/json"), (await answer.Content.ReadAsStringAsync(Token), answer.Content.Headers.ContentType?.MediaType));
        }
    }

    [Fact]
    public async Task A_kubelet_asks_for_a_certificate_while_cut_off_though_nobody_did_before()
    {
        await _world.StopHubAsync();
        const string Definition = """
            {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"certificatesigningrequests.certificates.k8s.io","annotations":{"api-approved.kubernetes.io":"unapproved, for a test"}},
            "spec":{"group":"certificates.k8s.io","scope":"Cluster","names":{"plural":"certificatesigningrequests","kind":"CertificateSigningRequest"},
            "versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}
            """;
        await _world.Upstream.SendAsync(HttpMethod.Post, "apis/apiextensions.k8s.io/v1/customresourcedefinitions", JsonNode.Parse(Definition), null, Token);
        await _world.StartHubAsync();
        await HubWorld.UntilAsync(() => Task.FromResult(_world.Hub.Database.Read(CacheRows.Kinds).Any(kind => kind.Plural == "certificatesigningrequests")), "the kind is known");
        await _world.CutAsync();
        var request = (JsonObject)JsonNode.Parse("""{"apiVersion":"certificates.k8s.io/v1","kind":"CertificateSigningRequest","metadata":{"name":"csr-1"},"spec":{"request":"eA==","signerName":"kubernetes.io/kubelet-serving","usages":["digital signature"]}}""")!;
        Assert.Equal("csr-1", (await _world.Node.SendAsync(HttpMethod.Post, "apis/certificates.k8s.io/v1/certificatesigningrequests", request, null, Token)).Name());
    }

    [Fact]
    public async Task While_cut_off_health_is_the_hubs_own_and_says_nothing_of_an_API_server_that_nobody_reaches()
    {
        using var stranger = _world.PodWith("a token that only the API server can judge");
        Assert.Equal((HttpStatusCode.OK, "ok"), await HealthAsync(_world.Node, "readyz"));
        await _world.CutAsync();
        foreach (var asks in new[] { _world.Node, stranger })
        {
            Assert.Equal((HttpStatusCode.OK, "ok"), await HealthAsync(asks, "healthz"));
            var (code, text) = await HealthAsync(asks, "readyz?verbose");
            Assert.Equal(HttpStatusCode.OK, code); // A k3s agent starts neither kubelet nor network without it.
            Assert.Contains("[+]cache ok\n[-]api-server failed: cut off since 20", text, StringComparison.Ordinal);
            Assert.DoesNotContain("etcd", text, StringComparison.Ordinal);
            Assert.Equal(HttpStatusCode.NotFound, (await HealthAsync(asks, "readyz/etcd")).Code);
        }

        await _world.RestoreAsync();
        Assert.Contains("[+]etcd ok", (await HealthAsync(_world.Node, "readyz?verbose")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Watch_goes_on_over_a_cut_and_tells_what_the_kubelet_writes_and_what_came_back()
    {
        await _world.CreatePodAsync("a");
        var list = await FromZeroAsync(_world.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await using var watch = _world.Node.WatchAsync(Kinds.Pods, null, s_ofNode, list.Text("metadata", "resourceVersion")!, Token).GetAsyncEnumerator(Token);
        var next = watch.MoveNextAsync();
        await _world.CutAsync();
        await StatusAsync("a", "10.0.0.9");
        Assert.True(await next);
        Assert.Equal("10.0.0.9", watch.Current.Object.Text("status", "podIP"));
        var version = watch.Current.Object.ResourceVersion();
        await StatusAsync("a", "10.0.0.10");
        Assert.True(await watch.MoveNextAsync());
        Assert.True(long.Parse(watch.Current.Object.ResourceVersion(), System.Globalization.CultureInfo.InvariantCulture) > long.Parse(version, System.Globalization.CultureInfo.InvariantCulture));
        await _world.RestoreAsync();
        Assert.Equal("10.0.0.10", (await _world.Upstream.GetAsync(Kinds.Pods, "default", "a", Token))!.Text("status", "podIP"));
    }

    [Fact]
    public async Task Version_that_was_given_out_while_cut_off_is_expired_once_the_API_server_has_told_its_own()
    {
        await _world.CreatePodAsync("a");
        await ListFromZeroAsync(_world.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await _world.CutAsync();
        JsonObject local = [];
        for (var i = 0; i < 50; i++)
        {
            local = await StatusAsync("a", $"10.0.0.{i}");
        }

        await _world.RestoreAsync();
        await HubWorld.UntilAsync(
            async () =>
            {
                try
                {
                    await using var watch = _world.Node.WatchAsync(Kinds.Pods, null, s_ofNode, local.ResourceVersion(), Token).GetAsyncEnumerator(Token);
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
        await _world.CreatePodAsync("a");
        await ListFromZeroAsync(_world.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await _world.CutAsync();
        for (var i = 0; i < 50; i++)
        {
            await StatusAsync("a", $"10.0.0.{i}");
        }

        await _world.RestoreAsync();
        await LabelAsync("a", "back");
        await LabelIsShownAsync("back"); // The copy has been read again.
        // What others write moves the API server's version on while the copy has nothing to hear of.
        await _world.Upstream.CreateAsync(Kinds.ConfigMaps, "default", new JsonObject { ["apiVersion"] = "v1", ["kind"] = "ConfigMap", ["metadata"] = new JsonObject { ["name"] = "other" } }, Token);

        var list = await _world.Node.SendAsync(HttpMethod.Get, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1", null, null, Token);
        await using var watch = _world.Node.WatchAsync(Kinds.Pods, null, s_ofNode, list.Text("metadata", "resourceVersion")!, Token).GetAsyncEnumerator(Token);
        var next = watch.MoveNextAsync();
        await LabelAsync("a", "next");
        Assert.True(await next);
        Assert.Equal("next", watch.Current.Object.Labels().Text("word"));
    }

    [Fact]
    public async Task Object_that_was_read_by_its_name_before_a_watch_kept_it_is_told_as_the_watch_has_it()
    {
        await _world.CreatePodAsync("a");
        await _world.Node.GetAsync(Kinds.Pods, "default", "a", Token);
        await ListFromZeroAsync(_world.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await LabelAsync("a", "new");
        await LabelIsShownAsync("new");
        await _world.CutAsync();
        Assert.Equal("new", (await _world.Node.GetAsync(Kinds.Pods, "default", "a", Token))!.Labels().Text("word"));
    }

    [Fact]
    public async Task Version_that_the_API_server_gives_as_the_hub_did_while_cut_off_does_not_hide_what_it_has()
    {
        await _world.CreatePodAsync("a");
        await ListFromZeroAsync(_world.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await _world.CutAsync();
        await StatusAsync("a", "10.0.0.9");
        var local = await StatusAsync("a", "10.0.0.10");
        await LabelAsync("a", "new");
        await _world.RestoreAsync(); // The label had the first of these versions, and the status that is told has the second.
        Assert.Equal(local.ResourceVersion(), (await _world.Upstream.GetAsync(Kinds.Pods, "default", "a", Token))!.ResourceVersion());
        await LabelIsShownAsync("new");
    }

    [Fact]
    public async Task Journal_is_told_on_return_and_empty_then_also_over_a_restart_of_the_hub()
    {
        var pod = await _world.CreatePodAsync("a");
        await ListFromZeroAsync(_world.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await _world.CutAsync();
        await StatusAsync("a", "10.0.0.9");
        await _world.Node.CreateAsync(Kinds.Events, "default", (JsonObject)JsonNode.Parse(
            """{"apiVersion":"v1","kind":"Event","metadata":{"name":"e1","namespace":"default"},"involvedObject":{"kind":"Pod","namespace":"default","name":"a"},"reason":"Started","type":"Normal"}""")!, Token);
        Assert.Equal(2, _world.Hub.Journalled);
        await _world.StopHubAsync();
        await _world.StartHubAsync();
        Assert.Equal(2, _world.Hub.Journalled);
        await _world.RestoreAsync();
        Assert.Equal(0, _world.Hub.Journalled);
        var after = (await _world.Upstream.GetAsync(Kinds.Pods, "default", "a", Token))!;
        Assert.Equal((pod.Uid(), "10.0.0.9"), (after.Uid(), after.Text("status", "podIP")));
        Assert.Equal("Started", (await _world.Upstream.GetAsync(Kinds.Events, "default", "e1", Token))!.Text("reason"));
    }

    [Fact]
    public async Task Second_create_of_the_same_name_conflicts_and_of_a_pod_that_is_not_known_here_it_is_not_said_that_it_is_not_there()
    {
        await ListFromZeroAsync(_world.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await _world.CutAsync();
        await _world.Node.CreateAsync(Kinds.Pods, "default", Mirror("m"), Token);
        Assert.True((await Assert.ThrowsAsync<KubeStatusException>(() => _world.Node.CreateAsync(Kinds.Pods, "default", Mirror("m"), Token))).IsAlreadyExists);
        // Of pods elsewhere in the cluster nobody knows here.
        Assert.Equal(503, (await Assert.ThrowsAsync<KubeStatusException>(() => _world.Node.DeleteAsync(Kinds.Pods, "default", "nobody", Token))).Code);
        var plain = Mirror("p");
        plain["metadata"]!.AsObject().Remove("annotations");
        Assert.Equal(503, (await Assert.ThrowsAsync<KubeStatusException>(() => _world.Node.CreateAsync(Kinds.Pods, "default", plain, Token))).Code);
        await _world.RestoreAsync();
        Assert.Equal("h", (await _world.Upstream.GetAsync(Kinds.Pods, "default", "m", Token))!.Annotation("kubernetes.io/config.mirror"));
    }

    [Fact]
    public async Task Nothing_of_a_secret_lies_readable_on_the_nodes_disk()
    {
        await _world.Upstream.CreateAsync(Kinds.Secrets, "default", (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"Secret","metadata":{"name":"word"},"stringData":{"word":"sesame-sesame"}}""")!, Token);
        var secret = (await ListFromZeroAsync(_world.Node, "api/v1/namespaces/default/secrets?fieldSelector=metadata.name%3Dword")).Single();
        await _world.CutAsync();
        Assert.Equal(secret.Text("data", "word"), (await _world.Node.GetAsync(Kinds.Secrets, "default", "word", Token))!.Text("data", "word"));
        await _world.StopHubAsync();
        foreach (var file in Directory.EnumerateFiles(_world.Folder, "node.db*"))
        {
            var text = System.Text.Encoding.Latin1.GetString(await File.ReadAllBytesAsync(file, Token));
            Assert.DoesNotContain("sesame", text, StringComparison.Ordinal);
            Assert.DoesNotContain(secret.Text("data", "word")!, text, StringComparison.Ordinal);
        }

        await _world.StartHubAsync();
    }

    [Theory]
    [InlineData("node.db", false)]
    [InlineData("node.db", true)]
    [InlineData("node.key", false)]
    public async Task Damaged_cache_is_put_aside_and_the_hub_works_as_long_as_the_API_server_answers(string file, bool isEmptied)
    {
        await _world.CreatePodAsync("a");
        await ListFromZeroAsync(_world.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await _world.StopHubAsync();
        var path = Path.Combine(_world.Folder, file);
        var bytes = await File.ReadAllBytesAsync(path, Token);
        System.Security.Cryptography.RandomNumberGenerator.Fill(bytes);
        await File.WriteAllBytesAsync(path, isEmptied ? [] : bytes, Token);
        File.Delete(Path.Combine(_world.Folder, "node.db-wal"));
        await _world.StartHubAsync();
        await HubWorld.UntilAsync(() => Task.FromResult(_world.Hub.State == Ote.EdgeHub.Offline.ConnectionState.Connected), "connected");
        Assert.Single(await ListFromZeroAsync(_world.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1"));
        Assert.True(File.Exists(Path.Combine(_world.Folder, "node.db.damaged")));
    }

    private static JsonObject Mirror(string name) => (JsonObject)JsonNode.Parse(
        $$$"""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{name}}}","namespace":"default","annotations":{"kubernetes.io/config.mirror":"h"}},"spec":{"nodeName":"n1","containers":[{"name":"c","image":"i"}]}}""")!;

    private Task<JsonObject> LabelAsync(string pod, string word) => _world.Upstream.PatchAsync(
        Kinds.Pods, "default", pod, PatchKind.Merge, new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["word"] = word } } }, Token);

    private static Task<JsonObject> NodeLabelAsync(KubeClient client, string word) => client.PatchAsync(
        Kinds.Nodes, null, "n1", PatchKind.Merge, new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["word"] = word } } }, Token);

    private Task LabelIsShownAsync(string word) => HubWorld.UntilAsync(
        async () => (await ListFromZeroAsync(_world.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1")).Single().Labels().Text("word") == word, "the copy has the label");

    private Task<JsonObject> StatusAsync(string pod, string ip) => _world.Node.PatchAsync(
        Kinds.Pods, "default", pod, PatchKind.StrategicMerge, new JsonObject { ["status"] = new JsonObject { ["podIP"] = ip } }, Token, "status");

    private static async Task<(HttpStatusCode Code, string Text)> HealthAsync(KubeClient client, string path)
    {
        using var answer = await client.Http.GetAsync(new Uri(path, UriKind.Relative), Token);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(Token));
    }

    private static async Task<IReadOnlyList<JsonObject>> ListFromZeroAsync(KubeClient client, string path) => [.. (await FromZeroAsync(client, path)).Items("items")!.OfType<JsonObject>()];

    /// <summary>As a component's reflector begins.</summary>
    private static Task<JsonObject> FromZeroAsync(KubeClient client, string path) =>
        client.SendAsync(HttpMethod.Get, path + (path.Contains('?', StringComparison.Ordinal) ? "&" : "?") + "resourceVersion=0", null, null, Token);
}
