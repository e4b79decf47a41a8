using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Tunnel;

public sealed class TunnelOverTlsTests
{
    [Fact]
    public async Task Child_attaches_and_messages_travel_both_ways()
    {
        await using TlsTree tree = await new TlsTree().StartAsync();
        (EdgeTunnel child, Recorder edge) = tree.Child("c1");
        tree.Run(child);

        (ILink down, Hello? hello, _) = await tree.Root.NextAttached();
        (ILink up, _, Welcome? welcome) = await edge.NextAttached();
        Assert.Equal(new PeerIdentity("c1", "uid-c1"), down.Peer);
        Assert.Equal(["tier=edge"], hello!.Tags);
        Assert.Equal("", hello.AdvertisedAddress); // T2: a wildcard is never passed on
        Assert.Equal("root", welcome!.Name);
        Assert.Equal("root", up.Peer.Name);

        Assert.True(down.TrySend(TestMessages.Text("down")));
        await up.SendDurableAsync(TestMessages.Text("up"), TestContext.Current.CancellationToken).Soon();
        Assert.Equal("down", TestMessages.TextOf((await edge.NextMessage()).Message));
        Message received = (await tree.Root.NextMessage()).Message;
        Assert.Equal("up", TestMessages.TextOf(received));
        Assert.Equal(1u, received.Hops);
        Assert.Equal(16, received.Id.Length);
    }

    [Fact]
    public async Task Large_message_arrives_whole_in_chunks()
    {
        await using TlsTree tree = await new TlsTree().StartAsync();
        (EdgeTunnel child, Recorder edge) = tree.Child("c1");
        tree.Run(child);
        ILink up = (await edge.NextAttached()).Link;
        string text = new('x', 3_000_000);
        await up.SendDurableAsync(TestMessages.Text(text, Lane.Bulk), TestContext.Current.CancellationToken).Soon();
        Assert.Equal(text, TestMessages.TextOf((await tree.Root.NextMessage()).Message));
    }
}
