using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Ote.Controllers.EdgeNodes;

namespace Ote.Tests.Controllers.EdgeNodes;

public sealed class HeardNodesTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly HeardNodes _heard;

    public HeardNodesTests() => _heard = new HeardNodes(_time);

    [Fact]
    public void A_kubelet_is_heard_when_its_lease_is_renewed_whatever_its_clock_says()
    {
        _heard.See(Lease("2001-01-01T00:00:00Z"));
        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(20, _heard.Since("n")!.Value.TotalSeconds);
        _heard.See(Lease("1999-01-01T00:00:00Z"));
        Assert.Equal(0, _heard.Since("n")!.Value.TotalSeconds);
        _time.Advance(TimeSpan.FromSeconds(3));
        _heard.See(Lease("1999-01-01T00:00:00Z"));
        Assert.Equal(3, _heard.Since("n")!.Value.TotalSeconds);
    }

    [Fact]
    public void A_renewal_in_the_kubelets_place_is_not_its_own_also_when_it_comes_back_before_its_answer()
    {
        _heard.See(Lease("1"));
        _time.Advance(TimeSpan.FromSeconds(30));
        _heard.Renewing("n", "2");
        _heard.See(Lease("2"));
        Assert.Equal(30, _heard.Since("n")!.Value.TotalSeconds);
        _heard.See(Lease("3"));
        Assert.Equal(0, _heard.Since("n")!.Value.TotalSeconds);
    }

    [Fact]
    public void A_lease_that_another_replica_was_renewing_says_nothing_of_the_kubelet_until_it_renews_it()
    {
        _heard.See(Lease("1", kept: true));
        Assert.True(_heard.WasKept("n"));
        _heard.See(Lease("2", kept: true));
        Assert.False(_heard.WasKept("n"));
    }

    [Fact]
    public void A_node_without_a_lease_says_nothing_by_not_renewing_it() => Assert.Null(_heard.Since("n"));

    private static JsonObject Lease(string renewed, bool kept = false) => new()
    {
        ["metadata"] = new JsonObject { ["name"] = "n", ["annotations"] = kept ? new JsonObject { [HeardNodes.KeptBy] = "x" } : null }, ["spec"] = new JsonObject { ["renewTime"] = renewed },
    };
}
