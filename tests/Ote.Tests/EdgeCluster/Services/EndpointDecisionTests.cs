using System.Text.Json.Nodes;
using Ote.EdgeCluster.Services;
using Ote.Kube.Objects;

namespace Ote.Tests.EdgeCluster.Services;

public sealed class EndpointDecisionTests
{
    [Fact]
    public void Endpoint_is_ready_serving_and_terminating_as_its_pod_is()
    {
        var going = Pod("c", 4);
        going["metadata"]!["deletionTimestamp"] = "2026-03-01T12:00:30Z";
        var slice = Assert.Single(Decide(Service(), Pod("a", 2), Pod("b", 3, ready: false), going).Slices);
        Assert.Equal(
            ["10.244.0.2 True True False", "10.244.0.3 False False False", "10.244.0.4 False True True"],
            slice.Items("endpoints")!.Select(e => $"{e.Items("addresses")![0].Text()} {e.Truth("conditions", "ready")} {e.Truth("conditions", "serving")} {e.Truth("conditions", "terminating")}"));
        Assert.Equal("web", slice.Text("metadata", "labels", "kubernetes.io/service-name"));
        Assert.Equal("zone-of-n1", slice.Items("endpoints")![0].Text("zone"));
    }

    [Fact]
    public void Old_form_has_ready_and_unready_addresses_and_no_ending_pod()
    {
        var going = Pod("c", 4);
        going["metadata"]!["deletionTimestamp"] = "2026-03-01T12:00:30Z";
        var subset = Assert.Single(Decide(Service(), Pod("a", 2), Pod("b", 3, ready: false), going).Endpoints.Items("subsets")!);
        Assert.Equal("10.244.0.2", Assert.Single(subset.Items("addresses")!).Text("ip"));
        Assert.Equal("10.244.0.3", Assert.Single(subset.Items("notReadyAddresses")!).Text("ip"));
        Assert.Equal(80, Assert.Single(subset.Items("ports")!).Whole("port"));
    }

    [Fact]
    public void Not_ready_pods_are_published_where_the_service_wants_them()
    {
        var decision = Decide(Service("""{"publishNotReadyAddresses":true}"""), Pod("a", 2, ready: false));
        Assert.True(decision.Slices[0].Items("endpoints")![0].Truth("conditions", "ready"));
        Assert.Single(decision.Endpoints.Items("subsets")![0].Items("addresses")!);
    }

    [Fact]
    public void Named_port_is_the_pods_own_and_pods_that_differ_are_in_different_slices()
    {
        var service = Service("""{"ports":[{"name":"http","port":80,"targetPort":"web","protocol":"TCP"}]}""");
        var decision = Decide(service, Pod("a", 2, port: 8080), Pod("b", 3, port: 9090), Pod("c", 4, port: 8080));
        Assert.Equal(["8080 2", "9090 1"], decision.Slices.Select(s => $"{s.Items("ports")![0].Whole("port")} {s.Items("endpoints")!.Count}"));
    }

    [Fact]
    public void Pods_of_a_headless_service_have_their_host_names()
    {
        var pod = Pod("web-0", 2);
        pod["spec"]!["hostname"] = "web-0";
        pod["spec"]!["subdomain"] = "web";
        var slice = Decide(Service("""{"clusterIP":"None"}"""), pod).Slices[0];
        Assert.Equal("web-0", slice.Items("endpoints")![0].Text("hostname"));
        Assert.Equal("", slice.Text("metadata", "labels", "service.kubernetes.io/headless"));
    }

    [Fact]
    public void Slices_hold_a_hundred_each_and_an_empty_service_has_an_empty_one()
    {
        Assert.Equal([100, 50], Decide(Service(), [.. Enumerable.Range(0, 150).Select(n => Pod($"p{n:000}", n))]).Slices.Select(s => s.Items("endpoints")!.Count));
        Assert.Empty(Assert.Single(Decide(Service()).Slices).Items("endpoints")!);
    }

    private static EndpointDecision Decide(JsonObject service, params JsonObject[] pods) => EndpointDecision.Decide(service, pods, node => $"zone-of-{node}");

    private static JsonObject Pod(string name, int address, bool ready = true, int port = 80)
    {
        var pod = Sample.Pod(name, ready: ready);
        pod["status"]!["podIP"] = $"10.244.0.{address}";
        pod["spec"]!["containers"]![0]!["ports"] = new JsonArray(new JsonObject { ["name"] = "web", ["containerPort"] = port, ["protocol"] = "TCP" });
        return pod;
    }

    private static JsonObject Service(string spec = "{}")
    {
        var service = Sample.Parse("""
            {"apiVersion":"v1","kind":"Service","metadata":{"name":"web","namespace":"default","uid":"sv1","resourceVersion":"5"},
             "spec":{"type":"ClusterIP","clusterIP":"10.96.0.20","selector":{"app":"web"},"ports":[{"port":80,"targetPort":80,"protocol":"TCP"}]}}
            """);
        foreach (var (name, value) in Sample.Parse(spec))
        {
            service["spec"]![name] = value?.DeepClone();
        }

        return service;
    }
}
