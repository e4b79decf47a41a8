using System.Net;
using System.Text.Json.Nodes;
using Ote.EdgeHub.Cache;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeHub;

/// <summary>What a node's components are told, and may write, while no API server answers, and what becomes of it.</summary>
public sealed class HubCutOffTests : HubTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_the_API_server_has_no_more_is_not_there_while_cut_off_either(bool throughHub)
    {
        await World.Upstream.CreateAsync(Kinds.Secrets, "default", (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"Secret","metadata":{"name":"word"},"stringData":{"word":"x"}}""")!, Token);
        Assert.NotNull(await World.Node.GetAsync(Kinds.Secrets, "default", "word", Token));
        Assert.True(await (throughHub ? World.Node : World.Upstream).DeleteAsync(Kinds.Secrets, "default", "word", Token));
        if (!throughHub)
        {
            Assert.Null(await World.Node.GetAsync(Kinds.Secrets, "default", "word", Token));
        }

        await World.CutAsync();
        Assert.Equal(503, (await Assert.ThrowsAsync<KubeStatusException>(() => World.Node.GetAsync(Kinds.Secrets, "default", "word", Token))).Code);
    }

    [Fact]
    public async Task What_a_kubelet_writes_of_its_drivers_while_cut_off_is_told_and_it_cannot_take_its_node_out_of_the_cluster()
    {
        var drivers = new ResourceRef("storage.k8s.io", "v1", "csinodes", "CSINode", false);
        await World.Upstream.CreateAsync(Kinds.Nodes, null, (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1"}}""")!, Token);
        await World.Upstream.CreateAsync(drivers, null, (JsonObject)JsonNode.Parse("""{"apiVersion":"storage.k8s.io/v1","kind":"CSINode","metadata":{"name":"n1"},"spec":{"drivers":[]}}""")!, Token);
        await World.Node.GetAsync(drivers, null, "n1", Token);
        await World.Node.GetAsync(Kinds.Nodes, null, "n1", Token);
        await World.CutAsync();
        await World.Node.PatchAsync(drivers, null, "n1", PatchKind.Merge, JsonNode.Parse("""{"spec":{"drivers":[{"name":"csi.x","nodeID":"n1","topologyKeys":null}]}}""")!, Token);
        await World.Node.PatchAsync(Kinds.Nodes, null, "n1", PatchKind.Merge, JsonNode.Parse("""{"spec":{"unschedulable":true}}""")!, Token);
        Assert.Equal(503, (await Assert.ThrowsAsync<KubeStatusException>(() => World.Node.DeleteAsync(Kinds.Nodes, null, "n1", Token))).Code);
        await World.RestoreAsync();
        Assert.Equal("csi.x", (await World.Upstream.GetAsync(drivers, null, "n1", Token))!.Items("spec", "drivers")![0].Text("name"));
        Assert.True((await World.Upstream.GetAsync(Kinds.Nodes, null, "n1", Token)).Truth("spec", "unschedulable"));
    }

    [Theory]
    [InlineData("?dryRun=All", "{}")]
    [InlineData("", """{"apiVersion":"v1","kind":"DeleteOptions","dryRun":["All"]}""")]
    public async Task What_was_deleted_for_a_trial_alone_is_there_while_cut_off(string query, string options)
    {
        await World.Upstream.CreateAsync(Kinds.Nodes, null, (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1"}}""")!, Token);
        await World.Node.GetAsync(Kinds.Nodes, null, "n1", Token);
        await World.Node.SendAsync(HttpMethod.Delete, $"api/v1/nodes/n1{query}", JsonNode.Parse(options), null, Token);
        await World.CutAsync();
        Assert.NotNull(await World.Node.GetAsync(Kinds.Nodes, null, "n1", Token));
    }

    [Fact]
    public async Task Who_may_not_write_an_object_may_still_read_it()
    {
        await World.Upstream.CreateAsync(Kinds.ConfigMaps, "default", (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"read"}}""")!, Token);
        await World.Node.GetAsync(Kinds.ConfigMaps, "default", "read", Token);
        World.Refuses = request => request.Verb == "patch";
        Assert.Equal(403, (await Assert.ThrowsAsync<KubeStatusException>(() => World.Node.PatchAsync(Kinds.ConfigMaps, "default", "read", PatchKind.Merge, new JsonObject { ["data"] = new JsonObject { ["a"] = "b" } }, Token))).Code);
        await World.CutAsync();
        Assert.NotNull(await World.Node.GetAsync(Kinds.ConfigMaps, "default", "read", Token));
    }

    [Fact]
    public async Task A_deletion_that_a_finalizer_holds_back_has_only_begun()
    {
        await World.Upstream.CreateAsync(Kinds.Nodes, null, (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1","finalizers":["test.ote/held"]}}""")!, Token);
        await World.Node.GetAsync(Kinds.Nodes, null, "n1", Token);
        await World.Node.DeleteAsync(Kinds.Nodes, null, "n1", Token);
        await World.CutAsync();
        Assert.NotNull((await World.Node.GetAsync(Kinds.Nodes, null, "n1", Token)).Text("metadata", "deletionTimestamp"));
    }

    [Fact]
    public async Task A_mirror_pod_of_another_node_is_refused_at_once_and_not_on_return()
    {
        await World.CutAsync();
        var elsewhere = Mirror("elsewhere");
        elsewhere["spec"]!["nodeName"] = "n2";
        Assert.Equal(403, (await Assert.ThrowsAsync<KubeStatusException>(() => World.Node.CreateAsync(Kinds.Pods, "default", elsewhere, Token))).Code);
        Assert.Equal("here", (await World.Node.CreateAsync(Kinds.Pods, "default", Mirror("here"), Token)).Name());
    }

    [Fact]
    [Trait("Defect", "E22")]
    public async Task Who_waits_for_the_end_of_a_pod_that_it_deleted_while_cut_off_as_kubectl_does_is_answered()
    {
        await World.CreatePodAsync("a");
        await ListFromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await World.CutAsync();
        const string One = "api/v1/namespaces/default/pods?fieldSelector=metadata.name%3Da";
        var list = await World.Node.SendAsync(HttpMethod.Get, One, null, null, Token);
        Assert.Equal("a", Assert.Single(list.Items("items")!).Text("metadata", "name"));
        await using var watch = World.Node.WatchAsync(Kinds.Pods, "default", new ListQuery(FieldSelector: "metadata.name=a"), list.Text("metadata", "resourceVersion")!, Token).GetAsyncEnumerator(Token);
        var next = watch.MoveNextAsync();
        await World.Node.SendAsync(HttpMethod.Delete, "api/v1/namespaces/default/pods/a?gracePeriodSeconds=0", null, null, Token);
        Assert.True(await next);
        Assert.Equal(WatchEventType.Deleted, watch.Current.Type);
        Assert.Empty((await World.Node.SendAsync(HttpMethod.Get, One, null, null, Token)).Items("items")!);
    }

    [Fact]
    public async Task Pods_that_the_kubelet_watches_are_there_while_cut_off_and_after_a_restart_of_the_hub()
    {
        await World.CreatePodAsync("a");
        await ListFromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await World.CreatePodAsync("b");
        await HubWorld.UntilAsync(async () => (await ListFromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1")).Count == 2, "the second pod came by the watch");
        await World.CutAsync();
        Assert.Equal(["a", "b"], (await World.Node.ListAsync(Kinds.Pods, null, OfNode, Token)).Items.Select(pod => pod.Name()));
        await World.StopHubAsync();
        await World.StartHubAsync();
        Assert.Equal(["a", "b"], (await World.Node.ListAsync(Kinds.Pods, null, OfNode, Token)).Items.Select(pod => pod.Name()));
        Assert.Equal("a", (await World.Node.GetAsync(Kinds.Pods, "default", "a", Token))!.Name());
    }

    [Fact]
    public async Task What_was_never_asked_is_refused_while_cut_off_and_not_told_to_be_empty()
    {
        await World.CutAsync();
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => World.Node.ListAsync(Kinds.Services, null, null, Token));
        Assert.Equal(503, refused.Code);
        Assert.Contains("cut off", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_cut_off_a_kubelet_writes_of_its_pods_the_status_alone_as_at_the_API_server()
    {
        await World.CreatePodAsync("a");
        await ListFromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await World.CutAsync();
        var other = JsonNode.Parse("""{"spec":{"containers":[{"name":"c","image":"other"}]}}""")!;
        Assert.Equal(403, (await Assert.ThrowsAsync<KubeStatusException>(() => World.Node.PatchAsync(Kinds.Pods, "default", "a", PatchKind.StrategicMerge, other, Token))).Code);
        Assert.Equal(0, World.Hub.Journalled);
        await StatusAsync("a", "10.0.0.7");
        await World.RestoreAsync();
        var pod = (await World.Upstream.GetAsync(Kinds.Pods, "default", "a", Token))!;
        Assert.Equal(("i", "10.0.0.7"), (pod.Items("spec", "containers")![0].Text("image"), pod.Text("status", "podIP")));
        Assert.DoesNotContain((await World.Upstream.ListAsync(Kinds.Events, "default", null, Token)).Items, one => one.Text("reason") == "OfflineWriteDropped");
    }

    [Fact]
    public async Task While_cut_off_the_cluster_says_of_itself_what_it_said_before()
    {
        string[] documents = ["version", "apis", "apis/apps/v1"];
        var before = new List<string>();
        foreach (var document in documents)
        {
            before.Add(await World.Node.Http.GetStringAsync(new Uri(document, UriKind.Relative), Token));
        }

        await World.CutAsync();
        await World.StopHubAsync();
        await World.StartHubAsync();
        foreach (var (document, said) in documents.Zip(before))
        {
            using var answer = await World.Node.Http.GetAsync(new Uri(document, UriKind.Relative), Token);
            Assert.Equal((said, "application/json"), (await answer.Content.ReadAsStringAsync(Token), answer.Content.Headers.ContentType?.MediaType));
        }
    }

    [Fact]
    [Trait("Defect", "E20")]
    public async Task A_kubelet_asks_for_a_certificate_while_cut_off_though_nobody_did_before()
    {
        await World.StopHubAsync();
        const string Definition = """
            {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"certificatesigningrequests.certificates.k8s.io","annotations":{"api-approved.kubernetes.io":"unapproved, for a test"}},
            "spec":{"group":"certificates.k8s.io","scope":"Cluster","names":{"plural":"certificatesigningrequests","kind":"CertificateSigningRequest"},
            "versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}
            """;
        await World.Upstream.SendAsync(HttpMethod.Post, "apis/apiextensions.k8s.io/v1/customresourcedefinitions", JsonNode.Parse(Definition), null, Token);
        await World.StartHubAsync();
        await HubWorld.UntilAsync(() => Task.FromResult(World.Hub.Database.Read(CacheRows.Kinds).Any(kind => kind.Plural == "certificatesigningrequests")), "the kind is known");
        await World.CutAsync();
        var request = (JsonObject)JsonNode.Parse("""{"apiVersion":"certificates.k8s.io/v1","kind":"CertificateSigningRequest","metadata":{"name":"csr-1"},"spec":{"request":"eA==","signerName":"kubernetes.io/kubelet-serving","usages":["digital signature"]}}""")!;
        Assert.Equal("csr-1", (await World.Node.SendAsync(HttpMethod.Post, "apis/certificates.k8s.io/v1/certificatesigningrequests", request, null, Token)).Name());

        // It waits for its certificate as long as it takes; when the node is back it looks anew.
        var kind = new ResourceRef("certificates.k8s.io", "v1", "certificatesigningrequests", "CertificateSigningRequest", false);
        await using var watch = World.Node.WatchAsync(kind, null, new ListQuery(FieldSelector: "metadata.name=csr-1"), "0", Token).GetAsyncEnumerator(Token);
        Assert.True(await watch.MoveNextAsync());
        Assert.Equal("csr-1", watch.Current.Object.Name());
        var next = watch.MoveNextAsync().AsTask();
        await World.RestoreAsync();
        await Task.WhenAny(next).WaitAsync(TimeSpan.FromSeconds(10), Token);
        Assert.False(next is { IsCompletedSuccessfully: true, Result: true });
    }

    [Fact]
    public async Task While_cut_off_health_is_the_hubs_own_and_says_nothing_of_an_API_server_that_nobody_reaches()
    {
        using var stranger = World.PodWith("a token that only the API server can judge");
        Assert.Equal((HttpStatusCode.OK, "ok"), await HealthAsync(World.Node, "readyz"));
        Assert.Equal((HttpStatusCode.OK, "ok"), await HealthAsync(World.Node, "readyz/api-server"));
        await World.CutAsync();
        foreach (var asks in new[] { World.Node, stranger })
        {
            Assert.Equal((HttpStatusCode.OK, "ok"), await HealthAsync(asks, "healthz"));
            var (code, text) = await HealthAsync(asks, "readyz?verbose");
            Assert.Equal(HttpStatusCode.OK, code); // A k3s agent starts neither kubelet nor network without it.
            Assert.Contains("[+]cache ok\n[-]api-server failed: cut off since 20", text, StringComparison.Ordinal);
            Assert.DoesNotContain("etcd", text, StringComparison.Ordinal);
            Assert.Equal(HttpStatusCode.NotFound, (await HealthAsync(asks, "readyz/etcd")).Code);
        }

        await World.RestoreAsync();
        Assert.Contains("[+]etcd ok", (await HealthAsync(World.Node, "readyz?verbose")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_cut_off_a_kubelet_writes_of_its_own_node_and_its_own_pods_alone_as_at_the_API_server()
    {
        await World.CreatePodAsync("own");
        await World.Upstream.CreateAsync(Kinds.Pods, "default", (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"others"},"spec":{"nodeName":"n2","containers":[{"name":"c","image":"i"}]}}""")!, Token);
        foreach (var name in (string[])["n1", "n2"])
        {
            await World.Upstream.CreateAsync(Kinds.Nodes, null, new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Node", ["metadata"] = new JsonObject { ["name"] = name } }, Token);
        }

        await ListFromZeroAsync(World.Node, "api/v1/pods");
        await ListFromZeroAsync(World.Node, "api/v1/nodes");
        await World.CutAsync();
        await NodeLabelAsync(World.Node, "own");
        await StatusAsync("own", "10.0.0.7");
        foreach (var write in (Func<Task>[])
            [
                () => World.Node.PatchAsync(Kinds.Nodes, null, "n2", PatchKind.Merge, new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["word"] = "x" } } }, Token),
                () => StatusAsync("others", "10.0.0.8"),
                () => World.Node.DeleteAsync(Kinds.Pods, "default", "others", Token),
            ])
        {
            var refused = await Assert.ThrowsAsync<KubeStatusException>(write);
            Assert.Equal(403, refused.Code);
            Assert.Contains("may write its own alone, as at an API server", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_hub_that_starts_cut_off_says_so()
    {
        const int CutOff = 7003;
        Assert.DoesNotContain(CutOff, World.Logged);
        await World.StopHubAsync();
        World.Cable.Cut();
        World.Logged.Clear();
        await World.StartHubAsync();
        await HubWorld.UntilAsync(() => Task.FromResult(World.Logged.Contains(CutOff)), "it says that it is cut off");
    }

    [Fact]
    public async Task A_hub_that_no_other_node_reaches_takes_back_what_an_earlier_one_said_of_itself()
    {
        await World.StopHubAsync();
        await World.Upstream.CreateAsync(Kinds.Nodes, null, (JsonObject)JsonNode.Parse(
            """{"apiVersion":"v1","kind":"Node","metadata":{"name":"n1","labels":{"ote.baidu.com/site":"shop"},"annotations":{"ote.baidu.com/edgehub":"https://10.0.0.1:10261","ote.baidu.com/edgehub-ca-sha256":"x","ote.baidu.com/witness":"{}","mine":"y"}}}""")!, Token);
        await World.StartHubAsync();
        await HubWorld.UntilAsync(() => Task.FromResult(World.Hub.State == Ote.EdgeHub.Offline.ConnectionState.Connected), "connected");
        await ListFromZeroAsync(World.Node, "api/v1/nodes?fieldSelector=metadata.name%3Dn1");
        await HubWorld.UntilAsync(
            async () => (await World.Upstream.GetAsync(Kinds.Nodes, null, "n1", Token))!["metadata"]!["annotations"]!.AsObject().Select(annotation => annotation.Key).SequenceEqual(["mine"]), "its annotations are gone");
        Assert.Contains(7031, World.Logged); // A node of a site that nobody can speak for.
    }

    [Theory]
    [InlineData("server.key")]
    [InlineData("server.crt")]
    [InlineData("ca.key")]
    [InlineData("ca.crt")]
    public async Task A_certificate_that_is_damaged_keeps_no_hub_from_starting(string file)
    {
        var authority = World.Hub.AuthorityPem;
        await World.StopHubAsync();
        await File.WriteAllTextAsync(Path.Combine(World.Folder, "pki", file), "", Token);
        await World.StartHubAsync();
        await HubWorld.UntilAsync(() => Task.FromResult(World.Hub.State == Ote.EdgeHub.Offline.ConnectionState.Connected), "connected");
        await ListFromZeroAsync(World.Node, "api/v1/pods");
        Assert.Equal(file.StartsWith("server", StringComparison.Ordinal), World.Hub.AuthorityPem == authority);
        Assert.Equal(file.StartsWith("ca", StringComparison.Ordinal), World.Logged.Contains(7033));
    }

    [Fact]
    public async Task While_cut_off_a_list_of_exactly_an_older_version_is_expired_and_not_told_as_something_else()
    {
        await World.CreatePodAsync("a");
        var before = (await FromZeroAsync(World.Node, "api/v1/pods")).Text("metadata", "resourceVersion");
        await World.CreatePodAsync("b");
        await HubWorld.UntilAsync(async () => (await ListFromZeroAsync(World.Node, "api/v1/pods")).Count == 2, "the copy has both");
        await World.CutAsync();
        foreach (var how in (string[])["resourceVersionMatch=Exact", "limit=7"])
        {
            var gone = await Assert.ThrowsAsync<KubeStatusException>(() => World.Node.SendAsync(HttpMethod.Get, $"api/v1/pods?resourceVersion={before}&{how}", null, null, Token));
            Assert.Equal(410, gone.Code);
        }

        Assert.Equal(2, (await World.Node.SendAsync(HttpMethod.Get, $"api/v1/pods?resourceVersion={before}", null, null, Token)).Items("items")!.Count);
    }

    [Fact]
    [Trait("Defect", "E8")]
    public async Task Journal_is_told_on_return_and_empty_then_also_over_a_restart_of_the_hub()
    {
        var pod = await World.CreatePodAsync("a");
        await ListFromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await World.CutAsync();
        await StatusAsync("a", "10.0.0.9");
        await World.Node.CreateAsync(Kinds.Events, "default", (JsonObject)JsonNode.Parse(
            """{"apiVersion":"v1","kind":"Event","metadata":{"name":"e1","namespace":"default"},"involvedObject":{"kind":"Pod","namespace":"default","name":"a"},"reason":"Started","type":"Normal"}""")!, Token);
        Assert.Equal(2, World.Hub.Journalled);
        await World.StopHubAsync();
        await World.StartHubAsync();
        Assert.Equal(2, World.Hub.Journalled);
        await World.RestoreAsync();
        Assert.Equal(0, World.Hub.Journalled);
        var after = (await World.Upstream.GetAsync(Kinds.Pods, "default", "a", Token))!;
        Assert.Equal((pod.Uid(), "10.0.0.9"), (after.Uid(), after.Text("status", "podIP")));
        Assert.Equal("Started", (await World.Upstream.GetAsync(Kinds.Events, "default", "e1", Token))!.Text("reason"));
    }

    [Fact]
    [Trait("Defect", "E9")]
    public async Task Second_create_of_the_same_name_conflicts_and_of_a_pod_that_is_not_known_here_it_is_not_said_that_it_is_not_there()
    {
        await ListFromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await World.CutAsync();
        await World.Node.CreateAsync(Kinds.Pods, "default", Mirror("m"), Token);
        Assert.True((await Assert.ThrowsAsync<KubeStatusException>(() => World.Node.CreateAsync(Kinds.Pods, "default", Mirror("m"), Token))).IsAlreadyExists);
        // Of pods elsewhere in the cluster nobody knows here.
        Assert.Equal(503, (await Assert.ThrowsAsync<KubeStatusException>(() => World.Node.DeleteAsync(Kinds.Pods, "default", "nobody", Token))).Code);
        var plain = Mirror("p");
        plain["metadata"]!.AsObject().Remove("annotations");
        Assert.Equal(503, (await Assert.ThrowsAsync<KubeStatusException>(() => World.Node.CreateAsync(Kinds.Pods, "default", plain, Token))).Code);
        await World.RestoreAsync();
        Assert.Equal("h", (await World.Upstream.GetAsync(Kinds.Pods, "default", "m", Token))!.Annotation("kubernetes.io/config.mirror"));
    }

    [Theory]
    [InlineData("node.db", false)]
    [InlineData("node.db", true)]
    [InlineData("node.key", false)]
    [InlineData("node.key", true)]
    [Trait("Defect", "E19")]
    public async Task Damaged_cache_is_put_aside_and_the_hub_works_as_long_as_the_API_server_answers(string file, bool isEmptied)
    {
        await World.CreatePodAsync("a");
        await ListFromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await World.StopHubAsync();
        var path = Path.Combine(World.Folder, file);
        var bytes = await File.ReadAllBytesAsync(path, Token);
        System.Security.Cryptography.RandomNumberGenerator.Fill(bytes);
        await File.WriteAllBytesAsync(path, isEmptied ? [] : bytes, Token);
        File.Delete(Path.Combine(World.Folder, "node.db-wal"));
        await World.StartHubAsync();
        await HubWorld.UntilAsync(() => Task.FromResult(World.Hub.State == Ote.EdgeHub.Offline.ConnectionState.Connected), "connected");
        Assert.Single(await ListFromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1"));
        Assert.True(File.Exists(Path.Combine(World.Folder, "node.db.damaged")));
    }
}
