using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.EdgeHub;
using Ote.EdgeHub.Offline;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Http;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.EdgeHub;

/// <summary>The whole hub between an API server and a kubelet that are reached within the process, as a simulation needs it.</summary>
public sealed class HubWithoutSocketsTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Hub_passes_on_what_a_component_with_a_token_asks_over_the_transport_it_was_given()
    {
        using var folder = new Scratch("hub");
        await using var api = await ApiServer.StartAsync(new ApiServerOptions { Name = "up" }, NullLoggerFactory.Instance, TimeProvider.System, Token);
        using var admin = api.CreateClient(UserInfo.Admin);
        await admin.CreateAsync(Kinds.ConfigMaps, "default", (JsonObject)JsonNode.Parse("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"word":"x"}}""")!, Token);
        // A component with a token is called by its file.
        await File.WriteAllTextAsync(
            folder[HubWorld.Kubelet],
            """{"apiVersion":"v1","kind":"Config","clusters":[{"name":"c","cluster":{"server":"https://api"}}],"users":[{"name":"u","user":{"token":"word"}}],"contexts":[{"name":"x","context":{"cluster":"c","user":"u"}}],"current-context":"x"}""",
            Token);
        var hub = Ote.EdgeHub.EdgeHub.Start(
            new EdgeHubOptions
            {
                NodeName = "n1", DataDirectory = folder["data"], Servers = [new Uri("https://api/")], Kubeconfigs = [folder[HubWorld.Kubelet]], ProbeInterval = TimeSpan.FromMilliseconds(50),
                Transport = () => api.CreateHandler(UserInfo.Admin),
            },
            NullLoggerFactory.Instance, TimeProvider.System, () => 0.5);
        await using (hub)
        {
            await HubWorld.UntilAsync(() => Task.FromResult(hub.State == ConnectionState.Connected), "connected");
            using var http = new HttpClient(new InProcessHandler(hub.HandleAsync, new UserInfo("nobody", []))) { BaseAddress = new Uri("https://hub/") };
            http.DefaultRequestHeaders.Authorization = new("Bearer", "word");
            using var node = new KubeClient(http);
            Assert.Equal("x", (await node.GetAsync(Kinds.ConfigMaps, "default", "c", Token))!.Text("data", "word"));
            Assert.Single((await node.ListAsync(Kinds.ConfigMaps, "default", new ListQuery(FieldSelector: "metadata.name=c"), Token)).Items);
        }
    }
}
