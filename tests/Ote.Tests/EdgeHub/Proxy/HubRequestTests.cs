using Ote.EdgeHub.Offline;
using Ote.EdgeHub.Proxy;
using Ote.Kube.Client;

namespace Ote.Tests.EdgeHub.Proxy;

public sealed class HubRequestTests
{
    [Theory]
    [InlineData("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1&resourceVersion=0", "Follow", "Follow")]
    [InlineData("GET", "/api/v1/pods?watch=true&fieldSelector=spec.nodeName%3Dn1&resourceVersion=7", "Follow", "Follow")]
    [InlineData("GET", "/api/v1/pods", "Forward", "Follow")] // what is so now, only the API server knows
    [InlineData("GET", "/api/v1/secrets?resourceVersion=0", "Forward", "Unanswered")] // those of the whole cluster never lie on a node
    [InlineData("GET", "/api/v1/namespaces/a/secrets?resourceVersion=0", "Forward", "Unanswered")]
    [InlineData("GET", "/api/v1/namespaces/a/secrets?fieldSelector=metadata.name%3Dword&resourceVersion=0", "Follow", "Follow")]
    [InlineData("GET", "/api/v1/namespaces/a/secrets/word", "Keep", "ReadHere")]
    [InlineData("GET", "/api/v1/nodes/n1?resourceVersion=0", "Keep", "ReadHere")]
    [InlineData("PATCH", "/api/v1/nodes/n1/status", "Keep", "WriteHere")]
    [InlineData("PATCH", "/api/v1/namespaces/a/pods/p/status", "Keep", "WriteHere")]
    [InlineData("POST", "/api/v1/namespaces/a/events", "Keep", "WriteHere")]
    [InlineData("PUT", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1", "Keep", "WriteHere")]
    [InlineData("POST", "/apis/apps/v1/namespaces/a/deployments", "Keep", "Unanswered")]
    [InlineData("POST", "/apis/authentication.k8s.io/v1/tokenreviews", "Keep", "Remember")]
    [InlineData("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", "Keep", "Remember")]
    [InlineData("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "Keep", "Remember")] // a k3s agent waits for it
    [InlineData("POST", "/api/v1/namespaces/a/serviceaccounts/default/token", "Keep", "Remember")]
    [InlineData("GET", "/api/v1/namespaces/a/pods/p/log", "Forward", "Unanswered")]
    [InlineData("GET", "/apis", "Forward", "Document")]
    [Trait("Defect", "E10")]
    public void A_components_request_has_a_way_while_connected_and_one_while_cut_off(string method, string target, string connected, string cutOff)
    {
        var request = Request(method, target, isComponent: true);
        Assert.Equal(connected, $"{request.Way(true, MergeRules.Takes)}");
        Assert.Equal(cutOff, $"{request.Way(false, MergeRules.Takes)}");
    }

    [Theory]
    [InlineData("GET", "/api/v1/pods?watch=true&resourceVersion=0")]
    [InlineData("GET", "/api/v1/namespaces/a/secrets/word")]
    [InlineData("GET", "/apis")]
    public void Who_is_no_component_of_the_node_is_passed_on_and_gets_nothing_of_the_cache(string method, string target)
    {
        var request = Request(method, target, isComponent: false);
        Assert.Equal(Route.Forward, request.Way(true, MergeRules.Takes));
        Assert.Equal(Route.Unanswered, request.Way(false, MergeRules.Takes));
    }

    [Fact]
    public void A_kind_that_nobody_knows_is_passed_on_and_nothing_of_secrets_is_kept_for_a_pod()
    {
        var unknown = Request("GET", "/apis/example.com/v1/widgets?resourceVersion=0", isComponent: true) with { IsKnown = false };
        Assert.Equal((Route.Forward, Route.Unanswered), (unknown.Way(true, MergeRules.Takes), unknown.Way(false, MergeRules.Takes)));
        var secret = Request("GET", "/api/v1/namespaces/a/secrets/word", isComponent: true) with { IsPod = true };
        Assert.Equal((Route.Forward, Route.Unanswered), (secret.Way(true, MergeRules.Takes), secret.Way(false, MergeRules.Takes)));
    }

    [Fact]
    public void What_is_seen_differently_on_the_node_comes_by_the_copies_also_when_it_is_asked_for_as_it_is_now()
    {
        var slices = Request("GET", "/apis/discovery.k8s.io/v1/endpointslices", isComponent: true) with { IsSeenDifferently = true };
        Assert.Equal(Route.Follow, slices.Way(true, MergeRules.Takes));
        Assert.Equal(Route.Forward, (Request("GET", "/api/v1/services", isComponent: true) with { IsSeenDifferently = true }).Way(true, MergeRules.Takes));
    }

    [Theory]
    [InlineData("GET", "/api/v1/nodes/n1?resourceVersion=0", Route.ReadHere)]
    [InlineData("GET", "/api/v1/nodes/n1", Route.Keep)] // as it is now
    [InlineData("GET", "/api/v1/nodes/n1?resourceVersion=7", Route.Keep)]
    [InlineData("PATCH", "/api/v1/nodes/n1?resourceVersion=0", Route.Keep)]
    public void One_object_at_any_version_comes_from_a_copy_that_is_kept_up(string method, string target, object way) =>
        Assert.Equal(way, (Request(method, target, isComponent: true) with { IsKeptUp = true }).Way(true, MergeRules.Takes));

    [Theory]
    [InlineData("/api/v1/pods?resourceVersion=7", 7L)]
    [InlineData("/api/v1/pods?resourceVersion=7&limit=0", 7L)]
    [InlineData("/api/v1/pods?resourceVersion=7&limit=500&resourceVersionMatch=NotOlderThan", 7L)]
    [InlineData("/api/v1/pods?resourceVersion=0&limit=500", 0L)]
    [InlineData("/api/v1/pods?resourceVersion=7&limit=500", null)] // exactly that
    [InlineData("/api/v1/pods?resourceVersion=7&resourceVersionMatch=Exact", null)]
    [InlineData("/api/v1/pods", null)] // as it is now
    [InlineData("/api/v1/pods?resourceVersion=-7", null)]
    [InlineData("/api/v1/pods/a?resourceVersion=7", null)]
    [InlineData("/api/v1/pods?resourceVersion=7&watch=true", null)]
    public void A_list_is_to_be_no_older_than_a_version_unless_it_is_asked_for_exactly_that(string target, long? version)
    {
        var request = Request("GET", target, isComponent: true);
        Assert.Equal(version, request.NoOlderThan);
        if (version > 0)
        {
            Assert.Equal(Route.Forward, request.Way(true, MergeRules.Takes));
            Assert.Equal(Route.Follow, (request with { IsNewEnough = true }).Way(true, MergeRules.Takes));
        }
    }

    [Theory]
    [InlineData("GET", "/api/v1/pods", "no pods are kept for \"kubelet\" in this form: kept is what it watched")]
    [InlineData("GET", "/api/v1/nodes/n7", "\"n7\" is not among the nodes that \"kubelet\" read or watched")]
    [InlineData("GET", "/api/v1/namespaces/a/pods/b/log", "pods/log of \"b\" comes from one alone")]
    [InlineData("POST", "/api/v1/namespaces/a/configmaps", "POST of configmaps is not possible until one answers")]
    public void What_nobody_answers_while_cut_off_says_what_would_have_been_kept(string method, string target, string said)
    {
        var request = Request(method, target, isComponent: true);
        Assert.Contains(said, Unanswered.Text(request, "kubelet", isKnown: true), StringComparison.Ordinal);
        Assert.Contains(method == "GET" ? "this token was not seen" : "not possible", Unanswered.Text(request, "token", isKnown: false), StringComparison.Ordinal);
    }

    private static HubRequest Request(string method, string target, bool isComponent)
    {
        Assert.True(ApiPath.TryParse(target, out var path, out _));
        return new HubRequest(path.Resource is null ? null : path, method, isComponent, TakesJson: true) { IsKnown = true };
    }
}
