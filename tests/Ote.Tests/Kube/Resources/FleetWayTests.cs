using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Objects;
using Ote.Kube.Resources;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;

namespace Ote.Tests.Kube.Resources;

public sealed class FleetWayTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("203.0.113.7:8443", "203.0.113.7", 8443)]
    [InlineData("root.example.com:443", "root.example.com", 443)]
    [InlineData("[2001:db8::1]:8443", "2001:db8::1", 8443)]
    public void An_address_is_a_host_and_a_port(string address, string host, int port) => Assert.Equal((host, port), FleetWay.Split(address));

    [Theory]
    [InlineData("root.example.com")]
    [InlineData("https://root.example.com:8443")]
    [InlineData("a@b:8443")]
    [InlineData("root:8443/x")]
    [InlineData("")]
    public void What_is_no_host_and_port_is_none(string address) => Assert.Null(FleetWay.Split(address));

    [Fact]
    public void A_name_is_followed_by_the_name_and_an_address_by_endpoints()
    {
        var byName = FleetWay.Objects("ns", "root.example.com", 8443, "pem");
        Assert.Equal(["Service", "APIService"], byName.Select(o => o.Text("kind")));
        Assert.Equal(("ExternalName", "root.example.com", 8443L), (byName[0].Text("spec", "type"), byName[0].Text("spec", "externalName"), byName[1].Whole("spec", "service", "port")));
        var byAddress = FleetWay.Objects("ns", "203.0.113.7", 8443, "pem");
        Assert.Equal(["Service", "Endpoints", "APIService"], byAddress.Select(o => o.Text("kind")));
        Assert.Equal(443L, byAddress[2].Whole("spec", "service", "port"));
        Assert.Equal("""[{"addresses":[{"ip":"203.0.113.7"}],"ports":[{"name":"https","port":8443,"protocol":"TCP"}]}]""", byAddress[1]["subsets"]!.ToJsonString());
        Assert.Equal("cGVt", byAddress[2].Text("spec", "caBundle"));
    }

    [Fact]
    public async Task Where_the_address_becomes_a_name_the_service_is_made_anew_and_no_endpoints_are_left()
    {
        await using var server = await ApiServer.StartAsync(new ApiServerOptions { Name = "real", Namespaces = ["ns"] }, NullLoggerFactory.Instance, TimeProvider.System, Ct);
        using var api = server.CreateClient(UserInfo.Admin);
        // The embedded server has no APIServices.
        static IReadOnlyList<JsonObject> Way(string host) => [.. FleetWay.Objects("ns", host, 8443, "pem").Where(o => o.Text("kind") != "APIService")];
        await FleetWay.PutAsync(api, "test", Way("203.0.113.7"), Ct);
        var first = (await api.GetAsync(Kinds.Services, "ns", FleetApi.Name, Ct))!;
        await FleetWay.PutAsync(api, "test", Way("203.0.113.8"), Ct);
        Assert.Equal(first.Uid(), (await api.GetAsync(Kinds.Services, "ns", FleetApi.Name, Ct))!.Uid());
        Assert.Equal("203.0.113.8", (await api.GetAsync(Kinds.Endpoints, "ns", FleetApi.Name, Ct))!.Items("subsets")![0].Items("addresses")![0].Text("ip"));
        await FleetWay.PutAsync(api, "test", Way("root.example.com"), Ct);
        Assert.Equal("root.example.com", (await api.GetAsync(Kinds.Services, "ns", FleetApi.Name, Ct))!.Text("spec", "externalName"));
        Assert.Null(await api.GetAsync(Kinds.Endpoints, "ns", FleetApi.Name, Ct));
    }
}
