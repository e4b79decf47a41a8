using System.Net;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeHub;

/// <summary>Pods that ask the API server by way of the hub, with the token of their account.</summary>
public sealed class PodsBehindHubTests : IAsyncLifetime
{
    private HubWorld _world = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _world = await HubWorld.StartAsync(IPAddress.Parse("10.96.0.1"));
        foreach (var account in (string[])["shop", "other"])
        {
            await _world.Upstream.CreateAsync(Kinds.ServiceAccounts, "default", (JsonObject)JsonNode.Parse($$$"""{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"{{{account}}}"}}""")!, Token);
        }

        await _world.Upstream.CreateAsync(Kinds.Services, "default", (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"Service","metadata":{"name":"web"},"spec":{"ports":[{"port":80}]}}""")!, Token);
    }

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    [Fact]
    public async Task A_pod_is_answered_while_cut_off_what_it_read_before_also_after_a_restart_of_the_hub()
    {
        var token = await HubWorld.TokenAsync(_world.Upstream, "shop");
        using (var pod = _world.PodWith(token))
        {
            Assert.Equal(["web"], await ServicesAsync(pod));
        }

        await _world.CutAsync();
        using (var pod = _world.PodWith(token))
        {
            Assert.Equal(["web"], await ServicesAsync(pod));
        }

        await _world.StopHubAsync();
        await _world.StartHubAsync();
        using (var pod = _world.PodWith(token))
        {
            Assert.Equal(["web"], await ServicesAsync(pod));
            Assert.Equal("web", (await pod.GetAsync(Kinds.Services, "default", "web", Token))!.Name());
        }
    }

    [Fact]
    public async Task A_token_that_the_kubelet_was_given_is_known_before_its_pod_has_shown_it_and_one_that_nobody_knows_is_not()
    {
        using (var pod = _world.PodWith(await HubWorld.TokenAsync(_world.Upstream, "shop")))
        {
            await ServicesAsync(pod);
        }

        var given = await HubWorld.TokenAsync(_world.Node, "shop");
        var unknown = await HubWorld.TokenAsync(_world.Upstream, "shop");
        await _world.CutAsync();
        using (var pod = _world.PodWith(given))
        {
            Assert.Equal(["web"], await ServicesAsync(pod));
        }

        using var nobody = _world.PodWith(unknown);
        Assert.Equal(503, (await Assert.ThrowsAsync<KubeStatusException>(() => ServicesAsync(nobody))).Code);
    }

    [Fact]
    public async Task A_pod_has_its_accounts_rights_alone_and_neither_another_accounts_nor_the_kubelets_copies()
    {
        using var pod = _world.PodWith(await HubWorld.TokenAsync(_world.Upstream, "shop"));
        using var other = _world.PodWith(await HubWorld.TokenAsync(_world.Upstream, "other"));
        await ServicesAsync(pod);
        await _world.Node.ListAsync(Kinds.Services, null, null, Token);
        Assert.Equal(403, (await Assert.ThrowsAsync<KubeStatusException>(() => ServicesAsync(other))).Code);
        await _world.CutAsync();
        Assert.Equal(503, (await Assert.ThrowsAsync<KubeStatusException>(() => ServicesAsync(other))).Code);
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => pod.CreateAsync(
            Kinds.Events, "default", (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"Event","metadata":{"name":"e"},"involvedObject":{},"reason":"r"}""")!, Token));
        Assert.Equal(503, refused.Code); // the journal is told as the kubelet
    }

    [Fact]
    public async Task Secrets_that_a_pod_reads_do_not_lie_on_the_node()
    {
        await _world.Upstream.CreateAsync(Kinds.Secrets, "default", (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"Secret","metadata":{"name":"word"},"stringData":{"word":"x"}}""")!, Token);
        using var pod = _world.PodWith(await HubWorld.TokenAsync(_world.Upstream, "shop"));
        Assert.NotNull(await pod.GetAsync(Kinds.Secrets, "default", "word", Token));
        await _world.CutAsync();
        Assert.Equal(503, (await Assert.ThrowsAsync<KubeStatusException>(() => pod.GetAsync(Kinds.Secrets, "default", "word", Token))).Code);
    }

    [Fact]
    public async Task The_service_kubernetes_leads_to_the_hub_on_this_node_and_nowhere_else()
    {
        var slices = new ResourceRef("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", true);
        foreach (var name in (string[])["kubernetes", "web"])
        {
            await _world.Upstream.CreateAsync(slices, "default", (JsonObject)JsonNode.Parse($$$"""
                {"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"{{{name}}}","labels":{"kubernetes.io/service-name":"{{{name}}}"}},
                 "addressType":"IPv4","endpoints":[{"addresses":["192.0.2.9"]}],"ports":[{"name":"https","port":6443}]}
                """)!, Token);
        }

        foreach (var isCut in (bool[])[false, true])
        {
            if (isCut)
            {
                await _world.CutAsync();
            }

            Assert.Equal(["10.1.2.3:10261", "192.0.2.9:6443"], await ToAsync(_world.Node));
        }

        Assert.Equal(["192.0.2.9:6443", "192.0.2.9:6443"], await ToAsync(_world.Upstream));

        async Task<string[]> ToAsync(KubeClient asks) =>
            [.. (await asks.ListAsync(slices, "default", null, Token)).Items.OrderBy(slice => slice.Name()).Select(slice => $"{slice["endpoints"]![0]!["addresses"]![0]}:{slice["ports"]![0]!["port"]}")];
    }

    [Fact]
    public async Task Custom_objects_are_kept_once_they_were_asked_for_also_over_a_restart_of_the_hub()
    {
        await _world.Upstream.CreateAsync(
            new ResourceRef("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", false), null,
            (JsonObject)JsonNode.Parse("""
                {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"pools.net.example.com"},"spec":{"group":"net.example.com","scope":"Cluster","names":{"plural":"pools","kind":"Pool"},
                 "versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}
                """)!, Token);
        var pools = new ResourceRef("net.example.com", "v1", "pools", "Pool", false);
        await HubWorld.UntilAsync(
            async () =>
            {
                try
                {
                    await _world.Upstream.CreateAsync(pools, null, (JsonObject)JsonNode.Parse("""{"apiVersion":"net.example.com/v1","kind":"Pool","metadata":{"name":"blue"},"spec":{"range":"10.8.0.0/16"}}""")!, Token);
                    return true;
                }
                catch (KubeStatusException early) when (early.IsNotFound)
                {
                    return false;
                }
            },
            "the kind is served");
        Assert.Equal(["10.8.0.0/16"], await RangesAsync());
        await _world.CutAsync();
        Assert.Equal(["10.8.0.0/16"], await RangesAsync());
        await _world.StopHubAsync();
        await _world.StartHubAsync();
        Assert.Equal(["10.8.0.0/16"], await RangesAsync());

        async Task<string[]> RangesAsync() =>
            [.. (await _world.Node.SendAsync(HttpMethod.Get, "apis/net.example.com/v1/pools?resourceVersion=0", null, null, Token)).Items("items")!.Select(pool => pool.Text("spec", "range")!)];
    }

    [Fact]
    public async Task Pods_are_given_the_hubs_authority_beside_the_clusters()
    {
        await _world.Upstream.CreateAsync(
            Kinds.ConfigMaps, "default", new JsonObject { ["apiVersion"] = "v1", ["kind"] = "ConfigMap", ["metadata"] = new JsonObject { ["name"] = "kube-root-ca.crt" }, ["data"] = new JsonObject { ["ca.crt"] = "the cluster's\n" } }, Token);
        var seen = (await _world.Node.GetAsync(Kinds.ConfigMaps, "default", "kube-root-ca.crt", Token))!;
        Assert.Equal("the cluster's\n" + _world.Hub.AuthorityPem.Trim() + "\n", seen.Text("data", "ca.crt"));
        var listed = await _world.Node.ListAsync(Kinds.ConfigMaps, "default", new ListQuery(FieldSelector: "metadata.name=kube-root-ca.crt"), Token);
        Assert.Equal(seen.Text("data", "ca.crt"), Assert.Single(listed.Items).Text("data", "ca.crt"));
        await _world.CutAsync();
        Assert.Equal(seen.Text("data", "ca.crt"), (await _world.Node.GetAsync(Kinds.ConfigMaps, "default", "kube-root-ca.crt", Token))!.Text("data", "ca.crt"));
    }

    private static async Task<string[]> ServicesAsync(KubeClient pod)
    {
        var list = await pod.SendAsync(HttpMethod.Get, "api/v1/services?resourceVersion=0", null, null, Token);
        return [.. list.Items("items")!.Select(item => item!["metadata"]!["name"]!.ToString()).Order()];
    }
}
