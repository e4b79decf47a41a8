using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Cluster.Handling;
using Ote.Cluster.Identity;
using Ote.Cluster.Journal;
using Ote.Cluster.Lateral;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;
using Ote.Testing.Links;
using Ote.Tests.Cluster.Tunnel;
using RouteEntry = Ote.Cluster.Routing.RouteEntry;

namespace Ote.Tests.Cluster.Lateral;

public sealed class LateralLinksTests : IDisposable
{
    private readonly CertificateAuthority _root = CertificateAuthority.Create(TimeProvider.System);

    public void Dispose() => _root.Dispose();

    [Fact]
    public async Task A_peer_that_a_listener_brings_when_the_links_have_ended_is_told_no_as_any_other()
    {
        await using var tree = new MemoryTree();
        var identity = new IdentitySource(_root.CreateIdentity(new PeerIdentity("c1", "u-c1"), []));
        var journal = new MemoryJournal();
        var links = new LateralLinks(
            new LateralShake(tree.Runtime, new TunnelOptions(), identity.Current.Peer, "test", null!, above => above + 1, NullLogger.Instance), OwnLateral.Load(journal), LateralDays.Load(journal),
            new RouteKeeper(new RouteEntry { Name = "c1", Uid = "u-c1" }, journal, tree.Time, NullLogger.Instance), new Uplink("c1", tree.Time, TimeSpan.FromMinutes(1)), () => null,
            new RevocationKeeper(journal, identity, NullLogger.Instance), tree.Runtime, NullLogger.Instance)
        {
            Take = (_, _, _) => Task.CompletedTask,
            Say = (_, _) => { },
        };
        links.Dispose();
        var link = new MemoryLink(tree.Time, static () => 0.5);
        var hello = new Hello { Name = "c2", Uid = "u-c2", Incarnation = ByteString.CopyFrom(new byte[16]), Epoch = 1, Protocol = ProtocolLimits.Version };
        var answered = links.AnswerAsync(link.Parent, new PeerIdentity("c2", "u-c2"), hello);
        Assert.Equal(Frame.KindOneofCase.Refuse, (await Channels.ReadSingleAsync(link.Child, TimeSpan.FromSeconds(10), tree.Time, TestContext.Current.CancellationToken)).KindCase);
        link.Cut();
        Assert.Null(await tree.While(answered));
    }
}
