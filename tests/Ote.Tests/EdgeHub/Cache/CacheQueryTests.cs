using System.Text.Json.Nodes;
using Ote.EdgeHub.Cache;
using Ote.Kube.Client;
using Ote.Kube.Server.Store;

namespace Ote.Tests.EdgeHub.Cache;

public sealed class CacheQueryTests
{
    [Theory]
    [InlineData("/api/v1/pods", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1", true)]
    [InlineData("/api/v1/pods", "/api/v1/namespaces/a/pods?labelSelector=app%3Dweb", true)]
    [InlineData("/api/v1/namespaces/a/pods", "/api/v1/pods", false)]
    [InlineData("/api/v1/pods?fieldSelector=spec.nodeName%3Dn1", "/api/v1/namespaces/a/pods?fieldSelector=status.phase%3DPending,spec.nodeName%3Dn1", true)]
    [InlineData("/api/v1/pods?fieldSelector=spec.nodeName%3Dn1", "/api/v1/pods?fieldSelector=spec.nodeName!%3Dn1", false)]
    [InlineData("/api/v1/pods?fieldSelector=spec.nodeName%3Dn1,status.phase%3DPending", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1", false)]
    [InlineData("/api/v1/pods?labelSelector=app%3Dweb", "/api/v1/pods", false)]
    [InlineData("/api/v1/pods?labelSelector=app%3Dweb", "/api/v1/namespaces/a/pods?labelSelector=app%3Dweb", true)]
    [InlineData("/api/v1/pods", "/api/v1/services", false)]
    [InlineData("/apis/storage.k8s.io/v1/csidrivers", "/apis/storage.k8s.io/v1beta1/csidrivers", false)]
    [InlineData("/api/v1/pods", "/api/v1/namespaces/a/pods/p", false)]
    public void A_query_includes_one_that_asks_for_part_of_it(string wide, string narrow, bool includes) => Assert.Equal(includes, Of(wide).Includes(Of(narrow)));

    [Theory]
    [InlineData("/api/v1/namespaces/a/pods?labelSelector=app%3Dweb&fieldSelector=spec.nodeName%3Dn1")]
    [InlineData("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1")]
    [InlineData("/api/v1/nodes")]
    public void A_query_is_found_again_by_its_text(string target) => Assert.Equal(Of(target), CacheQuery.Parse(Of(target).ToString()));

    [Fact]
    public void An_object_that_is_written_here_is_shown_in_the_copies_whose_selectors_choose_it()
    {
        var pod = (JsonObject)JsonNode.Parse("""{"metadata":{"name":"p","namespace":"a","labels":{"app":"web"}},"spec":{"nodeName":"n1"}}""")!;
        var key = new StoreKey("/pods", "a", "p");
        Assert.True(Of("/api/v1/pods?labelSelector=app%3Dweb&fieldSelector=spec.nodeName%3Dn1").Matches(key, pod));
        Assert.False(Of("/api/v1/pods?fieldSelector=spec.nodeName%3Dn2").Matches(key, pod));
        Assert.False(Of("/api/v1/namespaces/b/pods").Matches(key, pod));
        Assert.True(Of("/api/v1/namespaces/a/pods/p").Matches(key, pod));
    }

    [Fact]
    public void Of_an_object_that_is_not_in_a_copy_of_another_alone_nothing_is_known()
    {
        Assert.True(Of("/api/v1/pods").Covers(new StoreKey("/pods", "a", "p")));
        Assert.True(Of("/api/v1/nodes?fieldSelector=metadata.name%3Dn1").Covers(new StoreKey("/nodes", "", "n1")));
        Assert.False(Of("/api/v1/pods?fieldSelector=spec.nodeName%3Dn1").Covers(new StoreKey("/pods", "a", "p")));
        Assert.False(Of("/api/v1/nodes?fieldSelector=metadata.name%3Dn1").Covers(new StoreKey("/nodes", "", "n2")));
    }

    private static CacheQuery Of(string target)
    {
        Assert.True(ApiPath.TryParse(target, out var path, out _));
        return CacheQuery.Of(path);
    }
}
