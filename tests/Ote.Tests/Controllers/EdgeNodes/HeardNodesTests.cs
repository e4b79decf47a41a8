using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Ote.Controllers.EdgeNodes;
using Ote.Kube.Objects;

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
        Assert.Equal(20, _heard.Of("n")!.Since.TotalSeconds);
        _heard.See(Lease("1999-01-01T00:00:00Z"));
        Assert.Equal(0, _heard.Of("n")!.Since.TotalSeconds);
        _time.Advance(TimeSpan.FromSeconds(3));
        _heard.See(Lease("1999-01-01T00:00:00Z"));
        Assert.Equal((3, 3, true), Seconds(_heard.Of("n")!));
    }

    [Fact]
    public void One_who_begins_to_look_takes_the_leases_word_and_is_sure_of_what_it_watched_alone()
    {
        _heard.See(Lease(At(-18)));
        Assert.Equal((18, 0, false), Seconds(_heard.Of("n")!));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal((23, 5, false), Seconds(_heard.Of("n")!));
        _heard.See(Lease(At(-3600))); // its clock is an hour behind, and it lives
        Assert.Equal((0, 0, true), Seconds(_heard.Of("n")!));
    }

    [Fact]
    public void A_renewal_in_the_kubelets_place_is_not_its_own_to_any_replica()
    {
        var lease = Lease(At(0));
        _heard.See(lease);
        _time.Advance(TimeSpan.FromSeconds(30));
        var kept = KeptLease.Renewed(lease, _time.GetUtcNow(), TimeSpan.FromSeconds(30));
        _heard.See(kept);
        Assert.Equal((30, 30, false), Seconds(_heard.Of("n")!));
        var other = new HeardNodes(_time);
        other.See(kept);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal((35, 35, false), Seconds(other.Of("n")!)); // since the kubelet was heard, not since it was kept
        Assert.True(other.Of("n")!.IsKept);

        // A kubelet that comes back writes over the time and leaves the rest standing.
        kept["spec"]!["renewTime"] = At(0);
        foreach (var each in (HeardNodes[])[_heard, other])
        {
            each.See(kept);
            Assert.Equal((0, 0, true), Seconds(each.Of("n")!));
            Assert.False(each.Of("n")!.IsKept);
        }
    }

    [Fact]
    public void A_node_without_a_lease_says_nothing_by_not_renewing_it() => Assert.Null(_heard.Of("n"));

    private static (int Since, int Watched, bool IsHeard) Seconds(Hearing hearing) => ((int)hearing.Since.TotalSeconds, (int)hearing.Watched.TotalSeconds, hearing.IsHeard);

    private string At(int seconds) => _time.GetUtcNow().AddSeconds(seconds).ToKubeTime();

    private static JsonObject Lease(string renewed) => new() { ["metadata"] = new JsonObject { ["name"] = "n" }, ["spec"] = new JsonObject { ["renewTime"] = renewed } };
}
