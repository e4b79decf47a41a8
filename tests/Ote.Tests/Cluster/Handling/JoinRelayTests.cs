using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Handling;

public sealed class JoinRelayTests
{
    [Fact]
    public async Task Without_a_way_up_the_one_who_joins_is_told_who_does_not_reach_the_root()
    {
        var relay = new JoinRelay("north", new Uplink("north", new FakeTimeProvider(), TimeSpan.FromMinutes(1)), _ => null);
        var later = await Assert.ThrowsAsync<JoinLaterException>(() => relay.AskAsync(new JoinRequest { Name = "c1" }, TestContext.Current.CancellationToken));
        Assert.Equal("north does not reach the root now", later.Message);
    }
}
