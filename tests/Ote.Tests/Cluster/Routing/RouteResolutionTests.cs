using Ote.Cluster.Routing;

namespace Ote.Tests.Cluster.Routing;

public sealed class RouteResolutionTests
{
    private readonly RouteTable _table = new(RouteTableTesting.Entry("root", "") with { Tags = TagSet.Of("region=bj") });

    public RouteResolutionTests()
    {
        RouteTableTesting.Tree(_table, "a", "c1", "c10", "deep/c1");
        RouteTableTesting.Tree(_table, "b", "b1");
        _table.ChildAttached(RouteTableTesting.Entry("c", "root") with { Tags = TagSet.Of("region=bj", "gpu=a100") });
    }

    [Theory]
    [InlineData("c1", "a:c1")]
    [InlineData("root", "self")]
    [InlineData("c1,c,nobody", "a:c1 c:c unknown:nobody")]
    [InlineData("c*", "a:c1,c10 c:c")]
    [InlineData("*", "self a:a,c1,c10,deep b:b,b1 c:c")]
    [InlineData("region=bj", "self c:c")]
    [InlineData("region in (bj,sh)&has(gpu)", "c:c")]
    [InlineData("gpu=a*", "c:c")]
    [InlineData("has(gpu),b1", "b:b1 c:c")]
    [InlineData("has(gpu),region=bj", "self c:c")]
    [InlineData("has(none)", "")]
    [InlineData("!region", "a:a,c1,c10,deep b:b,b1")]
    [InlineData("!(deep,c1)&*e*", "self c:c")]
    public void Targets_are_grouped_by_the_child_to_send_to_and_other_children_are_left_out(string selector, string expected)
    {
        var meant = _table.Resolve(ClusterSelector.Parse(selector));
        var parts = meant.ByNextHop.OrderBy(h => h.Key, StringComparer.Ordinal).Select(h => $"{h.Key}:{string.Join(',', h.Value.Order(StringComparer.Ordinal))}");
        string unknown = meant.Unknown.Count > 0 ? "unknown:" + string.Join(',', meant.Unknown) : "";
        Assert.Equal(expected, string.Join(' ', parts.Prepend(meant.Self ? "self" : "").Append(unknown).Where(p => p.Length > 0)));
        Assert.Equal((meant.Self ? 1 : 0) + meant.ByNextHop.Values.Sum(n => n.Count), meant.Count);
    }

    [Fact]
    public void Tags_are_found_as_they_are_now()
    {
        var step = _table.ChildAttached(RouteTableTesting.Entry("c", "root", 2) with { Tags = TagSet.Of("region=sh") });
        Assert.Single(step.Changes);
        Assert.Equal(0, Count("has(gpu)"));
        Assert.Equal(1, Count("region=sh"));
        _table.SetSelf(_table.Self with { Tags = TagSet.Empty });
        Assert.Equal(0, Count("region=bj"));
        _table.ChildDetached("c", 1);
        Assert.Equal(1, Count("region=sh"));
        _table.Forget("c");
        Assert.Equal(0, Count("region=sh"));
    }

    private int Count(string selector) => _table.Resolve(ClusterSelector.Parse(selector)).Count;
}
