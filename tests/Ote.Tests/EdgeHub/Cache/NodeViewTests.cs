using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Ote.EdgeHub.Cache;
using Ote.Kube.Objects;
using Ote.Kube.Server.Store;

namespace Ote.Tests.EdgeHub.Cache;

public sealed class NodeViewTests
{
    private static readonly NodeView s_view = new(IPEndPoint.Parse("10.1.2.3:10261"), "THE HUB'S\n");

    [Fact]
    [Trait("Defect", "E12")]
    public void Endpoints_of_kubernetes_are_the_hub_and_those_of_others_are_as_they_are()
    {
        const string Endpoints = """{"metadata":{"name":"kubernetes"},"subsets":[{"addresses":[{"ip":"192.0.2.1"},{"ip":"192.0.2.2"}],"ports":[{"name":"https","port":6443}]}]}""";
        var seen = Seen("/endpoints", "default", "kubernetes", Endpoints);
        Assert.Equal("""[{"addresses":[{"ip":"10.1.2.3"}],"ports":[{"name":"https","port":10261,"protocol":"TCP"}]}]""", seen["subsets"]!.ToJsonString());
        AssertAsItIs("/endpoints", "shop", "kubernetes", Endpoints);
        AssertAsItIs("/endpoints", "default", "web", Endpoints);
    }

    [Theory]
    [InlineData("IPv4", "kubernetes", true)]
    [InlineData("IPv6", "kubernetes", false)]
    [InlineData("IPv4", "web", false)]
    public void A_slice_leads_to_the_hub_when_it_is_of_kubernetes_and_of_the_addresss_family(string type, string service, bool leads)
    {
        var seen = Seen("discovery.k8s.io/endpointslices", "default", "any", $$$"""{"metadata":{"labels":{"kubernetes.io/service-name":"{{{service}}}"}},"addressType":"{{{type}}}","endpoints":[{"addresses":["192.0.2.1"]}],"ports":[{"port":6443}]}""");
        Assert.Equal(leads ? "10.1.2.3" : "192.0.2.1", (string?)seen["endpoints"]![0]!["addresses"]![0]);
    }

    [Fact]
    public void An_accounts_secret_has_the_hubs_authority_too_and_any_other_secret_is_as_it_is()
    {
        var authority = Convert.ToBase64String(Encoding.UTF8.GetBytes("THE CLUSTER'S"));
        var seen = Seen("/secrets", "shop", "token-1", $$$"""{"type":"kubernetes.io/service-account-token","data":{"ca.crt":"{{{authority}}}","token":"dA=="}}""");
        Assert.Equal("THE CLUSTER'S\nTHE HUB'S\n", Encoding.UTF8.GetString(Convert.FromBase64String(seen.Text("data", "ca.crt")!)));
        Assert.Equal("dA==", seen.Text("data", "token"));
        AssertAsItIs("/secrets", "shop", "tls", $$$"""{"type":"kubernetes.io/tls","data":{"ca.crt":"{{{authority}}}"}}""");
        AssertAsItIs("/configmaps", "shop", "page", """{"data":{"ca.crt":"x"}}""");
    }

    private static JsonObject Seen(string resource, string ns, string name, string json) => (JsonObject)JsonNode.Parse(s_view.Of(new StoreKey(resource, ns, name), Encoding.UTF8.GetBytes(json)))!;

    private static void AssertAsItIs(string resource, string ns, string name, string json) =>
        Assert.Equal(json, Encoding.UTF8.GetString(s_view.Of(new StoreKey(resource, ns, name), Encoding.UTF8.GetBytes(json))));
}
