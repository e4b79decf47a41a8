using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Messages;
using Ote.Cluster.Routing;

namespace Ote.Tests.Cluster.Messages;

public sealed class LostNamesTests
{
    private static readonly RouteEntry C1 = new() { Name = "c1", Uid = "u1" };
    private readonly FakeTimeProvider _time = new();
    private readonly LostNames _lost;

    public LostNamesTests() => _lost = new LostNames(_time);

    [Fact]
    public void Who_was_never_there_does_not_return() => Assert.False(_lost.MayReturn("c1"));

    [Fact]
    public void Who_is_lost_may_return_for_a_while()
    {
        _lost.Learn([new RouteChange(C1, null)]);
        Assert.True(_lost.MayReturn("c1"));
        Assert.False(_lost.MayReturn("c2"));
        _time.Advance(LostNames.Patience);
        Assert.False(_lost.MayReturn("c1"));
    }

    [Fact]
    public void Who_is_lost_again_has_all_the_time_again()
    {
        _lost.Learn([new RouteChange(C1, null)]);
        _time.Advance(LostNames.Patience / 2);
        _lost.Learn([new RouteChange(null, C1)]);
        _lost.Learn([new RouteChange(C1, null)]);
        _time.Advance(LostNames.Patience / 2);
        _lost.Learn([]);
        Assert.True(_lost.MayReturn("c1"));
    }

    [Fact]
    public void After_a_restart_anyone_may_return()
    {
        _lost.Restarted();
        Assert.True(_lost.MayReturn("c1"));
        _time.Advance(LostNames.Patience);
        Assert.False(_lost.MayReturn("c1"));
    }

    [Fact]
    public void More_than_can_be_remembered_are_taken_for_all()
    {
        _lost.Learn(Enumerable.Range(0, LostNames.MaxNames + 1).Select(i => new RouteChange(C1 with { Name = $"c{i}" }, null)));
        Assert.True(_lost.MayReturn("somebody"));
    }
}
