using Google.Protobuf;
using Ote.Shim.Contract;
using Ote.Shim.Kubernetes.Kubernetes;
using Error = Ote.Shim.Contract.ExecuteResponse.Types.Error;

namespace Ote.Tests.ShimKubernetes.Kubernetes;

public sealed class PreparedRequestTests
{
    private static (PreparedRequest? Prepared, ExecuteResponse? Refusal) Prepare(string method, string url, string body = "", string contentType = "", string destination = "api", KubernetesShimOptions? options = null)
    {
        ExecuteRequest request = new()
        {
            Destination = destination, Method = method, Url = url, Body = ByteString.CopyFromUtf8(body), ContentType = contentType, IdempotencyKey = "k", User = new User { Name = "ann" },
        };
        PreparedRequest.TryPrepare(request, options ?? new(), out PreparedRequest? prepared, out ExecuteResponse? refusal);
        return (prepared, refusal);
    }

    [Theory]
    [InlineData("api/v1/pods")]
    [InlineData("http://evil/api/v1/pods")]
    [InlineData("//evil/api/v1/pods")]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("/api/v1/../v1/secrets")]
    [InlineData("/api/v1/./pods")]
    [InlineData("/api/v1/%2e%2e/pods")]
    [InlineData("/api/v1/.%2E/pods")]
    [InlineData("/api//v1/pods")]
    [InlineData("/api/v1/pods//")]
    [InlineData("/api/v1/namespaces/a%2fb/pods")]
    [InlineData("/api/v1/namespaces/a%2Fpods/x")]
    [InlineData("/api/v1/namespaces/a%5cb")]
    [InlineData("/api/v1\\pods")]
    [InlineData("/api/v1/pods%00")]
    [InlineData("/api/v1/pods%0d%0aX: y")]
    [InlineData("/api/v1/pods HTTP/1.1\r\nX: y")]
    [InlineData("/api/v1/%252e%252e/pods")]
    [InlineData("/api/v1/pods/%zz")]
    [InlineData("/api/v1/pods#x")]
    [InlineData("/api/v1/pods?a=b c")]
    [InlineData("/api/v1/pods?a=b#c")]
    [InlineData("/api/v1/pöds")]
    public void Url_with_more_than_one_reading_is_a_bad_request(string url) =>
        Assert.Equal(Error.BadRequest, Prepare("GET", url).Refusal?.Error);

    [Theory]
    [InlineData("POST", "/api/v1/namespaces/a/pods/p/exec?command=sh")]
    [InlineData("GET", "/api/v1/namespaces/a/pods/p/attach")]
    [InlineData("POST", "/api/v1/namespaces/a/pods/p/portforward")]
    [InlineData("GET", "/api/v1/namespaces/a/pods/p/proxy")]
    [InlineData("GET", "/api/v1/namespaces/a/pods/p/proxy/any/path")]
    [InlineData("GET", "/api/v1/namespaces/a/services/s/proxy/")]
    [InlineData("GET", "/api/v1/nodes/n/proxy/run")]
    [InlineData("GET", "/api/v1/namespaces/a/pods/p/%65xec")]
    [InlineData("GET", "/api/v1/proxy/nodes/n")]
    [InlineData("GET", "/api/v1/watch/pods")]
    [InlineData("GET", "/metrics")]
    [InlineData("GET", "/debug/pprof")]
    [InlineData("POST", "/version")]
    [InlineData("GET", "/apix/v1")]
    [Trait("Defect", "S4")]
    public void What_is_no_plain_api_request_is_not_allowed(string method, string url) =>
        Assert.Equal(Error.NotAllowed, Prepare(method, url).Refusal?.Error);

    [Fact]
    public void Streams_stay_refused_when_the_allow_list_lets_everything_through()
    {
        KubernetesShimOptions open = new() { Allow = [AllowRule.Parse("* /**")] };

        Assert.Null(Prepare("GET", "/metrics", options: open).Refusal);
        Assert.Equal(Error.NotAllowed, Prepare("POST", "/api/v1/namespaces/a/pods/p/exec", options: open).Refusal?.Error);
    }

    [Theory]
    [InlineData("GET", "/version")]
    [InlineData("GET", "/readyz/etcd")]
    [InlineData("GET", "/api")]
    [InlineData("GET", "/apis/")]
    [InlineData("GET", "/api/v1/namespaces/a/pods/p/log?tailLines=5&follow=false")]
    [InlineData("GET", "/api/v1/namespaces/default/configmaps/exec")]
    [InlineData("DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:x")]
    [InlineData("POST", "/api/v1/namespaces/a/pods/p/eviction")]
    public void Ordinary_api_request_passes(string method, string url) => Assert.Null(Prepare(method, url).Refusal);

    [Theory]
    [InlineData("/api/v1/pods?watch=true")]
    [InlineData("/api/v1/pods?watch=1")]
    [InlineData("/api/v1/pods?watch")]
    [InlineData("/api/v1/pods?limit=1&%77atch=true")]
    [InlineData("/api/v1/namespaces/a/pods/p/log?follow=true")]
    public void Request_without_an_end_is_an_unsupported_method(string url) =>
        Assert.Equal(Error.UnsupportedMethod, Prepare("GET", url).Refusal?.Error);

    [Fact]
    public void Helm_is_an_unknown_destination_that_says_what_to_do()
    {
        ExecuteResponse? refusal = Prepare("POST", "/charts", destination: "helm").Refusal;

        Assert.Equal((Error.UnknownDestination, 501), (refusal?.Error, refusal?.Code));
        Assert.Contains("helm template", refusal?.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ssh", "GET", Error.UnknownDestination)]
    [InlineData("", "GET", Error.UnknownDestination)]
    [InlineData("api", "BREW", Error.UnsupportedMethod)]
    [InlineData("api", "get", Error.UnsupportedMethod)]
    public void Unknown_destination_and_method_have_codes_of_their_own(string destination, string method, Error error) =>
        Assert.Equal(error, Prepare(method, "/api/v1/pods", destination: destination).Refusal?.Error);

    [Fact]
    public void Allow_list_refusal_names_the_rules()
    {
        ExecuteResponse? refusal = Prepare("DELETE", "/api/v1/nodes/n", options: new() { Allow = [AllowRule.Parse("GET /api/**")] }).Refusal;

        Assert.Equal(Error.NotAllowed, refusal?.Error);
        Assert.Contains("GET /api/**", refusal?.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("POST", "/api/v1/namespaces", """{"metadata":{"name":"a"}}""", "in/a/")]
    [InlineData("POST", "/api/v1/namespaces", "metadata:\n  name: a\n", "in/a/")]
    [InlineData("POST", "/api/v1/namespaces", "{", "in/")]
    [InlineData("DELETE", "/api/v1/namespaces/a", "", "in/a/")]
    [InlineData("PUT", "/api/v1/namespaces/a/finalize", "{}", "in/a/")]
    [InlineData("GET", "/api/v1/namespaces", "", "list/namespaces/")]
    [InlineData("GET", "/apis/apps/v1/namespaces/a/deployments", "", "in/a/apps.deployments/")]
    [InlineData("POST", "/apis/apps/v1/namespaces/a/deployments", """{"metadata":{"name":"x"}}""", "in/a/apps.deployments/x/")]
    [InlineData("PATCH", "/apis/apps/v1beta1/namespaces/a/deployments/x/scale", "{}", "in/a/apps.deployments/x/")]
    [InlineData("DELETE", "/api/v1/nodes/n", "", "all/.nodes/n/")]
    [InlineData("GET", "/version", "", "other//version/")]
    public void Order_key_is_the_object_below_its_namespace(string method, string url, string body, string key) =>
        Assert.Equal(key, Prepare(method, url, body).Prepared?.OrderKey);

    [Fact]
    public void Time_and_size_are_the_requests_own_within_the_shims_bounds()
    {
        KubernetesShimOptions options = new() { MaxTimeout = TimeSpan.FromMinutes(1), MaxResponseBytes = 1_000_000 };
        ExecuteRequest request = new() { Destination = "api", Method = "GET", Url = "/version", User = new User { Name = "a" }, TimeoutMilliseconds = uint.MaxValue, MaxResponseBytes = uint.MaxValue };

        Assert.True(PreparedRequest.TryPrepare(request, options, out PreparedRequest? most, out _));
        Assert.Equal((TimeSpan.FromMinutes(1), 1_000_000), (most.Timeout, most.ResponseBytes));
        PreparedRequest normal = Prepare("GET", "/version").Prepared!;
        Assert.Equal((TimeSpan.FromSeconds(30), 256 * 1024), (normal.Timeout, normal.ResponseBytes));
    }

    [Theory]
    [InlineData("/api/v1/namespaces/a/pods", "/api/v1/namespaces/a/pods?fieldManager=")]
    [InlineData("/api/v1/namespaces/a/pods?pretty=1", "/api/v1/namespaces/a/pods?pretty=1&fieldManager=")]
    public void Create_carries_the_marker_of_its_key(string url, string start) =>
        Assert.Equal(start + Repetition.MarkerOf("k"), Prepare("POST", url, """{"metadata":{"name":"x"}}""").Prepared?.Target);

    [Fact]
    public void Create_with_a_field_manager_of_the_users_is_left_as_it_is() =>
        Assert.Equal("/api/v1/namespaces/a/pods?fieldManager=me", Prepare("POST", "/api/v1/namespaces/a/pods?fieldManager=me", """{"metadata":{"name":"x"}}""").Prepared?.Target);
}
