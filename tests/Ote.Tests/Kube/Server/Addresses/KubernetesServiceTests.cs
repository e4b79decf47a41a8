using System.Net;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Tests.Kube.Server.Http;

namespace Ote.Tests.Kube.Server.Addresses;

/// <summary>The Service by which pods reach the API server.</summary>
public sealed class KubernetesServiceTests
{
    private static readonly IPEndPoint AnyPort = new(IPAddress.Loopback, 0);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_has_the_ranges_first_address_and_leads_to_where_others_reach_the_server()
    {
        await using var api = await ApiServerFixture.StartAsync(options: o => o with { KeepsKubernetesService = true, AdvertiseAddress = IPAddress.Parse("192.0.2.7") });
        Assert.Null(await api.Admin.GetAsync(Kinds.Services, "default", "kubernetes", Token)); // nobody listens yet
        var at = await api.Server.ListenAsync(AnyPort, Token);
        var service = (await api.Admin.GetAsync(Kinds.Services, "default", "kubernetes", Token))!;
        Assert.Equal(("10.96.0.1", "apiserver", "kubernetes"), (service.Text("spec", "clusterIP"), service.Text("metadata", "labels", "component"), service.Text("metadata", "labels", "provider")));
        Assert.Equal(("https", 443, "TCP", at.Port), (service.Items("spec", "ports")![0].Text("name"), service.Items("spec", "ports")![0].Whole("port"), service.Items("spec", "ports")![0].Text("protocol"), service.Items("spec", "ports")![0].Whole("targetPort")));
        var endpoints = (await api.Admin.GetAsync(Kinds.Endpoints, "default", "kubernetes", Token))!;
        Assert.Equal($$"""[{"addresses":[{"ip":"192.0.2.7"}],"ports":[{"name":"https","port":{{at.Port}},"protocol":"TCP"}]}]""", endpoints["subsets"]!.ToJsonString());
        var slice = (await api.Admin.GetAsync(Kinds.EndpointSlices, "default", "kubernetes", Token))!;
        Assert.Equal(("IPv4", "kubernetes", "192.0.2.7"), (slice.Text("addressType"), slice.Text("metadata", "labels", "kubernetes.io/service-name"), (string?)slice["endpoints"]![0]!["addresses"]![0]));
    }

    [Fact]
    public async Task Whoever_deletes_or_changes_it_gets_it_back()
    {
        await using var api = await ApiServerFixture.StartAsync(options: o => o with { KeepsKubernetesService = true, AdvertiseAddress = IPAddress.Parse("192.0.2.7") });
        var at = await api.Server.ListenAsync(AnyPort, Token);
        var from = (await api.Admin.ListAsync(Kinds.Services, "default", null, Token)).ResourceVersion;
        await api.Admin.DeleteAsync(Kinds.Services, "default", "kubernetes", Token);
        await SeesAsync(api, Kinds.Services, from, WatchEventType.Added, obj => obj.Text("spec", "clusterIP") == "10.96.0.1");
        from = (await api.Admin.ListAsync(Kinds.Endpoints, "default", null, Token)).ResourceVersion;
        await api.SendAsync(HttpMethod.Patch, "api/v1/namespaces/default/endpoints/kubernetes", """{"subsets":[]}""", "application/merge-patch+json");
        await SeesAsync(api, Kinds.Endpoints, from, WatchEventType.Modified, obj => obj.Items("subsets") is { Count: 1 });
        Assert.Equal(at.Port, (await api.Admin.GetAsync(Kinds.EndpointSlices, "default", "kubernetes", Token))!.Items("ports")![0].Whole("port"));
    }

    [Fact]
    public async Task Nothing_stands_behind_it_where_nobody_else_reaches_the_server_and_another_address_does_where_the_first_is_taken()
    {
        await using var api = await ApiServerFixture.StartAsync(options: o => o with { KeepsKubernetesService = true });
        Assert.Equal(201, (await api.SendAsync(HttpMethod.Post, "api/v1/namespaces/default/services", """{"metadata":{"name":"early"},"spec":{"clusterIP":"10.96.0.1","ports":[{"port":80}]}}""")).Code);
        await api.Server.ListenAsync(AnyPort, Token);
        var address = (await api.Admin.GetAsync(Kinds.Services, "default", "kubernetes", Token))!.Text("spec", "clusterIP");
        Assert.True(address != "10.96.0.1" && IPNetwork.Parse("10.96.0.0/16").Contains(IPAddress.Parse(address!)));
        Assert.Null(await api.Admin.GetAsync(Kinds.Endpoints, "default", "kubernetes", Token));
        Assert.Null(await api.Admin.GetAsync(Kinds.EndpointSlices, "default", "kubernetes", Token));
    }

    [Fact]
    public async Task It_has_no_address_where_nobody_deals_them_out_and_moves_with_the_port_of_the_next_start()
    {
        var folder = Directory.CreateTempSubdirectory("ote-own-");
        try
        {
            int[] ports = [0, 0];
            for (var run = 0; run < 2; run++)
            {
                await using var server = await ApiServer.StartAsync(
                    new ApiServerOptions { DataDirectory = folder.FullName, KeepsKubernetesService = true, ServiceClusterIPRange = null },
                    Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance, TimeProvider.System, Token);
                ports[run] = (await server.ListenAsync(AnyPort, Token)).Port;
                using var admin = server.CreateClient(Ote.Kube.Server.Access.UserInfo.Admin);
                var service = (await admin.GetAsync(Kinds.Services, "default", "kubernetes", Token))!;
                Assert.Null(service.Text("spec", "clusterIP"));
                Assert.Equal(ports[run], service.Items("spec", "ports")![0].Whole("targetPort"));
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task SeesAsync(ApiServerFixture api, ResourceRef kind, string from, WatchEventType type, Func<System.Text.Json.Nodes.JsonObject, bool> wanted)
    {
        await foreach (var change in api.Admin.WatchAsync(kind, "default", new ListQuery(FieldSelector: "metadata.name=kubernetes"), from, Token))
        {
            if (change.Type == type && wanted(change.Object))
            {
                return;
            }
        }

        Assert.Fail($"the watch of {kind.Plural} ended before it was seen");
    }
}
