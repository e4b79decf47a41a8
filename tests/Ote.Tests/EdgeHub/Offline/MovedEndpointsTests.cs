using System.Text.Json.Nodes;
using Ote.EdgeHub.Offline;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeHub.Offline;

public sealed class MovedEndpointsTests
{
    private static readonly JsonObject s_slice = (JsonObject)JsonNode.Parse("""
        {"addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"],"conditions":{"ready":true},"targetRef":{"kind":"Pod","uid":"a"}},{"addresses":["10.0.9.9"],"conditions":{"ready":true},"targetRef":{"kind":"Pod","uid":"elsewhere"}}]}
        """)!;

    private static readonly JsonObject s_endpoints = (JsonObject)JsonNode.Parse("""
        {"subsets":[{"addresses":[{"ip":"10.0.0.1","targetRef":{"kind":"Pod","uid":"a"}},{"ip":"10.0.9.9","targetRef":{"kind":"Pod","uid":"elsewhere"}}],"ports":[{"port":80}]}]}
        """)!;

    [Fact]
    public void A_pod_that_has_another_address_is_led_to_there_and_others_stay()
    {
        var slice = MovedEndpoints.With(s_slice, "a", Pod("10.0.0.2", "True"))!;
        Assert.Equal("""[{"addresses":["10.0.0.2"],"conditions":{"ready":true},"targetRef":{"kind":"Pod","uid":"a"}},{"addresses":["10.0.9.9"],"conditions":{"ready":true},"targetRef":{"kind":"Pod","uid":"elsewhere"}}]""", slice["endpoints"]!.ToJsonString());
        var endpoints = MovedEndpoints.With(s_endpoints, "a", Pod("10.0.0.2", "True"))!;
        Assert.Equal(["10.0.0.2", "10.0.9.9"], endpoints.Items("subsets")![0].Items("addresses")!.Select(address => address.Text("ip")!).Order());
    }

    [Fact]
    public void A_pod_that_is_not_ready_gets_no_traffic_and_one_that_is_gone_is_not_named()
    {
        Assert.Equal("false", MovedEndpoints.With(s_slice, "a", Pod("10.0.0.1", "False"))!.Items("endpoints")![0]!["conditions"]!["ready"]!.ToJsonString());
        var subset = MovedEndpoints.With(s_endpoints, "a", Pod("10.0.0.1", "False"))!.Items("subsets")![0];
        Assert.Equal(["10.0.9.9"], subset.Items("addresses")!.Select(address => address.Text("ip")!));
        Assert.Equal(["10.0.0.1"], subset.Items("notReadyAddresses")!.Select(address => address.Text("ip")!));
        Assert.Single(MovedEndpoints.With(s_slice, "a", null)!.Items("endpoints")!);
        // Between two sandboxes it has no address; its next one is put where it was named.
        var between = MovedEndpoints.With(s_slice, "a", Pod(null, "True"))!;
        Assert.Equal(2, between.Items("endpoints")!.Count);
        Assert.Equal("false", between.Items("endpoints")![0]!["conditions"]!["ready"]!.ToJsonString());
        Assert.Equal("10.0.0.2", (string?)MovedEndpoints.With(between, "a", Pod("10.0.0.2", "True"))!.Items("endpoints")![0]!["addresses"]![0]);
    }

    [Fact]
    public void What_says_so_already_or_names_another_pod_is_not_written()
    {
        Assert.Null(MovedEndpoints.With(s_slice, "a", Pod("10.0.0.1", "True")));
        Assert.Null(MovedEndpoints.With(s_endpoints, "a", Pod("10.0.0.1", "True")));
        Assert.Null(MovedEndpoints.With(s_slice, "b", Pod("10.0.0.7", "True")));
        Assert.False(MovedEndpoints.Concerns(Pod("10.0.0.1", "True"), Pod("10.0.0.1", "True")));
        Assert.True(MovedEndpoints.Concerns(Pod("10.0.0.1", "True"), Pod("10.0.0.1", "False")));
        Assert.True(MovedEndpoints.Concerns(Pod("10.0.0.1", "True"), null));
    }

    private static JsonObject Pod(string? address, string ready) => new()
    {
        ["metadata"] = new JsonObject { ["uid"] = "a" },
        ["status"] = new JsonObject { ["podIP"] = address, ["conditions"] = new JsonArray(new JsonObject { ["type"] = "Ready", ["status"] = ready }) },
    };
}
