using System.Net;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server.Access;

namespace Ote.Tests.EdgeHub;

/// <summary>Who may ask the hub for what, and as whom.</summary>
public sealed class HubIdentityTests : HubTests
{
    [Fact]
    public async Task Who_shows_no_credentials_gets_nothing()
    {
        using var http = World.HubEndpoint(new KubeEndpoint(new Uri("https://hub"))).CreateHttpClient(TimeProvider.System);
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync(new Uri("api/v1/pods", UriKind.Relative), Token)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync(new Uri("api", UriKind.Relative), Token)).StatusCode);
    }

    [Fact]
    public async Task An_empty_token_is_no_credential_and_takes_no_certificates_place()
    {
        using var nobody = World.HubEndpoint(new KubeEndpoint(new Uri("https://hub"))).CreateHttpClient(TimeProvider.System);
        Assert.Equal(HttpStatusCode.Unauthorized, await ShowAsync(nobody));
        using var kubelet = World.ClientOf("kubelet");
        Assert.Equal(HttpStatusCode.OK, await ShowAsync(kubelet.Http));

        static async Task<HttpStatusCode> ShowAsync(HttpClient http)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri("version", UriKind.Relative));
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer \t");
            using var answer = await http.SendAsync(request, Token);
            return answer.StatusCode;
        }
    }

    [Fact]
    public async Task Certificate_of_a_user_whose_credentials_the_hub_has_not_is_refused_and_not_lent_anothers()
    {
        using var admin = new KubeClient(World.HubEndpoint(Kubeconfig.Load(World.WriteKubeconfig("admin", new UserInfo("ann", [UserInfo.Masters])))).CreateHttpClient(TimeProvider.System));
        var refused = await Assert.ThrowsAsync<KubeStatusException>(() => admin.ListAsync(Kinds.Pods, null, null, Token));
        Assert.Equal(401, refused.Code);
        Assert.Contains("no credentials of \"ann\"", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Certificate_with_a_components_name_and_other_groups_is_not_lent_the_components_rights()
    {
        foreach (string[] groups in (string[][])[[], ["dev"], ["system:nodes", "dev"]])
        {
            using var other = new KubeClient(World.HubEndpoint(Kubeconfig.Load(World.WriteKubeconfig("other", new UserInfo(HubWorld.Kubelet, groups)))).CreateHttpClient(TimeProvider.System));
            var refused = await Assert.ThrowsAsync<KubeStatusException>(() => other.ListAsync(Kinds.Pods, null, OfNode, Token));
            Assert.Equal((401, true), (refused.Code, refused.Message.Contains("is not of the groups (O)", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task Component_keeps_its_own_rights()
    {
        await World.Node.SendAsync(HttpMethod.Get, "", null, null, Token); // what there is, which anybody may know
        using var proxy = World.ClientOf("proxy");
        await proxy.ListAsync(Kinds.Services, null, null, Token);
        Assert.Equal(403, (await Assert.ThrowsAsync<KubeStatusException>(() => ListFromZeroAsync(proxy, "api/v1/pods"))).Code);
        await ListFromZeroAsync(World.Node, "api/v1/pods");
        // A copy that another component filled is not this one's to read.
        Assert.Equal(403, (await Assert.ThrowsAsync<KubeStatusException>(() => ListFromZeroAsync(proxy, "api/v1/pods"))).Code);
    }

    [Fact]
    public async Task While_cut_off_a_component_neither_reads_what_another_had_read_nor_writes_with_the_kubelets_rights()
    {
        await World.Upstream.CreateAsync(Kinds.Secrets, "default", (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"Secret","metadata":{"name":"word"},"stringData":{"word":"x"}}""")!, Token);
        await World.CreatePodAsync("a");
        Assert.NotNull(await World.Node.GetAsync(Kinds.Secrets, "default", "word", Token));
        await ListFromZeroAsync(World.Node, "api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
        await World.CutAsync();
        Assert.NotNull(await World.Node.GetAsync(Kinds.Secrets, "default", "word", Token));
        using var proxy = World.ClientOf("proxy");
        Assert.Equal(503, (await Assert.ThrowsAsync<KubeStatusException>(() => proxy.GetAsync(Kinds.Secrets, "default", "word", Token))).Code);
        Assert.Equal(503, (await Assert.ThrowsAsync<KubeStatusException>(() => proxy.ListAsync(Kinds.Pods, null, OfNode, Token))).Code);
        var write = await Assert.ThrowsAsync<KubeStatusException>(() => proxy.PatchAsync(Kinds.Pods, "default", "a", PatchKind.Merge, new JsonObject { ["status"] = new JsonObject { ["podIP"] = "10.6.6.6" } }, Token, "status"));
        Assert.Equal(503, write.Code);
        Assert.Contains("only its kubelet writes pods", write.Message, StringComparison.Ordinal);
        Assert.Equal(0, World.Hub.Journalled);
    }

    [Fact]
    public async Task Nothing_of_a_secret_lies_readable_on_the_nodes_disk()
    {
        await World.Upstream.CreateAsync(Kinds.Secrets, "default", (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"Secret","metadata":{"name":"word"},"stringData":{"word":"sesame-sesame"}}""")!, Token);
        var secret = (await ListFromZeroAsync(World.Node, "api/v1/namespaces/default/secrets?fieldSelector=metadata.name%3Dword")).Single();
        await World.CutAsync();
        Assert.Equal(secret.Text("data", "word"), (await World.Node.GetAsync(Kinds.Secrets, "default", "word", Token))!.Text("data", "word"));
        await World.StopHubAsync();
        foreach (var file in Directory.EnumerateFiles(World.Folder, "node.db*"))
        {
            var text = System.Text.Encoding.Latin1.GetString(await File.ReadAllBytesAsync(file, Token));
            Assert.DoesNotContain("sesame", text, StringComparison.Ordinal);
            Assert.DoesNotContain(secret.Text("data", "word")!, text, StringComparison.Ordinal);
        }

        await World.StartHubAsync();
    }
}
