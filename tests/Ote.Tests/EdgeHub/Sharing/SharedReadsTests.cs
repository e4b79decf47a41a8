using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Ote.EdgeHub;
using Ote.EdgeHub.Cache;
using Ote.EdgeHub.Sharing;
using Ote.EdgeHub.Witness;

namespace Ote.Tests.EdgeHub.Sharing;

public sealed class SharedReadsTests
{
    private static readonly SitePeer s_first = Peer("n1"), s_third = Peer("n3"), s_last = Peer("n9");
    private static readonly SharingHub s_hub = new("n1", new Uri("https://n1:10261"), "AA==");
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Candidates_are_those_whose_names_come_before_in_their_order() =>
        Assert.Equal([s_first, s_third], Of("n5").Candidates([s_last, s_third, s_first, new SitePeer("n0", null, "")]));

    [Fact]
    public void Who_does_not_share_has_none() => Assert.Empty(Of("n5", shares: false).Candidates([s_first]));

    [Fact]
    public void One_that_failed_is_left_for_a_minute_and_said_so_once()
    {
        var reads = Of("n5");
        var turned = 0;
        reads.Changed += () => turned++;
        reads.Choose(s_hub);
        reads.Leave(s_hub, "it answers 503");
        reads.Leave(s_hub, "it answers 503");
        Assert.Null(reads.Source);
        Assert.Equal(2, turned);
        Assert.Equal([s_third], reads.Candidates([s_first, s_third]));
        reads.Choose(s_hub);
        Assert.Null(reads.Source);

        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal([s_first, s_third], reads.Candidates([s_first, s_third]));
    }

    [Theory]
    [InlineData("", "services", null, "", true)]
    [InlineData("", "services", null, "metadata.name=a", false)]
    [InlineData("", "services", "default", "", false)]
    [InlineData("discovery.k8s.io", "endpointslices", null, "", true)]
    [InlineData("", "pods", null, "", false)]
    [InlineData("", "secrets", null, "", false)]
    public void It_concerns_what_is_the_same_on_all_nodes(string group, string plural, string? ns, string fields, bool concerns) =>
        Assert.Equal(concerns, SharedReads.Concerns(new CacheQuery(group, "v1", plural, ns, null, "", fields)));

    private SharedReads Of(string node, bool shares = true) =>
        new(new EdgeHubOptions { NodeName = node, DataDirectory = "", Servers = [], Kubeconfigs = [], SharesReads = shares }, _time, NullLogger.Instance);

    private static SitePeer Peer(string name) => new(name, new Uri($"https://{name}:10261"), "AA==");
}
