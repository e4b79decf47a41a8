using Ote.Cluster.Access;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Access;

public sealed class CommandAskTests
{
    [Theory]
    [InlineData("GET", "/api/v1/namespaces/shop/pods/web", "get pods 'web' in namespace shop")]
    [InlineData("HEAD", "/api/v1/namespaces/shop/pods/web", "get pods 'web' in namespace shop")]
    [InlineData("get", "/api/v1/pods?limit=5", "list pods")]
    [InlineData("GET", "/api/v1/namespaces/shop/pods/web/log?follow=1", "get pods/log 'web' in namespace shop")]
    [InlineData("POST", "/apis/apps/v1/namespaces/shop/deployments", "create deployments.apps in namespace shop")]
    [InlineData("PUT", "/apis/apps/v1/namespaces/shop/deployments/web", "update deployments.apps 'web' in namespace shop")]
    [InlineData("PATCH", "/apis/apps/v1/namespaces/shop/deployments/web/scale", "patch deployments/scale.apps 'web' in namespace shop")]
    [InlineData("DELETE", "/api/v1/namespaces/shop/pods", "deletecollection pods in namespace shop")]
    [InlineData("DELETE", "/api/v1/namespaces/shop", "delete namespaces 'shop'")]
    [InlineData("GET", "/version", "get /version")]
    [InlineData("GET", "/apis", "get /apis")]
    [InlineData("GET", "/api/v1/namespaces/%73hop/secrets/x", "get secrets 'x' in namespace shop")]
    public void Url_and_method_are_read_as_the_api_server_does(string method, string url, string what) =>
        Assert.Equal(what, CommandAsk.Of(new Command { Destination = "api", Method = method, Url = url })?.What);

    [Theory]
    [InlineData("/api/v1/namespaces/shop/../../secrets")]
    [InlineData("/api/v1//namespaces/shop/pods")]
    [InlineData("/api/v1/namespaces/shop%2Fpods")]
    [InlineData("version")]
    public void Url_with_more_than_one_reading_asks_for_nothing_that_could_be_allowed(string url) =>
        Assert.Null(CommandAsk.Of(new Command { Destination = "api", Method = "GET", Url = url }));

    [Fact]
    public void Another_destination_is_no_request_of_the_api() =>
        Assert.Equal("post helm:/api/v1/pods", CommandAsk.Of(new Command { Destination = "helm", Method = "POST", Url = "/api/v1/pods" })?.What);
}
