using System.Collections.Frozen;
using Ote.Cluster.Lateral;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Lateral;

public sealed class LateralStateTests
{
    private static readonly LateralState Told = new(new Way(IsOpen: true, TimeSpan.FromMilliseconds(20), 1000), new[] { "d1", "d2" }.ToFrozenSet());

    [Fact]
    public void It_is_the_same_over_the_wire()
    {
        var read = LateralState.From(Told.ToWire());
        Assert.Equal(Told.Uplink, read.Uplink);
        Assert.True(read.Below.SetEquals(Told.Below));
        Assert.False(LateralState.From(new LateralNews { Attached = true, Held = true }).Uplink.IsOpen);
        Assert.Null(LateralState.From(new LateralNews { Attached = true }).Uplink.RoundTrip);
    }

    [Fact]
    public void Names_that_are_none_are_left_out_and_too_many_are_nobody()
    {
        Assert.Equal(["d1"], LateralState.From(new LateralNews { Below = { "d1", "root", "D1", "" } }).Below);
        var news = new LateralNews();
        news.Below.Add(Enumerable.Range(0, LateralState.MostBelow + 1).Select(i => $"d{i}"));
        Assert.Empty(LateralState.From(news).Below);
    }

    [Fact]
    public void Only_what_changes_a_choice_is_news()
    {
        Assert.True(Told.IsNews(null));
        Assert.False(Told.IsNews(Told));
        Assert.False((Told with { Uplink = Told.Uplink with { RoundTrip = TimeSpan.FromMilliseconds(23) } }).IsNews(Told));
        Assert.True((Told with { Uplink = Told.Uplink with { RoundTrip = TimeSpan.FromMilliseconds(30) } }).IsNews(Told));
        Assert.True((Told with { Uplink = Told.Uplink with { IsOpen = false } }).IsNews(Told));
        Assert.True((Told with { Below = new[] { "d1" }.ToFrozenSet() }).IsNews(Told));
    }
}
